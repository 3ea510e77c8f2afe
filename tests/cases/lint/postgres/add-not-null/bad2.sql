ALTER TABLE "Order Lines" ADD "X y" text COLLATE "C" NOT NULL CHECK ("X y" <> '');
