ALTER TABLE users ADD x int CHECK (x > 0);
