ALTER TABLE users ADD x text DEFAULT (datetime('now'));
