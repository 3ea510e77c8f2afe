CREATE TABLE n (id integer PRIMARY KEY, email text NOT NULL, name text, age int);
INSERT INTO n (id, email) SELECT id, email FROM users;
DROP TABLE users;
ALTER TABLE n RENAME TO users;
