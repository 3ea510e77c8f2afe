INSERT INTO users (id, email) VALUES (1, 'a') ON CONFLICT (id) DO UPDATE SET age = 1;
