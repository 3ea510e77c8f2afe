-- db-migrations: phase contract
-- db-migrations: contract-of app::00001_x
DROP TABLE users;
