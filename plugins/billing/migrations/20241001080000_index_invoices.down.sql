DROP INDEX invoices_by_account;
