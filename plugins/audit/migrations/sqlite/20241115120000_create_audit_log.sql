CREATE TABLE audit_log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    what TEXT NOT NULL
);

CREATE TRIGGER invoices_are_audited AFTER INSERT ON invoices
BEGIN
    INSERT INTO audit_log (account_id, what) VALUES (NEW.account_id, 'invoice ' || NEW.id);
END;
