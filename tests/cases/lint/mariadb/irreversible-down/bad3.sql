CREATE TABLE t (a int);
CREATE TABLE u (a int);
-- down
DROP TABLE u;
