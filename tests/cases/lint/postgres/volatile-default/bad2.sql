ALTER TABLE users ADD x float DEFAULT random() NOT NULL;
