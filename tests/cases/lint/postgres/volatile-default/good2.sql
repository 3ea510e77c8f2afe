ALTER TABLE users ADD x jsonb DEFAULT '{}'::jsonb;
