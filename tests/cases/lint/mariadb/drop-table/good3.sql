CREATE TABLE users_new LIKE users;
INSERT INTO users_new SELECT * FROM users;
DROP TABLE users;
RENAME TABLE users_new TO users;
