ALTER TABLE users ALTER age TYPE integer;
