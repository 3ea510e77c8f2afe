ALTER TABLE users CHANGE name name varchar(20) COMMENT 'x';
