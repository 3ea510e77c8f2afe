ALTER TYPE mood ADD VALUE IF NOT EXISTS 'so so' AFTER 'ok';
ALTER TABLE users ADD m mood DEFAULT 'so so';
