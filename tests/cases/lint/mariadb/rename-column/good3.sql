CREATE TABLE t (a int);
ALTER TABLE t CHANGE a b int;
