ALTER TABLE users ADD COLUMN x timestamptz NOT NULL DEFAULT now();
