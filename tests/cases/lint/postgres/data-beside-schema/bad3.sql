INSERT INTO shop.items (id, label) SELECT id, name FROM users;
ALTER TABLE users ADD y int;
