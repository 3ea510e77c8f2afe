//! Migrations of every kind that MariaDB has: tables, rows, indexes, generated columns, procedures,
//! triggers, events, partitions, full text, sequences, views, renames, drops of several.
//!
//! Ids of rows are given, so that a run that was cut off and resumed leaves the same rows; the events
//! begin in the future. Nothing here is opaque (`sql::Commits`): that is another test's.

use crate::common::project;
use crate::support::project::Project;

pub(crate) const MIGRATIONS: [(&str, &str); 10] = [
    (
        "20240101000000_tables",
        "CREATE TABLE users (id INT PRIMARY KEY, email VARCHAR(100) NOT NULL UNIQUE, note TEXT) COMMENT 'a; b';
         INSERT INTO users VALUES (1, 'ann', 'it''s \\'one\\'; two'), (2, 'bob', NULL);
         CREATE TABLE posts (id INT AUTO_INCREMENT PRIMARY KEY, user_id INT NOT NULL, body TEXT,
           CONSTRAINT author FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE);
         CREATE TABLE numbers (n INT PRIMARY KEY, label VARCHAR(40));
         CREATE TABLE log (id INT PRIMARY KEY, what VARCHAR(100));
         INSERT INTO posts VALUES (1, 1, 'hello'), (2, 2, 'world');",
    ),
    (
        "20240102000000_rows",
        "INSERT INTO numbers SELECT seq, CONCAT('number ', seq) FROM seq_1_to_20000;
         UPDATE numbers SET label = CONCAT(label, '!') WHERE n % 3 = 0;
         DELETE FROM numbers WHERE n % 7 = 0;",
    ),
    (
        "20240103000000_indexes",
        "ALTER TABLE numbers ADD COLUMN half INT GENERATED ALWAYS AS (n DIV 2) STORED;
         CREATE INDEX by_label ON numbers (label(10), half);
         ALTER TABLE posts ADD FULLTEXT KEY words (body);
         CREATE UNIQUE INDEX pair ON posts (user_id, id);
         ALTER TABLE numbers ADD COLUMN twice INT AS (n * 2) VIRTUAL, ADD CHECK (n > 0);",
    ),
    (
        "20240104000000_routines",
        "DELIMITER //
         CREATE PROCEDURE fill_log(IN first INT, IN how_many INT) MODIFIES SQL DATA
         BEGIN
           DECLARE i INT DEFAULT 0;
           WHILE i < how_many DO INSERT INTO log VALUES (first + i, CONCAT('row; ', i)); SET i = i + 1; END WHILE;
         END//
         CREATE FUNCTION shout(a VARCHAR(100)) RETURNS VARCHAR(101) DETERMINISTIC RETURN CONCAT(UPPER(a), '!')//
         DELIMITER ;
         CALL fill_log(100, 200);
         INSERT INTO log SELECT 1, shout(email) FROM users WHERE id = 1;",
    ),
    (
        "20240105000000_triggers",
        "CREATE TRIGGER lower_email BEFORE INSERT ON users FOR EACH ROW SET NEW.email = LOWER(NEW.email);
         CREATE TRIGGER note_post AFTER INSERT ON posts FOR EACH ROW
         BEGIN
           IF NEW.body IS NULL THEN INSERT INTO log VALUES (5000 + NEW.id, 'empty'); END IF;
         END;
         INSERT INTO users (id, email) VALUES (3, 'CY');
         INSERT INTO posts VALUES (3, 3, NULL);",
    ),
    (
        "20240106000000_events",
        "CREATE EVENT tidy ON SCHEDULE EVERY 1 DAY STARTS '2035-01-01 00:00:00' DO DELETE FROM log WHERE id > 9000;
         CREATE EVENT nightly ON SCHEDULE EVERY 1 WEEK STARTS '2035-01-01 00:00:00' ON COMPLETION PRESERVE DISABLE
           DO BEGIN DELETE FROM log WHERE id = 0; END;
         ALTER EVENT tidy COMMENT 'sweeps; daily';
         DROP EVENT nightly;",
    ),
    (
        "20240107000000_partitions",
        "CREATE TABLE measures (y INT NOT NULL, v INT, PRIMARY KEY (y, v)) PARTITION BY RANGE (y)
           (PARTITION old VALUES LESS THAN (2000), PARTITION rest VALUES LESS THAN MAXVALUE);
         INSERT INTO measures SELECT 1990 + seq % 40, seq FROM seq_1_to_3000;
         ALTER TABLE measures REORGANIZE PARTITION rest INTO
           (PARTITION p2010 VALUES LESS THAN (2010), PARTITION rest VALUES LESS THAN MAXVALUE);
         ALTER TABLE measures DROP PARTITION old;",
    ),
    (
        "20240108000000_changes",
        "CREATE TABLE one (x INT); CREATE TABLE two (x INT); CREATE TABLE three (x INT);
         INSERT INTO one VALUES (1); INSERT INTO three VALUES (3);
         RENAME TABLE three TO four;
         DROP TABLE one, two;
         CREATE VIEW shouting AS SELECT id, shout(email) AS loud FROM users;
         CREATE OR REPLACE VIEW shouting AS SELECT id, shout(email) AS louder FROM users;
         ALTER TABLE users RENAME COLUMN note TO remark, ADD COLUMN age INT DEFAULT 7;
         DROP INDEX by_label ON numbers;
         SET @sql = IF((SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND COLUMN_NAME = 'born') = 0,
           'ALTER TABLE users ADD COLUMN born INT', 'SELECT 1');
         PREPARE change_it FROM @sql;
         EXECUTE change_it;
         DEALLOCATE PREPARE change_it;
         EXECUTE IMMEDIATE 'CREATE INDEX by_born ON users (born)';
         TRUNCATE four;
         INSERT INTO four VALUES (4);",
    ),
    (
        "20240109000000_sequences",
        "CREATE SEQUENCE tickets START WITH 1000 INCREMENT BY 10;
         CREATE TABLE tickets_sold (id BIGINT PRIMARY KEY, at DATE);
         SET @day = '2024-01-09';
         INSERT INTO tickets_sold VALUES (1, @day), (2, @day);
         ALTER SEQUENCE tickets MAXVALUE 5000;
         INSERT INTO tickets_sold VALUES (3, @day);
         CREATE TABLE sold_copy AS SELECT * FROM tickets_sold;",
    ),
    (
        "20240110000000_end",
        "ALTER TABLE numbers DROP COLUMN half, MODIFY label VARCHAR(60) CHARACTER SET latin1;
         INSERT INTO numbers (n, label) VALUES (-0 + 30001, 'last');
         ALTER TABLE sold_copy ADD PRIMARY KEY (id);
         UPDATE sold_copy SET at = '2024-02-01' WHERE id = 3;",
    ),
];

pub(crate) fn corpus() -> Project {
    project(&MIGRATIONS)
}
