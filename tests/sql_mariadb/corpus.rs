//! Texts that run in an empty database, and what makes them hard to cut. In those of [`PLAIN`] only
//! semicolons end statements; those of [`DELIMITED`] are for the client, with the number of their
//! statements.

pub(crate) const PLAIN: &[(&str, &str)] = &[
    ("no terminator at the end", "CREATE TABLE t (a INT); INSERT INTO t VALUES (1)"),
    (
        "strings",
        r#"CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('a;b'), ("c;""d'"), ('e'';'), (X'3b'), (_utf8mb4';'), (N';')"#,
    ),
    (
        "backslash escapes",
        r#"CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('\';'), ("\";"), ('\\'); INSERT INTO t VALUES ('\\\';')"#,
    ),
    ("comments with a number sign", "CREATE TABLE t (a INT # it's; \n); # b'\nINSERT INTO t VALUES (1) #;\n, (2)"),
    (
        "two dashes without a blank",
        "CREATE TABLE t (a INT, b TEXT); INSERT INTO t VALUES (5--1, ';'); INSERT INTO t VALUES (1 --\t;\n, 2);
         INSERT INTO t (a) VALUES (3)--\n; INSERT INTO t VALUES (1,2 --\u{1} ;'\n)"
            ,
    ),
    (
        "names in backticks",
        "CREATE TABLE `a;b``;` (`end` INT, `begin;` INT, `\"` INT); INSERT INTO `a;b``;` (`end`, `\"`) VALUES (1, 2)",
    ),
    ("comments", "/* ; */ CREATE /* ' */ TABLE t (a INT /* ; -- */); /* /* ; */ INSERT INTO t VALUES (1) /**/"),
    (
        "executable comments",
        "/*!40101 SET @old = @@sql_mode, sql_mode = 'ANSI_QUOTES' */; /*!40101 SET sql_mode = @old */;
         CREATE TABLE t (a INT /*!50000 NOT NULL */ /*M! COMMENT ';' */) /*!ENGINE=InnoDB*/; INSERT INTO t VALUES (1 /*! + 2 */)",
    ),
    ("a comment for a version to come", "CREATE TABLE t (a INT /*!999999 , b INT */ /*M!999999 , c INT */); SELECT 1"),
    ("a comment in an executable comment", "/*! CREATE TABLE t /* ; */ (a INT) */; SELECT 1"),
    ("a procedure without a block", "CREATE PROCEDURE p() SELECT IF(1, ';', REPEAT('x', 3)); CREATE TABLE t (a INT)"),
    ("a select between parentheses as the body", "CREATE PROCEDURE p() (SELECT 1); CREATE TABLE t (a INT)"),
    ("an empty block", "CREATE PROCEDURE p() BEGIN END; CREATE PROCEDURE q() BEGIN BEGIN END; END; SELECT 1"),
    (
        "nested blocks with labels",
        "CREATE PROCEDURE p(a INT) outermost: BEGIN
           DECLARE b INT DEFAULT 1;
           inner_one: BEGIN IF a = b THEN LEAVE outermost; END IF; BEGIN SET b = 2; END; END inner_one;
           `quoted one`: BEGIN SET b = 3; END `quoted one`;
         END outermost; SELECT 1",
    ),
    (
        "characteristics",
        "CREATE DEFINER=root@localhost PROCEDURE IF NOT EXISTS p1(IN a DECIMAL(5, 2), OUT b ENUM('(', ';'), INOUT c TEXT)
         COMMENT 'BEGIN;' NOT DETERMINISTIC LANGUAGE SQL MODIFIES SQL DATA SQL SECURITY INVOKER BEGIN SET b = '('; END; SELECT 1"
            ,
    ),
    (
        "if",
        "CREATE PROCEDURE p(a INT) IF a = 1 THEN SELECT 1; ELSEIF a = IF(a > 2, 1, 2) THEN SELECT 2; SELECT 3;
         ELSE IF a IS NULL THEN SELECT 4; END IF; END IF; SELECT 1",
    ),
    (
        "case statements and expressions",
        "CREATE PROCEDURE p(a INT) CASE a
           WHEN 1 THEN SELECT CASE a WHEN 1 THEN 2 END; SELECT 2;
           WHEN CASE WHEN a > 1 THEN 3 ELSE 4 END THEN SELECT 3;
           ELSE CASE WHEN a THEN BEGIN END; END CASE;
         END CASE; SELECT CASE 1 WHEN 1 THEN 2 END; SELECT 1",
    ),
    (
        "loops",
        "CREATE PROCEDURE p(a INT) BEGIN
           l: LOOP SET a = a + 1; IF a > 3 THEN LEAVE l; END IF; ITERATE l; END LOOP l;
           WHILE a > 0 DO SET a = a - 1; DO SLEEP(0); END WHILE;
           REPEAT SET a = LENGTH(REPEAT('x', a + 1)); UNTIL CASE WHEN a > 3 THEN 1 END END REPEAT;
           w: WHILE FALSE DO REPEAT SELECT 1; UNTIL TRUE END REPEAT; END WHILE w;
         END; SELECT 1",
    ),
    ("a loop as the body", "CREATE PROCEDURE p() l: LOOP LEAVE l; END LOOP; CREATE PROCEDURE q(a INT) REPEAT SET a = 1; UNTIL a END REPEAT; SELECT 1"),
    ("a while as the body", "CREATE PROCEDURE p(a INT) WHILE a DO SET a = 0; END WHILE; SELECT 1"),
    (
        "for loops",
        "CREATE TABLE t (a INT);
         CREATE PROCEDURE p() FOR i IN 1..3 DO INSERT INTO t VALUES (i); END FOR;
         CREATE PROCEDURE q() BEGIN
           l: FOR r IN (SELECT a FROM t FOR UPDATE) DO IF r.a > 1 THEN LEAVE l; END IF; END FOR l;
           FOR i IN REVERSE 1..2 DO SELECT i; END FOR;
         END; SELECT a FROM t FOR UPDATE",
    ),
    (
        "handlers and cursors",
        "CREATE TABLE t (a INT);
         CREATE PROCEDURE p() BEGIN
           DECLARE done INT DEFAULT CASE WHEN 1 THEN 0 END;
           DECLARE missing CONDITION FOR SQLSTATE '42S02';
           DECLARE c CURSOR FOR SELECT a FROM t FOR UPDATE;
           DECLARE EXIT HANDLER FOR SQLEXCEPTION, 1051 BEGIN ROLLBACK; RESIGNAL; END;
           DECLARE CONTINUE HANDLER FOR SQLSTATE VALUE '23000', missing IF done THEN SET done = 2; END IF;
           DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = 1;
           OPEN c; CLOSE c;
         END; SELECT 1",
    ),
    (
        "functions",
        "CREATE FUNCTION f(a INT) RETURNS INT RETURN CASE a WHEN 1 THEN 2 ELSE IF(a, 3, 4) END;
         CREATE FUNCTION g() RETURNS VARCHAR(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DETERMINISTIC NO SQL RETURN ';';
         CREATE FUNCTION h(a SET('(', ';')) RETURNS DECIMAL(10,2) UNSIGNED READS SQL DATA COMMENT 'x' l: BEGIN RETURN 1; END l;
         CREATE FUNCTION i() RETURNS ENUM('begin', 'end') IF 1 THEN RETURN 'end'; ELSE RETURN 'begin'; END IF;
         SELECT f(1), g(), h(';'), i()",
    ),
    (
        "an aggregate function",
        "CREATE OR REPLACE AGGREGATE FUNCTION sums(x INT) RETURNS INT BEGIN
           DECLARE s INT DEFAULT 0; DECLARE CONTINUE HANDLER FOR NOT FOUND RETURN s;
           LOOP FETCH GROUP NEXT ROW; SET s = s + x; END LOOP;
         END; SELECT sums(1)",
    ),
    (
        "triggers without a block",
        "CREATE TABLE t (a INT, `end` INT); CREATE TABLE u (a INT);
         CREATE TRIGGER t1 BEFORE INSERT ON t FOR EACH ROW SET NEW.end = IF(NEW.a, CASE NEW.a WHEN 1 THEN 2 END, 3);
         CREATE TRIGGER t2 AFTER INSERT ON t FOR EACH ROW INSERT INTO u VALUES (NEW.end);
         CREATE TRIGGER t3 BEFORE INSERT ON t FOR EACH ROW FOLLOWS t1 IF NEW.a > 1 THEN SET NEW.a = 1; END IF;
         CREATE TRIGGER t4 BEFORE INSERT ON t FOR EACH ROW PRECEDES `t1` BEGIN SET @a = NEW.end; SET @b = 1; END;
         INSERT INTO t VALUES (2, 3)",
    ),
    (
        "a trigger with a definer",
        "CREATE TABLE t (a INT); CREATE DEFINER = 'root'@'localhost' TRIGGER IF NOT EXISTS t1 AFTER DELETE ON t FOR EACH ROW
         l: BEGIN IF OLD.a THEN LEAVE l; END IF; SET @x = 'END;'; END l; DELETE FROM t",
    ),
    (
        "events",
        "CREATE TABLE t (a INT);
         CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2035-01-01 00:00:00' COMMENT 'DO' DO INSERT INTO t VALUES (IF(1, 2, 3));
         CREATE DEFINER=CURRENT_USER() EVENT IF NOT EXISTS f ON SCHEDULE AT '2035-01-01 00:00:00' ON COMPLETION PRESERVE
           DO BEGIN INSERT INTO t VALUES (1); DO SLEEP(0); END;
         ALTER EVENT e DO BEGIN DELETE FROM t; END; ALTER EVENT e DISABLE; ALTER EVENT e RENAME TO g; SELECT 1",
    ),
    (
        "a block of its own",
        "BEGIN NOT ATOMIC DECLARE a INT DEFAULT 1; l: LOOP LEAVE l; END LOOP; IF a THEN CREATE TABLE t (a INT); END IF; END; INSERT INTO t VALUES (1)",
    ),
    (
        "statements of programs outside of one",
        "CREATE TABLE t (a INT); IF 1 THEN INSERT INTO t VALUES (1); END IF; FOR i IN 1..2 DO INSERT INTO t VALUES (i); END FOR;
         CASE 1 WHEN 1 THEN INSERT INTO t VALUES (3); END CASE;
         WHILE FALSE DO DO 1; END WHILE; REPEAT DO 1; UNTIL TRUE END REPEAT; SELECT 1",
    ),
    ("transactions", "CREATE TABLE t (a INT); BEGIN; INSERT INTO t VALUES (1); COMMIT; BEGIN WORK; ROLLBACK; START TRANSACTION; COMMIT"),
    (
        "keywords as names",
        "CREATE TABLE begin (end INT, event INT, action INT); INSERT INTO begin VALUES (1, 2, 3);
         CREATE PROCEDURE p() BEGIN SELECT end, begin.end FROM begin; SELECT CASE WHEN end THEN end ELSE end END FROM begin; END;
         SELECT end FROM begin; SET @end = 1, @begin = @`case`; SELECT 1",
    ),
    (
        "if exists",
        "CREATE TABLE IF NOT EXISTS t (a INT); DROP TABLE IF EXISTS u; DROP PROCEDURE IF EXISTS p;
         CREATE PROCEDURE IF NOT EXISTS p() BEGIN DROP TABLE IF EXISTS u; CREATE TABLE IF NOT EXISTS u (a INT); END; SELECT 1",
    ),
    (
        "sequences and views",
        "CREATE SEQUENCE s START WITH 5; CREATE OR REPLACE VIEW v AS SELECT NEXTVAL(s) AS n, ';' AS x;
         CREATE DEFINER=root@localhost SQL SECURITY INVOKER VIEW w AS SELECT CASE 1 WHEN 1 THEN 2 END AS c; SELECT 1",
    ),
    (
        "partitions",
        "CREATE TABLE t (a INT NOT NULL, b DATE) PARTITION BY RANGE (a) (PARTITION p0 VALUES LESS THAN (10) COMMENT ';',
         PARTITION p1 VALUES LESS THAN MAXVALUE); ALTER TABLE t REORGANIZE PARTITION p1 INTO
         (PARTITION p2 VALUES LESS THAN (20), PARTITION p3 VALUES LESS THAN MAXVALUE); INSERT INTO t (a) VALUES (15)",
    ),
    (
        "prepared statements",
        "SET @sql = 'CREATE TABLE t (a INT)'; PREPARE s FROM @sql; EXECUTE s; DEALLOCATE PREPARE s; EXECUTE IMMEDIATE 'INSERT INTO t VALUES (1);'",
    ),
    (
        "generated columns, checks and defaults",
        "CREATE TABLE t (a INT, b INT AS (IF(a, 1, 2)) STORED, c TEXT DEFAULT (CONCAT(';', 'x')), d INT DEFAULT (CASE WHEN 1 THEN 2 END),
         CHECK (a <> 5), CONSTRAINT `;` CHECK (b > 0)); INSERT INTO t (a) VALUES (1); INSERT INTO t (a) VALUES (2) ON DUPLICATE KEY UPDATE a = 3",
    ),
    ("common table expressions", "CREATE TABLE t AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n FROM r; SELECT 1"),
    ("empty statements between", "CREATE TABLE t (a INT);\n\n  INSERT INTO t VALUES (1);\n"),
    (
        "a trigger as mysqldump writes it",
        "CREATE TABLE t (a INT); /*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER x BEFORE INSERT ON t FOR EACH ROW
         BEGIN IF NEW.a IS NULL THEN SET NEW.a = 1; END IF; END */; INSERT INTO t VALUES (NULL)",
    ),
    ("an event as mysqldump writes it", "/*!50106 CREATE*/ /*!50117 DEFINER=`root`@`localhost`*/ /*!50106 EVENT `e` ON SCHEDULE AT '2035-01-01 00:00:00' ON COMPLETION NOT PRESERVE ENABLE DO BEGIN SET @a = 1; END */; SELECT 1"),
    ("letters beyond ASCII", "CREATE TABLE `naïve;` (é INT, ü TEXT DEFAULT '…;'); INSERT INTO `naïve;` (é) VALUES (1); SELECT é AS `日本;` FROM `naïve;`"),
    (
        "calls",
        "CREATE TABLE t (a INT); CREATE PROCEDURE p() BEGIN INSERT INTO t VALUES (1); SELECT 1; SELECT 2; END; CALL p(); CALL p()",
    ),
    (
        "signals and diagnostics",
        "CREATE PROCEDURE p() BEGIN DECLARE EXIT HANDLER FOR SQLSTATE '45000' BEGIN GET DIAGNOSTICS CONDITION 1 @m = MESSAGE_TEXT; END;
         SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'a;b'; END; SELECT 1",
    ),
    (
        "system versions and row types",
        "CREATE TABLE t (a INT, s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, e TIMESTAMP(6) GENERATED ALWAYS AS ROW END,
         PERIOD FOR SYSTEM_TIME(s, e)) WITH SYSTEM VERSIONING;
         CREATE PROCEDURE p() BEGIN DECLARE r ROW TYPE OF t; DECLARE x TYPE OF t.a DEFAULT 1;
         SELECT a INTO x FROM t FOR SYSTEM_TIME ALL LIMIT 1; END; SELECT a FROM t FOR SYSTEM_TIME ALL",
    ),
    (
        "a handler named as a table",
        "CREATE TABLE handler (a INT); CREATE PROCEDURE p() BEGIN SELECT a FROM handler FOR UPDATE; IF 1 THEN SELECT 2; END IF; END; SELECT 1",
    ),
    (
        "keywords as variables and labels",
        "CREATE PROCEDURE p() data: BEGIN DECLARE end, until INT; SET end = 1; SELECT 1 AND end; until: LOOP LEAVE until; END LOOP;
         BEGIN NOT ATOMIC IF 1 THEN SELECT 2; END IF; END; LEAVE data; END; SELECT 1",
    ),
    (
        "rarer forms",
        "CREATE PROCEDURE p1() IF(1) THEN SELECT 1; END IF;
         CREATE PROCEDURE p2() BEGIN DECLARE EXIT HANDLER FOR NOT FOUND l : LOOP LEAVE l; END LOOP; END;
         CREATE FUNCTION p3() RETURNS INT LANGUAGE SQL NOT DETERMINISTIC CASE WHEN 1 THEN RETURN 1; END CASE;
         CREATE FUNCTION p4() RETURNS CHAR(3) CHARSET utf8mb4 FOR i IN 1..2 DO RETURN 1; END FOR;
         CREATE PROCEDURE p5() BEGIN DECLARE c CURSOR (x INT) FOR SELECT x; FOR r IN c(1) DO SELECT 1; END FOR; END;
         CREATE PROCEDURE p6() BEGIN SELECT CASE WHEN 1 THEN 1 END end; SELECT CASE 1 WHEN 2 THEN 3 END AS end, 2 begin; END;
         CREATE PROCEDURE p7() BEGIN FOR i IN (VALUES (1)) DO SELECT 1; END FOR; XA BEGIN 'a'; XA END 'a'; END;
         CREATE PROCEDURE p8() SELECT 1 AS begin; CREATE PROCEDURE p9() /*!50020 DETERMINISTIC */ /* BEGIN */ BEGIN -- END;
         END; SELECT 1",
    ),
    ("settings for one statement", "SET STATEMENT max_statement_time = 100 FOR CREATE TABLE t (a INT); SELECT 1"),
];

pub(crate) const DELIMITED: &[(&str, &str, usize)] = &[
    (
        "the usual",
        "CREATE TABLE t (a INT);
DELIMITER //
CREATE PROCEDURE p() BEGIN INSERT INTO t VALUES (1); SELECT 'a//b'; END//
CREATE PROCEDURE q()
BEGIN
  SELECT 1;
END;
//
DELIMITER ;
INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)",
        5,
    ),
    (
        "dollar signs",
        "DELIMITER $$\nCREATE FUNCTION f() RETURNS INT BEGIN RETURN 1; END$$ CREATE FUNCTION g() RETURNS INT RETURN 2$$\nDELIMITER ;\nCREATE TABLE t (a INT);",
        3,
    ),
    (
        "lower case, blanks before, words behind",
        "  delimiter   |   and more\nCREATE PROCEDURE p() BEGIN SELECT 1; END|\n\tDelimiter\t;\nCREATE TABLE t (a INT);",
        2,
    ),
    (
        "a word",
        "DELIMITER go\nCREATE TABLE t (a INT) go\nCREATE PROCEDURE p() BEGIN SELECT 'go', `a`.`go` FROM t AS a; ENDgo\nDELIMITER ;\nINSERT INTO t VALUES (1)",
        3,
    ),
    ("no delimiter at the end", "DELIMITER //\nCREATE PROCEDURE p() BEGIN SELECT 1; END", 1),
    (
        "never set back",
        "DELIMITER ;;\nCREATE TABLE t (a INT);;\nCREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW BEGIN SET NEW.a = 1; END;;\nINSERT INTO t VALUES (2);;",
        3,
    ),
    (
        "as mysqldump writes it",
        "CREATE TABLE t (a INT);\nDELIMITER ;;\n/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER x BEFORE INSERT ON t FOR EACH ROW BEGIN\n  SET NEW.a = 1;\nEND */;;\nDELIMITER ;\nINSERT INTO t VALUES (2);",
        3,
    ),
    (
        "in strings, names and comments",
        "DELIMITER //\nCREATE TABLE t (`a//` INT COMMENT 'x//', b INT /* // */) //\nINSERT INTO t VALUES (1, 2) -- //\n//\nINSERT INTO t VALUES (\"3\", # //\n4)//\n",
        3,
    ),
    (
        "quoted",
        "DELIMITER '$$'\nCREATE PROCEDURE p() BEGIN SELECT 1; END$$\nDELIMITER \";\"\nCREATE TABLE t (a INT);",
        2,
    ),
    (
        "back and forth",
        "DELIMITER //\nCREATE TABLE t (a INT)//\nDELIMITER ;\nINSERT INTO t VALUES (1);\nDELIMITER $$\nINSERT INTO t VALUES (2)$$\nDELIMITER //\nINSERT INTO t VALUES (3)//\n",
        4,
    ),
    ("within a word", "DELIMITER @@\nCREATE TABLE t (a INT)@@INSERT INTO t VALUES (1)@@\n", 2),
    (
        "a name, not at the beginning of a line",
        "CREATE TABLE delimiter (delimiter INT);\nINSERT INTO\ndelimiter VALUES (1);\nSELECT delimiter\n FROM delimiter;",
        3,
    ),
    (
        "only comments between",
        "DELIMITER //\nCREATE TABLE t (a INT)//\nDELIMITER ;\n\n# nothing;\n\nINSERT INTO t VALUES (1);",
        2,
    ),
    ("comments behind the last", "CREATE TABLE t (a INT); -- done;\n# done;\n/* done; */", 1),
];
