-- db-migrations: no-transaction
ALTER TYPE mood ADD VALUE 'x';
