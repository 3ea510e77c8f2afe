-- db-migrations: no-transaction
CREATE TABLE t (a int);
