CREATE TABLE t (a int);
CREATE INDEX t_a ON t (a);
-- down
DROP TABLE IF EXISTS "t";
