CREATE TABLE t (a int, b int);
ALTER TABLE t DROP b;
