ALTER TABLE users ADD x int;
UPDATE users SET x = 1 WHERE id = 5;
