CREATE TABLE IF NOT EXISTS users (id bigint);
DROP TABLE users;
