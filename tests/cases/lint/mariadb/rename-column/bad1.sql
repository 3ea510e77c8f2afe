ALTER TABLE users CHANGE name nick varchar(20);
