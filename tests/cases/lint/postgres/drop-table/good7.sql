CREATE TABLE n AS SELECT * FROM public.users;
DROP TABLE users;
ALTER TABLE n RENAME TO users;
CREATE INDEX users_age ON users (age);
