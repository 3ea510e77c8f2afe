WITH gone AS (DELETE FROM users RETURNING id) INSERT INTO shop.items (id) SELECT id FROM gone;
