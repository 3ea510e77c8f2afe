ALTER TABLE users ADD x char(36) DEFAULT (uuid());
