CREATE TABLE users_new LIKE users;
DROP TABLE users;
RENAME TABLE users_new TO users;
