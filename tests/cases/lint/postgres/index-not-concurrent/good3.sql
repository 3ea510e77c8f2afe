CREATE TABLE shop."T" (a int);
CREATE INDEX ON shop."T" (a);
