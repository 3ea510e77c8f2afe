-- The schema that the locked migrations make of an empty database. Commit this file; do not edit it.
-- Written by `db-migrations`; `db-migrations schema snapshot` makes it anew.
--
-- dialect: sqlite
-- server: SQLite 3.51.3
-- tool: db-migrations 0.1.0
-- proof: replay
-- digest: a65c5db13d3c81d6d7556727e6c71f63018f9e68f64b3d462727a1d197bf506a
-- run accounts::20240105090000_create_accounts
-- run billing::20240312110000_create_invoices
-- run accounts::20240820100000_index_users_by_account
-- run billing::20240901080000_open_invoices
-- skip billing::20241001080000_index_invoices
-- run audit::20241115120000_create_audit_log
-- run legacy::20190301070000_create_countries

-- table: accounts
CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    name VARCHAR(200) NOT NULL UNIQUE
);

-- table: audit_log
CREATE TABLE audit_log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    what TEXT NOT NULL
);

-- table: countries
CREATE TABLE countries (
    code CHAR(2) PRIMARY KEY,
    name VARCHAR(100) NOT NULL
);

-- table: invoices
CREATE TABLE invoices (
    id INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    cents INTEGER NOT NULL CHECK (cents >= 0),
    issued_on DATE NOT NULL
, paid_on DATE);

-- table: users
CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    email VARCHAR(320) NOT NULL UNIQUE
);

-- view: open_invoices
CREATE VIEW open_invoices AS
SELECT id, account_id, cents FROM invoices WHERE paid_on IS NULL;

-- index: users_by_account
CREATE INDEX users_by_account ON users (account_id);

-- trigger: invoices_are_audited
CREATE TRIGGER invoices_are_audited AFTER INSERT ON invoices
BEGIN
    INSERT INTO audit_log (account_id, what) VALUES (NEW.account_id, 'invoice ' || NEW.id);
END;
