ALTER TABLE users ADD x varchar(3) NOT NULL DEFAULT 'rnd';
