CREATE TABLE n (id bigint);
RENAME TABLE users TO users_old, n TO users;
DROP TABLE users_old;
