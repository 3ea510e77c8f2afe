CREATE TABLE n (id integer PRIMARY KEY, userId integer REFERENCES users (id));
DROP TABLE "Order Lines";
ALTER TABLE n RENAME TO "Order Lines";
