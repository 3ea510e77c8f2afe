CREATE TABLE users (id bigint PRIMARY KEY, name varchar(20), email text NOT NULL, age int, state enum('a','b'), KEY users_age (age));
CREATE TABLE `Order Lines` (id bigint PRIMARY KEY, `userId` bigint, note varchar(200), FOREIGN KEY (`userId`) REFERENCES users (id));
