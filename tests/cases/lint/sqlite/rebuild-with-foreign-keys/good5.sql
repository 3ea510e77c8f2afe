CREATE TABLE backup AS SELECT * FROM lonely;
DROP TABLE lonely;
CREATE TABLE lonely (a int);
INSERT INTO lonely SELECT * FROM backup;
DROP TABLE backup;
