ALTER TABLE "Order Lines" RENAME "userId" TO user_id;
