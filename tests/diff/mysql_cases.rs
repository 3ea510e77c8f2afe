//! What MariaDB's scripts are for one change each, there and back, and what rows make of them.

use db_migrations::diff::{Script, Style, script};

use crate::common::{both_ways, carry_out, dialect, introspect, one_way};
use crate::support::database::Db;

/// Both ways between two schemas; nothing where there is no MariaDB.
#[track_caller]
fn ways(a: &str, b: &str) -> Option<[Script; 2]> {
    let empty = Db::mariadb()?;
    Some(both_ways(&empty, a, b).unwrap_or_else(|error| panic!("{error}")))
}

fn lines(script: &Script) -> Vec<&str> {
    script.steps.iter().map(|step| step.sql.as_str()).collect()
}

/// Goes from what is in a database to a schema.
#[track_caller]
fn change(db: &Db, to: &str) -> Script {
    let wanted = db.another();
    wanted.execute(to);
    one_way(db, &introspect(db), &introspect(&wanted)).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn one_statement_for_a_table() {
    let Some([there, back]) = ways(
        "CREATE TABLE users (id INT PRIMARY KEY, name VARCHAR(20), old INT, KEY by_old (old));",
        "CREATE TABLE users (first INT, id INT PRIMARY KEY, mid INT NOT NULL DEFAULT 1, name VARCHAR(30) NOT NULL,
             last INT, UNIQUE KEY by_name (name), CONSTRAINT small CHECK (mid < 9)) COMMENT 'people';",
    ) else {
        return;
    };
    let expected = "ALTER TABLE `users`\n    DROP INDEX `by_old`,\n    DROP COLUMN `old`,\n    ADD COLUMN `first` int(11) DEFAULT NULL FIRST,\n    \
         ADD COLUMN `mid` int(11) NOT NULL DEFAULT 1 AFTER `id`,\n    MODIFY COLUMN `name` varchar(30) NOT NULL,\n    \
         ADD COLUMN `last` int(11) DEFAULT NULL,\n    ADD UNIQUE KEY `by_name` (`name`),\n    \
         ADD CONSTRAINT `small` CHECK (`mid` < 9),\n    COMMENT='people';";
    assert_eq!(lines(&there), [expected]);
    assert_eq!(
        there.hints,
        [
            "users.name: NOT NULL now: fails where it is null in a row; fill it before",
            "users: UNIQUE KEY `by_name` (`name`): fails where rows do not keep to it",
            "users: CONSTRAINT `small` CHECK (`mid` < 9): fails where rows do not keep to it",
        ]
    );
    assert_eq!(back.steps.len(), 1);
}

#[test]
fn columns() {
    let table = |list: &str| format!("CREATE TABLE t (id INT PRIMARY KEY, {list});");
    let base = "a INT, b VARCHAR(10), c INT AS (a + 1), d INT AS (a + 2) STORED, e INT";
    for other in [
        "a BIGINT UNSIGNED, b VARCHAR(10), c INT AS (a + 1), d INT AS (a + 2) STORED, e INT",
        "a INT NOT NULL DEFAULT 5 COMMENT 'a, (', b VARCHAR(10), c INT AS (a + 1), d INT AS (a + 2) STORED, e INT",
        "a INT, b VARCHAR(10) CHARACTER SET latin1, c INT AS (a + 1), d INT AS (a + 2) STORED, e INT",
        "a INT, b VARCHAR(10) COLLATE utf8mb4_bin DEFAULT 'it''s', c INT AS (a + 1), d INT AS (a + 2) STORED, e INT",
        "a INT, b VARCHAR(10), c INT AS (a + 3), d INT AS (a + 4) STORED, e INT",
        "a INT, b VARCHAR(10), c INT AS (a + 1) STORED, d INT AS (a + 2), e INT",
        "a INT, b VARCHAR(10), c INT, d INT, e INT",
        "a INT, b VARCHAR(10), c INT AS (a + 1), d INT AS (a + 2) STORED, e INT AS (a + 5)",
        "a INT, b VARCHAR(10), c INT AS (a + 1), d INT AS (a + 2) STORED, e INT AS (a + 5) STORED",
        "a INT, b VARCHAR(10), c INT AS (e), d INT AS (e) STORED, e INT",
        "a INT, b VARCHAR(10), c INT AS (id), e INT",
        "A INT, b VARCHAR(10), C INT AS (a + 1), d INT AS (a + 2) STORED, e INT",
        "a INT INVISIBLE, b VARCHAR(10) CHECK (b <> 'x'), c INT AS (a + 1), d INT AS (a + 2) STORED, e INT",
        "a INT, b JSON, c INT AS (a + 1), d INT AS (a + 2) STORED, e TIMESTAMP NULL DEFAULT current_timestamp() ON UPDATE current_timestamp()",
        "a INT, b ENUM('x', 'y;'), c INT AS (a + 1), d INT AS (a + 2) STORED, e BIT(3) DEFAULT b'101'",
        "x INT",
    ] {
        ways(&table(base), &table(other));
    }
}

/// Keys over generated columns that only can be made again.
#[test]
fn keys_of_generated_columns() {
    let table = |kind: &str| {
        format!(
            "CREATE TABLE t (a INT, c INT AS (a + 1) {kind}, KEY by_c (c), KEY both_of (a, c), UNIQUE KEY u (c), CHECK (c <> 3));"
        )
    };
    ways(&table("VIRTUAL"), &table("STORED"));
    let table = |kind: &str| {
        format!(
            "CREATE TABLE t (a INT, c INT AS (a) {kind}, d INT AS (c), b INT CHECK (b > c), e INT AS (d) STORED, KEY (e), CHECK (c <> 3), CHECK (d > 1));"
        )
    };
    ways(&table("VIRTUAL"), &table("STORED"));
}

#[test]
fn keys() {
    let table = |list: &str| {
        format!(
            "CREATE TABLE t (id INT NOT NULL, a INT NOT NULL, b TEXT, c VARCHAR(9), p POINT NOT NULL, {list});"
        )
    };
    for (a, b) in [
        ("PRIMARY KEY (id)", "PRIMARY KEY (a)"),
        ("PRIMARY KEY (id)", "UNIQUE KEY (id)"),
        ("PRIMARY KEY (id, a)", "KEY (a)"),
        ("KEY k (a)", "UNIQUE KEY k (a)"),
        ("KEY k (a)", "KEY k (a DESC, c(3)) COMMENT 'told; so'"),
        ("KEY k (b(10))", "KEY k (b(20))"),
        ("KEY k (a)", "KEY k (a) USING HASH"),
        ("KEY k (a)", "KEY k (a) IGNORED"),
        ("KEY k (a)", "KEY k (a) COMMENT 'x'"),
        ("KEY k (a) IGNORED", "KEY k (a, id) IGNORED"),
        ("KEY k (a) IGNORED, KEY i (id)", "KEY k (a, id), KEY i (id) IGNORED"),
        ("KEY k (a)", "KEY K (c)"),
        ("FULLTEXT KEY words (b)", "FULLTEXT KEY words (b, c), FULLTEXT KEY others (c)"),
        ("KEY k (a)", "SPATIAL KEY k (p)"),
        ("UNIQUE KEY u (b) USING HASH", "UNIQUE KEY u (b(9))"),
        ("CHECK (a > 1), CHECK (id > 1)", "CHECK (id > 1), CHECK (a > 2)"),
        ("CONSTRAINT c1 CHECK (a > 1)", "CONSTRAINT c1 CHECK (a > 2), CONSTRAINT `c;2` CHECK (c <> ';')"),
    ] {
        ways(&table(a), &table(b));
    }
}

#[test]
fn a_counter_keeps_its_key() {
    for (a, b) in [
        ("id INT AUTO_INCREMENT PRIMARY KEY", "id INT AUTO_INCREMENT, a INT, PRIMARY KEY (id, a)"),
        ("id INT AUTO_INCREMENT PRIMARY KEY", "id INT AUTO_INCREMENT, a INT PRIMARY KEY, KEY (id)"),
        ("id INT AUTO_INCREMENT PRIMARY KEY", "id INT PRIMARY KEY"),
        ("id INT AUTO_INCREMENT PRIMARY KEY", "id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY"),
        ("id INT AUTO_INCREMENT PRIMARY KEY", "other INT AUTO_INCREMENT PRIMARY KEY"),
        ("id INT AUTO_INCREMENT PRIMARY KEY", "a INT, n INT AUTO_INCREMENT UNIQUE"),
    ] {
        ways(&format!("CREATE TABLE t ({a});"), &format!("CREATE TABLE t ({b});"));
    }
}

#[test]
fn foreign_keys_make_way_and_come_back() {
    let Some(db) = Db::mariadb() else { return };
    let schema = |kind: &str, more: &str| {
        format!(
            "CREATE TABLE parent (id {kind} PRIMARY KEY, up {kind}, FOREIGN KEY (up) REFERENCES parent (id) ON DELETE CASCADE);
             CREATE TABLE child (id INT PRIMARY KEY, p {kind}, n INT, {more} CONSTRAINT tie FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE);"
        )
    };
    db.execute(&schema("INT", ""));
    db.execute("INSERT INTO parent VALUES (1, NULL), (2, 1); INSERT INTO child VALUES (7, 1, 0), (8, 2, 0)");
    for (kind, more) in [
        ("BIGINT", ""),
        ("BIGINT", "KEY pn (p, n),"),
        ("BIGINT", "KEY tie (p), KEY pn (p, n),"),
        ("BIGINT UNSIGNED", "UNIQUE KEY tie (p),"),
        ("BIGINT", "KEY other (p),"),
        ("INT", ""),
    ] {
        change(&db, &schema(kind, more));
        assert_eq!(db.query("SELECT concat(id, p) FROM child ORDER BY id"), ["71", "82"], "{kind} {more}");
    }
    db.execute("DELETE FROM parent WHERE id = 1");
    assert_eq!(db.count("SELECT count(*) FROM child"), 0);
}

#[test]
fn foreign_keys_between_changing_tables() {
    let parent = "CREATE TABLE a (id INT PRIMARY KEY, x INT, y INT, UNIQUE KEY xy (x, y));";
    for (before, after) in [
        // the key that it stands on becomes another
        (
            format!("{parent} CREATE TABLE b (x INT, y INT, FOREIGN KEY (x, y) REFERENCES a (x, y));"),
            "CREATE TABLE a (id INT PRIMARY KEY, x INT, y INT, KEY xy (x, y, id));
             CREATE TABLE b (x INT, y INT, FOREIGN KEY (x, y) REFERENCES a (x, y));"
                .to_owned(),
        ),
        // it moves to another table, with its name
        (
            format!("{parent} CREATE TABLE b (x INT, CONSTRAINT f FOREIGN KEY (x) REFERENCES a (id)); CREATE TABLE c (x INT);"),
            format!("{parent} CREATE TABLE b (x INT); CREATE TABLE c (x INT, CONSTRAINT f FOREIGN KEY (x) REFERENCES a (id));"),
        ),
        // its action, its parent
        (
            format!("{parent} CREATE TABLE b (x INT, CONSTRAINT f FOREIGN KEY (x) REFERENCES a (id) ON DELETE CASCADE);"),
            format!("{parent} CREATE TABLE b (id INT PRIMARY KEY, x INT, CONSTRAINT f FOREIGN KEY (x) REFERENCES b (id) ON UPDATE CASCADE);"),
        ),
        // made-up names change their numbers
        (
            format!("{parent} CREATE TABLE b (x INT, y INT, FOREIGN KEY (x) REFERENCES a (id), FOREIGN KEY (y) REFERENCES a (x));"),
            format!("{parent} CREATE TABLE b (x INT, y INT, FOREIGN KEY (y) REFERENCES a (x));"),
        ),
        // in a circle, and to itself
        (
            "DO 1".to_owned(),
            "SET foreign_key_checks = 0; CREATE TABLE a (id INT PRIMARY KEY, b INT, a INT, FOREIGN KEY (b) REFERENCES b (id), FOREIGN KEY (a) REFERENCES a (id));
             CREATE TABLE b (id INT PRIMARY KEY, a INT, FOREIGN KEY (a) REFERENCES a (id));"
                .to_owned(),
        ),
        // the parent goes and comes
        (
            format!("{parent} CREATE TABLE b (x INT, FOREIGN KEY (x) REFERENCES a (id));"),
            "CREATE TABLE b (x INT); CREATE TABLE `c;` (id INT PRIMARY KEY, a INT, FOREIGN KEY (a) REFERENCES `c;` (id));".to_owned(),
        ),
    ] {
        ways(&before, &after);
    }
}

#[test]
fn what_stands_behind_a_table() {
    let table = |tail: &str| {
        format!(
            "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(9), b TEXT, c ENUM('x'), d VARCHAR(9) CHARACTER SET ascii) {tail};"
        )
    };
    for (a, b) in [
        ("COMMENT 'it''s; a comment'", "COMMENT 'another'"),
        ("COMMENT 'x' ROW_FORMAT=COMPACT STATS_PERSISTENT=1 MAX_ROWS=7", ""),
        ("ENGINE=InnoDB", "ENGINE=Aria TRANSACTIONAL=1"),
        ("ENGINE=InnoDB", "ENGINE=MyISAM PACK_KEYS=1 CHECKSUM=1 DELAY_KEY_WRITE=1"),
        ("PAGE_COMPRESSED=1", ""),
        ("CHARACTER SET latin1", "CHARACTER SET utf8mb4"),
        ("CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"),
        ("PARTITION BY HASH (id) PARTITIONS 2", ""),
        (
            "PARTITION BY HASH (id) PARTITIONS 2",
            "COMMENT 'x' PARTITION BY RANGE (id) (PARTITION `a;` VALUES LESS THAN (5) COMMENT 'b;', PARTITION b VALUES LESS THAN MAXVALUE)",
        ),
        ("WITH SYSTEM VERSIONING", ""),
        ("", "COMMENT 'y' WITH SYSTEM VERSIONING"),
    ] {
        ways(&table(a), &table(b));
    }
}

#[test]
fn a_new_character_set_keeps_the_text() {
    let Some(db) = Db::mariadb() else { return };
    let table =
        |charset: &str| format!("CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(9)) CHARACTER SET {charset};");
    db.execute(&table("latin1"));
    db.execute("INSERT INTO t VALUES (1, 'Größe')");
    change(&db, &table("utf8mb4"));
    assert_eq!(db.query("SELECT a FROM t"), ["Größe"]);
}

#[test]
fn periods_of_an_application() {
    ways(
        "CREATE TABLE t (a INT, f DATE NOT NULL, u DATE NOT NULL);",
        "CREATE TABLE t (a INT, f DATE NOT NULL, u DATE NOT NULL, PERIOD FOR p (f, u), UNIQUE KEY k (a, p WITHOUT OVERLAPS));",
    );
}

#[test]
fn sequences() {
    let Some([there, _]) = ways(
        "CREATE SEQUENCE s; CREATE SEQUENCE gone; CREATE TABLE t (id INT DEFAULT nextval(gone), a INT); CREATE TABLE x (a INT);",
        "CREATE SEQUENCE s START WITH 5 INCREMENT BY 5 MAXVALUE 500 CACHE 10 CYCLE; CREATE SEQUENCE x;
         CREATE TABLE t (id INT DEFAULT nextval(s), a INT DEFAULT (nextval(x) + 1));",
    ) else {
        return;
    };
    let altered = "ALTER SEQUENCE `s` start with 5 minvalue 1 maxvalue 500 increment by 5 cache 10 cycle;";
    assert!(lines(&there).contains(&altered), "{there:?}");
    assert!(there.hints.iter().any(|hint| hint.starts_with("s: ")), "{there:?}");
    ways(
        "CREATE TABLE a (x INT); CREATE SEQUENCE b; CREATE VIEW c AS SELECT 1 AS x;",
        "CREATE SEQUENCE a; CREATE VIEW b AS SELECT 1 AS x; CREATE TABLE c (x INT);",
    );
}

#[test]
fn views_and_bodies() {
    let Some([there, back]) = ways(
        "CREATE TABLE t (a INT, b INT); CREATE VIEW z AS SELECT a FROM t; CREATE VIEW m AS SELECT a FROM z; CREATE VIEW g AS SELECT a FROM m;
         CREATE FUNCTION f(a INT) RETURNS INT RETURN a; CREATE PROCEDURE p() BEGIN SELECT ';'; END;
         CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO BEGIN SELECT 1; SELECT 2; END;",
        "CREATE TABLE t (a INT, c INT); CREATE FUNCTION f(a INT) RETURNS BIGINT BEGIN IF a THEN RETURN 1; END IF; RETURN 2; END;
         CREATE VIEW z AS SELECT a, c FROM t; CREATE VIEW m AS SELECT c, f(a) AS x FROM z;
         SET sql_mode = 'ANSI_QUOTES'; CREATE PROCEDURE p() BEGIN SELECT 1 AS \"x;\"; END; SET sql_mode = DEFAULT;
         CREATE EVENT e ON SCHEDULE EVERY 2 DAY COMMENT 'x;' DO CALL p();",
    ) else {
        return;
    };
    let there = lines(&there);
    assert_eq!(
        there[..4],
        ["DROP EVENT `e`;", "DROP VIEW `g`;", "DROP PROCEDURE `p`;", "DROP FUNCTION `f`;"]
    );
    let views: Vec<_> = there.iter().filter(|line| line.starts_with("CREATE OR REPLACE ")).collect();
    assert_eq!(views.len(), 2);
    assert!(views[0].contains("VIEW `z`") && views[1].contains("VIEW `m`"), "{views:?}");
    assert!(back.steps.len() > 5);
    ways(
        "CREATE TABLE t (a INT); CREATE VIEW b AS SELECT a FROM t; CREATE VIEW a AS SELECT a FROM b;",
        "CREATE TABLE t (a INT); CREATE VIEW a AS SELECT a FROM t; CREATE VIEW b AS SELECT a FROM a;",
    );
}

#[test]
fn triggers_run_in_their_order() {
    let Some(db) = Db::mariadb() else { return };
    let schema = |triggers: &[(&str, u8)]| {
        let body = |(name, n): &(&str, u8)| {
            format!(
                "CREATE TRIGGER {name} BEFORE INSERT ON t FOR EACH ROW SET NEW.a = concat(NEW.a, '{name}{n}');"
            )
        };
        format!("CREATE TABLE t (a VARCHAR(99));{}", triggers.iter().map(body).collect::<String>())
    };
    db.execute(&schema(&[("z", 1), ("m", 1), ("a", 1)]));
    for triggers in [
        &[("z", 1), ("m", 2), ("a", 1)][..],
        &[("z", 1), ("a", 1)],
        &[("k", 1), ("z", 1), ("a", 1)],
        &[("k", 2), ("z", 2), ("a", 2), ("b", 1)],
    ] {
        change(&db, &schema(triggers));
        db.execute("INSERT INTO t VALUES ('')");
        let expected: Vec<_> = triggers.iter().map(|(name, n)| format!("{name}{n}")).collect();
        assert_eq!(db.query("SELECT a FROM t"), [expected.concat()]);
        db.execute("DELETE FROM t");
    }
}

#[test]
fn what_cannot_be_generated_is_named() {
    let Some(db) = Db::mariadb() else { return };
    for (a, b, expected) in [
        (
            "CREATE TABLE t (a INT) WITH SYSTEM VERSIONING;",
            "CREATE TABLE t (a INT, b INT) WITH SYSTEM VERSIONING;",
            "table `t`: its history (system versioning) would have to be changed",
        ),
        (
            "CREATE TABLE t (a INT);",
            "CREATE TABLE t (a INT, s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, e TIMESTAMP(6) GENERATED ALWAYS AS ROW END,
                 PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING;",
            "table `t`: it has a period of system time",
        ),
        ("CREATE SEQUENCE s ENGINE=InnoDB;", "CREATE SEQUENCE s ENGINE=Aria;", "sequence `s`: ENGINE=Aria"),
    ] {
        let (from, to) = (db.another(), db.another());
        from.execute(a);
        to.execute(b);
        let way = script(dialect(&db), &introspect(&from), &introspect(&to), Style::default());
        assert_eq!(way.not_generated, [expected]);
        carry_out(&from, &way).unwrap();
    }
}

#[test]
fn rows_that_stand_in_the_way_are_announced() {
    let Some(db) = Db::mariadb() else { return };
    let rows = "INSERT INTO t VALUES (1, NULL), (2, 7), (3, 7)";
    for (b, announced) in [
        ("id INT PRIMARY KEY, a INT NOT NULL", "t.a: NOT NULL now"),
        ("id INT PRIMARY KEY, a INT, UNIQUE KEY u (a)", "t: UNIQUE KEY `u`"),
        ("id INT PRIMARY KEY, a INT, CHECK (a < 7)", "t: CONSTRAINT `CONSTRAINT_1` CHECK"),
    ] {
        let (from, to) = (db.another(), db.another());
        from.execute("CREATE TABLE t (id INT PRIMARY KEY, a INT)");
        from.execute(rows);
        to.execute(&format!("CREATE TABLE t ({b})"));
        let way = script(dialect(&db), &introspect(&from), &introspect(&to), Style::default());
        assert!(way.hints.len() == 1 && way.hints[0].starts_with(announced), "{:?}", way.hints);
        assert!(carry_out(&from, &way).is_err(), "{b}");
    }
    let from = db.another();
    from.execute("CREATE TABLE t (id INT PRIMARY KEY, a INT)");
    from.execute(rows);
    let way = change(
        &from,
        "CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT NOT NULL, c VARCHAR(9) NOT NULL DEFAULT 'c')",
    );
    assert!(
        way.hints.len() == 1 && way.hints[0].starts_with("t.b: NOT NULL without a default"),
        "{:?}",
        way.hints
    );
    assert_eq!(from.query("SELECT concat(id, b, c) FROM t"), ["10c", "20c", "30c"]);
}

#[test]
fn nasty_schemas() {
    let nasty = include_str!("../cases/introspect/mariadb.sql");
    ways("DO 1", nasty);
    let other = nasty
        .replace("id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT", "id INT UNSIGNED NOT NULL AUTO_INCREMENT")
        .replace("zero INT(5)", "zero BIGINT(5)")
        .replace("    UNIQUE KEY pair (zero, price),", "    UNIQUE KEY pair (price, zero),")
        .replace(
            "id INT PRIMARY KEY, z INT, parent INT,",
            "id INT PRIMARY KEY, z INT COMMENT 'z', parent INT NOT NULL,",
        )
        .replace("`a.b` INT", "`a.b` TEXT")
        .replace("latin1_german1_ci", "latin1_german2_ci");
    assert_ne!(nasty, other);
    ways(nasty, &other);
}
