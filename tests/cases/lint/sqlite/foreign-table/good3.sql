UPDATE users SET age = 1 WHERE id = 5;
