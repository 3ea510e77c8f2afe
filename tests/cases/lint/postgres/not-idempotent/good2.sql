-- db-migrations: no-transaction
DROP INDEX CONCURRENTLY IF EXISTS i;
