DELETE FROM "Order Lines" WHERE note IS NULL;
ALTER TABLE "Order Lines" ALTER note SET DEFAULT 'x';
