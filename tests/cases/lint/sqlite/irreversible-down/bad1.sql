ALTER TABLE users ADD x int;
-- down
-- nothing to do
