ALTER TABLE users ADD owner text;
