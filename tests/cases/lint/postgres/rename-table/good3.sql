ALTER TABLE users RENAME CONSTRAINT users_pkey TO people_pkey;
