CREATE TABLE t (a int);
ALTER TABLE t ADD b uuid DEFAULT gen_random_uuid();
