-- A schema of nasty cases: executed as one text, dumped, loaded into another database, dumped again.
-- Bodies hold semicolons; the server itself needs no DELIMITER.

SET foreign_key_checks = 0;

CREATE TABLE types (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    zero INT(5) UNSIGNED ZEROFILL,
    price DECIMAL(10, 2) DEFAULT 0.10,
    bits BIT(4) DEFAULT b'1010',
    latin VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_german1_ci DEFAULT 'ä',
    bin VARCHAR(20) COLLATE utf8mb4_bin,
    raw VARBINARY(16) DEFAULT x'00ff',
    odd ENUM('it''s', 'back\\slash', 'semi;colon', 'né', '"', '`', '', '(', ')') DEFAULT 'it''s',
    many SET('a b', 'c''d', 'AUTO_INCREMENT=7') DEFAULT 'a b,c''d',
    doc JSON DEFAULT '{"a": [1, "AUTO_INCREMENT=6"]}',
    made TIMESTAMP(6) NOT NULL DEFAULT current_timestamp(6) ON UPDATE current_timestamp(6),
    day DATE DEFAULT (curdate() + INTERVAL 1 DAY),
    token VARCHAR(60) DEFAULT (concat(uuid(), '; -- )')),
    hidden INT INVISIBLE DEFAULT 1,
    address INET6,
    ident UUID DEFAULT uuid(),
    twice INT GENERATED ALWAYS AS (zero * 2) VIRTUAL,
    thrice INT AS (zero * 3) PERSISTENT COMMENT 'stored; AUTO_INCREMENT=4',
    word TEXT NOT NULL COMMENT 'tab\tquote'' "double" back\\slash\nnew line `tick` ;; -- /* x */ DEFINER=`a`@`b`',
    PRIMARY KEY (id),
    UNIQUE KEY (zero),
    UNIQUE KEY pair (zero, price),
    KEY (latin),
    KEY prefix (word(10), bin(3)),
    KEY newest (made DESC, id),
    KEY ghost (twice) IGNORED,
    KEY told (day) COMMENT 'an index; told',
    FULLTEXT KEY words (word),
    UNIQUE KEY long_hash (word) USING HASH,
    CHECK (price >= 0 AND odd <> ');'),
    CONSTRAINT `named; check` CHECK (zero < 100 OR odd = 'semi;colon'),
    CHECK (bits IS NOT NULL)
) ENGINE=InnoDB COMMENT='AUTO_INCREMENT=5; it''s ) ENGINE=x' ROW_FORMAT=DYNAMIC;
INSERT INTO types (zero, word) VALUES (1, 'a'), (2, 'b');

CREATE TABLE places (id INT PRIMARY KEY, at POINT NOT NULL, area POLYGON, SPATIAL KEY (at)) ENGINE=InnoDB;
CREATE TABLE quick (a INT, b INT, KEY by_hash (a) USING HASH, KEY by_tree (b) USING BTREE) ENGINE=MEMORY;
CREATE TABLE old (a INT AUTO_INCREMENT, KEY (a)) ENGINE=MyISAM CHARACTER SET latin1 AUTO_INCREMENT=1000;
CREATE TABLE safe (a INT) ENGINE=Aria TRANSACTIONAL=1;
CREATE TABLE tight (a INT, b TEXT COMPRESSED) PAGE_COMPRESSED=1;

CREATE TABLE a_child (
    id INT PRIMARY KEY, z INT, parent INT,
    FOREIGN KEY (z) REFERENCES z_parent (id) ON DELETE CASCADE ON UPDATE SET NULL,
    CONSTRAINT tree FOREIGN KEY (parent) REFERENCES a_child (id) ON DELETE RESTRICT
);
CREATE TABLE z_parent (id INT PRIMARY KEY, first INT, CONSTRAINT firsts FOREIGN KEY (first) REFERENCES a_child (id));

CREATE TABLE by_range (id INT NOT NULL, y INT NOT NULL, PRIMARY KEY (id, y)) PARTITION BY RANGE (y)
    (PARTITION `p;0` VALUES LESS THAN (2000) COMMENT 'AUTO_INCREMENT=9', PARTITION p1 VALUES LESS THAN MAXVALUE);
CREATE TABLE by_list (a INT, b VARCHAR(9)) PARTITION BY LIST COLUMNS (a, b)
    (PARTITION p0 VALUES IN ((1, 'x;'), (2, 'it''s')), PARTITION p1 VALUES IN ((3, NULL)));
CREATE TABLE by_hash (id INT AUTO_INCREMENT PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 4;
CREATE TABLE by_both (id INT, d DATE) PARTITION BY RANGE (year(d)) SUBPARTITION BY HASH (to_days(d)) SUBPARTITIONS 2
    (PARTITION p0 VALUES LESS THAN (1990), PARTITION p1 VALUES LESS THAN MAXVALUE);

CREATE TABLE versions (a INT, b INT WITHOUT SYSTEM VERSIONING) WITH SYSTEM VERSIONING;
CREATE TABLE periods (
    a INT, s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, e TIMESTAMP(6) GENERATED ALWAYS AS ROW END INVISIBLE,
    f DATE, t DATE, PERIOD FOR SYSTEM_TIME (s, e), PERIOD FOR `valid; time` (f, t),
    UNIQUE (a, `valid; time` WITHOUT OVERLAPS)
) WITH SYSTEM VERSIONING;
CREATE TABLE history (x INT) WITH SYSTEM VERSIONING
    PARTITION BY SYSTEM_TIME INTERVAL 1 MONTH STARTS '2024-01-01 00:00:00' PARTITIONS 3;

CREATE SEQUENCE numbers START WITH 100 INCREMENT BY 10 MINVALUE 10 MAXVALUE 1000 CACHE 20 CYCLE;
CREATE SEQUENCE `a plain; one`;
CREATE TABLE counted (id INT DEFAULT nextval(numbers) PRIMARY KEY, `n` INT DEFAULT (nextval(`a plain; one`) + 1));
SELECT nextval(numbers);

CREATE TABLE `select` (`from` INT, `a.b` INT, `c``d` INT, `Größe €` INT, `UPPER` INT, KEY `k``;` (`c``d`));
CREATE TABLE `with space; and ``tick``` (`id` INT AUTO_INCREMENT PRIMARY KEY);
CREATE TABLE `dot.ted` (x INT, CONSTRAINT `chk ``;` CHECK (x > 0));
CREATE TABLE `UPPER` (x INT);
CREATE TABLE `upper` (x INT);
CREATE TABLE `a-minus` (x INT);
CREATE TABLE binaries (a BINARY(3) DEFAULT x'ff', b VARBINARY(9) DEFAULT x'27005c0aff', c VARBINARY(9) DEFAULT 'é''');
CREATE TABLE `日本語` (`列` INT DEFAULT 1 COMMENT '説明');

CREATE VIEW base AS SELECT id, price, 'x; y' AS `odd; name` FROM types;
CREATE VIEW z_first AS SELECT id FROM base WHERE id > 1;
CREATE VIEW m_middle AS SELECT count(*) AS n FROM z_first;
CREATE VIEW a_last AS SELECT z.id, m.n FROM z_first z CROSS JOIN m_middle m;
CREATE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW checked AS SELECT * FROM z_parent WHERE first > 0
    WITH CASCADED CHECK OPTION;
CREATE ALGORITHM=TEMPTABLE VIEW `view; DEFINER=``x``` (`a b`, `c``d`) AS SELECT 1, `c``d` FROM `select`;

CREATE FUNCTION z_twice(a INT) RETURNS INT DETERMINISTIC NO SQL COMMENT 'it''s; twice' RETURN a * 2;
CREATE FUNCTION a_half(a INT) RETURNS INT SQL SECURITY INVOKER RETURN z_twice(a) / 4;
CREATE FUNCTION words(a VARCHAR(10) CHARACTER SET latin1) RETURNS VARCHAR(20) CHARSET utf8mb4 COLLATE utf8mb4_bin
    READS SQL DATA
BEGIN
    -- a comment; with 'quotes
    DECLARE n INT DEFAULT 0;
    # another; one
    IF n = 0 THEN SET n = (SELECT count(*) FROM types); END IF;
    RETURN concat(a, ';', n, "DELIMITER ;;");
END;
CREATE AGGREGATE FUNCTION total(x INT) RETURNS INT
BEGIN
    DECLARE s INT DEFAULT 0;
    DECLARE CONTINUE HANDLER FOR NOT FOUND RETURN s;
    LOOP
        FETCH GROUP NEXT ROW;
        SET s = s + x;
    END LOOP;
END;
CREATE PROCEDURE `do; it`(IN a INT, OUT b INT, INOUT `c d` VARCHAR(10))
    MODIFIES SQL DATA COMMENT 'does; it'
`label`: BEGIN
    DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END;
    DECLARE CONTINUE HANDLER FOR SQLSTATE '23000' SET b = -1;
    WHILE a > 0 DO SET a = a - 1; END WHILE;
    CASE a WHEN 0 THEN SET b = CASE a WHEN 1 THEN 2 ELSE 3 END; ELSE LEAVE `label`; END CASE;
    REPEAT SET a = a + 1; UNTIL a > 3 END REPEAT;
    FOR i IN 1..3 DO SET b = b + i; END FOR;
END;
CREATE PROCEDURE empty() BEGIN END;
CREATE PROCEDURE bare(a INT) IF a THEN SELECT 1; ELSE SELECT 2; END IF;
CREATE PROCEDURE comments() /* before; */ SELECT 1 -- behind;
# and; more
;
SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES';
CREATE PROCEDURE "in ""another"" mode"(IN "a b" INT) BEGIN SELECT "a b" || 'c' AS "x;"; END;
CREATE FUNCTION joined() RETURNS TEXT RETURN 'a' || ';';
-- not read: strings end elsewhere in it
CREATE FUNCTION calm() RETURNS TEXT RETURN 'a\' || ';';
SET sql_mode = DEFAULT;

CREATE VIEW calling AS SELECT z_twice(id) AS x, _latin1'u' AS y, a_half(4) AS z FROM a_child;
-- prints the columns with their database
CREATE DEFINER=nobody@nowhere VIEW orphan AS SELECT id FROM base WHERE id IN (SELECT id FROM a_child);
CREATE VIEW a_sum AS SELECT total(x) AS t FROM calling;

CREATE TRIGGER z_one BEFORE INSERT ON types FOR EACH ROW SET NEW.bits = ifnull(NEW.bits, b'1');
CREATE TRIGGER a_two BEFORE INSERT ON types FOR EACH ROW FOLLOWS z_one BEGIN
    IF NEW.price IS NULL THEN SET NEW.price = 0; END IF;
END;
CREATE TRIGGER m_between BEFORE INSERT ON types FOR EACH ROW PRECEDES a_two SET @x = ';';
CREATE TRIGGER `on; update` AFTER UPDATE ON `select` FOR EACH ROW INSERT INTO `with space; and ``tick``` () VALUES ();
SET sql_mode = 'ANSI_QUOTES';
CREATE TRIGGER ansi AFTER DELETE ON types FOR EACH ROW INSERT INTO "select" ("from") VALUES (1);
SET sql_mode = DEFAULT;

CREATE EVENT hourly ON SCHEDULE EVERY 1 HOUR COMMENT 'each; hour' DO CALL empty();
CREATE EVENT `from; then` ON SCHEDULE EVERY '1:30' HOUR_MINUTE STARTS '2030-01-01 00:00:00' ENDS '2031-01-01 00:00:00'
    ON COMPLETION PRESERVE DISABLE DO BEGIN DELETE FROM old; DELETE FROM quick; END;
SET time_zone = '+03:00', sql_mode = 'ANSI_QUOTES';
CREATE EVENT elsewhere ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 02:00:00' DISABLE ON SLAVE DO DELETE FROM "old";
SET time_zone = DEFAULT, sql_mode = DEFAULT;
ALTER EVENT hourly ON SCHEDULE EVERY 2 HOUR;
CREATE EVENT once ON SCHEDULE AT '2035-01-01 00:00:00' DO DELETE FROM old;

-- not read: what is broken, what runs once, packages
CREATE TABLE gone (a INT);
CREATE VIEW broken AS SELECT a FROM gone;
CREATE VIEW broken_too AS SELECT a FROM broken;
DROP TABLE gone;
SET sql_mode = 'ORACLE';
CREATE PACKAGE pack AS FUNCTION f RETURN INT; END;
CREATE PACKAGE BODY pack AS FUNCTION f RETURN INT AS BEGIN RETURN 1; END; END;
SET sql_mode = DEFAULT;
