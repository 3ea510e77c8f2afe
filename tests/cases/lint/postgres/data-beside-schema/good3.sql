INSERT INTO users (id, email) VALUES (1, 'a');
ALTER TABLE users ADD x int;
