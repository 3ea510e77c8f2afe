DROP VIEW open_invoices;
ALTER TABLE invoices DROP COLUMN paid_on;
