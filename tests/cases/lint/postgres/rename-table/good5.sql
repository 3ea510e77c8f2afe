-- db-migrations: phase contract
-- db-migrations: contract-of app::00001_x
ALTER TABLE users RENAME TO people;
