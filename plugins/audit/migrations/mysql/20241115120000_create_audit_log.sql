CREATE TABLE audit_log (
    id BIGINT AUTO_INCREMENT PRIMARY KEY,
    at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    what TEXT NOT NULL
);

CREATE TRIGGER invoices_are_audited AFTER INSERT ON invoices
FOR EACH ROW
BEGIN
    INSERT INTO audit_log (account_id, what) VALUES (NEW.account_id, CONCAT('invoice ', NEW.id));
END;
