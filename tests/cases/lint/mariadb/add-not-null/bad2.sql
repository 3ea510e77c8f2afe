ALTER TABLE users ADD (x int, y varchar(3) NOT NULL);
