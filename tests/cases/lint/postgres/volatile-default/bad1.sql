ALTER TABLE users ADD COLUMN x uuid DEFAULT gen_random_uuid();
