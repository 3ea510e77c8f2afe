ALTER TABLE users RENAME TO old;
CREATE TABLE users (id integer);
