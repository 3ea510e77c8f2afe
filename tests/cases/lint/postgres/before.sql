CREATE TABLE users (id bigint PRIMARY KEY, name varchar(20), email text NOT NULL, age int, code char(3), price numeric(10,2), at timestamp);
CREATE TABLE "Order Lines" (id bigint PRIMARY KEY, "userId" bigint REFERENCES users (id), note text);
CREATE SCHEMA shop;
CREATE TABLE shop.items (id bigint PRIMARY KEY, label varchar(40), user_id bigint);
CREATE VIEW names AS SELECT name FROM users;
CREATE TYPE mood AS ENUM ('sad', 'ok');
