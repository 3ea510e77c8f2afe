CREATE TABLE users (id integer PRIMARY KEY, name text, email text NOT NULL, age int);
CREATE TABLE "Order Lines" (id integer PRIMARY KEY, userId integer REFERENCES users (id) ON DELETE CASCADE, note text);
CREATE TABLE lonely (a int);
