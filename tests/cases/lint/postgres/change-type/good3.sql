ALTER TABLE users ALTER price TYPE numeric(12,2);
