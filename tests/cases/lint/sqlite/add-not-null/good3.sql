ALTER TABLE users ADD x int AS (age * 2) NOT NULL;
