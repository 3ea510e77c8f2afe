UPDATE users SET age = (SELECT 1 WHERE true);
