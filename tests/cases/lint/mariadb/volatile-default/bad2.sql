ALTER TABLE users ADD x varchar(40) DEFAULT concat('a', uuid());
