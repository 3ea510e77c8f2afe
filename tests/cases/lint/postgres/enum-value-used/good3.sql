-- db-migrations: no-transaction
ALTER TYPE mood ADD VALUE IF NOT EXISTS 'happy';
UPDATE t SET m = 'happy' WHERE id = 1;
