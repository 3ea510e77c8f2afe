ALTER TABLE users RENAME COLUMN name TO old_name;
ALTER TABLE users ADD COLUMN name text;
