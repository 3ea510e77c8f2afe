ALTER TABLE "Order Lines" ADD x int, DROP COLUMN IF EXISTS "userId";
