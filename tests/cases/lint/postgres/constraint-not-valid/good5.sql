ALTER TABLE users ADD COLUMN x int REFERENCES shop.items (id);
