CREATE INDEX i ON users (name);
