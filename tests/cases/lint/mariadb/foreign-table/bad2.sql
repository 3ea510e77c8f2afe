ALTER TABLE theirs ADD x int;
