ALTER TABLE "Order Lines" DROP note;
