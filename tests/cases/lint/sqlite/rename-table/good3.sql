ALTER TABLE users RENAME TO old;
CREATE TABLE users (id integer);
INSERT INTO users SELECT id FROM old;
