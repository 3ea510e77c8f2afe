CREATE TABLE n (id integer PRIMARY KEY, email text NOT NULL);
INSERT INTO n SELECT id, email FROM users;
DROP TABLE users;
ALTER TABLE n RENAME TO users;
