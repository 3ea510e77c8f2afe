INSERT INTO users (id, email) VALUES (1, 'x') ON DUPLICATE KEY UPDATE age = 1;
