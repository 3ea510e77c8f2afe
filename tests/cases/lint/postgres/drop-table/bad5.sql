CREATE TABLE "Users" (id bigint);
DROP TABLE users;
