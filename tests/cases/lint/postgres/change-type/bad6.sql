ALTER TABLE users ALTER code TYPE text;
