ALTER TABLE users ADD x text[] DEFAULT ARRAY[]::text[];
