ALTER TABLE users ADD x timestamptz DEFAULT clock_timestamp();
