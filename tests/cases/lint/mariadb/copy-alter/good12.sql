ALTER TABLE users MODIFY email text NULL;
