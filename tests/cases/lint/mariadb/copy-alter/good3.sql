ALTER TABLE users ADD INDEX i (name);
