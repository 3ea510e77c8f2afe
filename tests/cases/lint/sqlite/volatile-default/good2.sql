ALTER TABLE users ADD x text DEFAULT 'now' COLLATE nocase;
