-- db-migrations: phase contract
-- db-migrations: contract-of app::00009_gone
DROP TABLE users;
