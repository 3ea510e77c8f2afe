UPDATE users SET age = 1 ORDER BY id LIMIT 5;
