-- db-migrations: no-transaction
DROP INDEX CONCURRENTLY i;
