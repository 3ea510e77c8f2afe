UPDATE users SET age = 1 WHERE age = 0;
