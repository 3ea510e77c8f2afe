ALTER TABLE users ADD x int DEFAULT 1 REFERENCES shop.items (id);
