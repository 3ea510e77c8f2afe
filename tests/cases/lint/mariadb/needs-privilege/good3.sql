CREATE TABLE `user` (a int);
