ALTER TABLE "Order Lines" ADD "N" bigserial;
