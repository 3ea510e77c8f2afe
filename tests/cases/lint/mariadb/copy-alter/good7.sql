ALTER TABLE users MODIFY state enum('a','b','c');
