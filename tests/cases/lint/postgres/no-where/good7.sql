ALTER TABLE users ADD x int;
UPDATE users SET x = age;
