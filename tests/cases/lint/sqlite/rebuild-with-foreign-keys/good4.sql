ALTER TABLE lonely RENAME TO lonely_old;
CREATE TABLE lonely (a int);
INSERT INTO lonely SELECT a FROM lonely_old;
DROP TABLE lonely_old;
