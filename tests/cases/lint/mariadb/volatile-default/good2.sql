ALTER TABLE users ADD x datetime(6) DEFAULT now(6);
