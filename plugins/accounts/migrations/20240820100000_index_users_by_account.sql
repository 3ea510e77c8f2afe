CREATE INDEX users_by_account ON users (account_id);
