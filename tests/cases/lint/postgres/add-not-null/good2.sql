ALTER TABLE users ADD x text;
