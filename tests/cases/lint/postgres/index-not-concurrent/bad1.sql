CREATE INDEX ON users (name);
