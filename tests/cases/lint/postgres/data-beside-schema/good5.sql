CREATE TABLE t (a int);
CREATE INDEX ON t (a);
UPDATE users SET age = 1 WHERE age IS NULL;
