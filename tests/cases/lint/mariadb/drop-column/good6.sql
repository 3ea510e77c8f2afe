ALTER TABLE users ADD x int;
ALTER TABLE users DROP x;
