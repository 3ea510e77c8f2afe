DELETE FROM "Order Lines";
