ALTER TABLE users ADD x int;
