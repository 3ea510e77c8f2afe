CREATE TABLE n (id integer PRIMARY KEY, name text, email text NOT NULL, age int CHECK (age > 0));
INSERT INTO n SELECT id, name, email, age FROM users;
DROP TABLE users;
ALTER TABLE n RENAME TO users;
