UPDATE OR IGNORE users SET age = 1;
