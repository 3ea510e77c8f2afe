-- db-migrations: no-transaction
CREATE OR REPLACE VIEW names AS SELECT 1;
