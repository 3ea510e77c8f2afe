CREATE TABLE n (id integer PRIMARY KEY, name text NOT NULL, email text NOT NULL, age int);
INSERT INTO n SELECT id, name, email, age FROM users;
DROP TABLE users;
ALTER TABLE n RENAME TO users;
