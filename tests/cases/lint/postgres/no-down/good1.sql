ALTER TABLE users ADD x int;
-- down
ALTER TABLE users DROP COLUMN x;
