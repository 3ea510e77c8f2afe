CREATE TABLE n (id integer);
DROP TABLE users;
ALTER TABLE n RENAME TO users;
