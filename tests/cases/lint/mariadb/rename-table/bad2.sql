ALTER TABLE users RENAME people;
