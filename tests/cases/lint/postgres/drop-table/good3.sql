-- db-migrations: phase contract
-- db-migrations: contract-of app::1_before
DROP TABLE users;
