ALTER TABLE users MODIFY email text NOT NULL;
