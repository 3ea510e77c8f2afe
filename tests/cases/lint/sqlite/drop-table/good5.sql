CREATE TEMP TABLE kept AS SELECT * FROM users;
DROP TABLE users;
CREATE TABLE users (id integer PRIMARY KEY, name text);
INSERT INTO users SELECT id, name FROM kept;
DROP TABLE kept;
