CREATE OR REPLACE TABLE t (a int);
-- down
DROP VIEW v;
