ALTER TABLE users ADD x;
UPDATE users SET x = age;
