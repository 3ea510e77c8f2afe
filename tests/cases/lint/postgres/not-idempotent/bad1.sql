-- db-migrations: no-transaction
CREATE INDEX CONCURRENTLY i ON users (name);
