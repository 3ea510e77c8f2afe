DROP TABLE "Order Lines", shop.items;
