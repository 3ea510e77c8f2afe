//! Sample plugin: invoices of accounts. Depends on `accounts`.
