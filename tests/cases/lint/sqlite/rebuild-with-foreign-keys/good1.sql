-- db-migrations: foreign-keys off
CREATE TABLE n (id integer PRIMARY KEY);
DROP TABLE users;
ALTER TABLE n RENAME TO users;
