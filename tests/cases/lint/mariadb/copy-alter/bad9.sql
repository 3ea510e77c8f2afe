ALTER TABLE users MODIFY state enum('b','a');
