UPDATE users SET age = 1 WHERE id = 3;
-- down
-- nothing to do
