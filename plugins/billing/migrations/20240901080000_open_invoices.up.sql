ALTER TABLE invoices ADD COLUMN paid_on DATE;

CREATE VIEW open_invoices AS
SELECT id, account_id, cents FROM invoices WHERE paid_on IS NULL;
