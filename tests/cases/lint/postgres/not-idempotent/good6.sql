-- db-migrations: no-transaction
VACUUM users;
