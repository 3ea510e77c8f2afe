ALTER TABLE users ADD y int AS (age * 2) PERSISTENT;
