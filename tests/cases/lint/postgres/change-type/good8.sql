ALTER TABLE users ALTER COLUMN at TYPE timestamp(6);
