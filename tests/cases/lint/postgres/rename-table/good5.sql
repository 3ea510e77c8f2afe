-- db-migrations: phase contract
-- db-migrations: contract-of app::1_before
ALTER TABLE users RENAME TO people;
