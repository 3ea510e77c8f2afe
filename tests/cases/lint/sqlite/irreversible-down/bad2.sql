CREATE TABLE t (a int);
CREATE INDEX t_a ON users (age);
-- down
DROP TABLE t;
