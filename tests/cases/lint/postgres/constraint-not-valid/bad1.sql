ALTER TABLE shop.items ADD CONSTRAINT fk FOREIGN KEY (user_id) REFERENCES users (id);
