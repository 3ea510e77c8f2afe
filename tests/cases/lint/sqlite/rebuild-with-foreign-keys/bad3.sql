ALTER TABLE users RENAME TO users_old;
CREATE TABLE users (id integer PRIMARY KEY);
INSERT INTO users SELECT id FROM users_old;
DROP TABLE users_old;
