CREATE TABLE n (id bigint);
INSERT INTO n SELECT user_id FROM shop.items;
DROP TABLE users;
ALTER TABLE n RENAME TO users;
