ALTER TABLE users CHANGE `name` `NAME` varchar(20);
