ALTER TABLE users ADD x blob DEFAULT (randomblob(16));
