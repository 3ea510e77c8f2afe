-- db-migrations: no-transaction
ALTER TABLE users ADD x int;
