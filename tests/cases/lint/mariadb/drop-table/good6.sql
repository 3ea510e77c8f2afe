CREATE OR REPLACE TABLE t (a int);
SET STATEMENT lock_wait_timeout = 5 FOR CREATE INDEX i ON users (age);
