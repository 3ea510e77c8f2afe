//! What SQLite's scripts are for one change each, there and back, and what rows, counters, row numbers
//! and children make of them.

use db_migrations::diff::{Script, Style, script};

use crate::common::{both_ways, carry_out, dialect, introspect, one_way, text};
use crate::support::database::Db;

/// Both ways between two schemas, without and with something in common that must stay.
#[track_caller]
fn ways(a: &str, b: &str) -> [Script; 2] {
    let done = both_ways(&Db::sqlite(), a, b);
    done.unwrap_or_else(|error| panic!("{error}"))
}

fn lines(script: &Script) -> Vec<&str> {
    script.steps.iter().map(|step| step.sql.as_str()).collect()
}

/// Goes from what is in a database to a schema.
#[track_caller]
fn change(db: &Db, to: &str) -> Script {
    let wanted = Db::sqlite();
    wanted.execute(to);
    one_way(db, &introspect(db), &introspect(&wanted)).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn columns_come_and_go_without_a_rebuild() {
    let [there, back] = ways(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);",
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, email TEXT NOT NULL DEFAULT '', n INT AS (id + 1));",
    );
    assert_eq!(
        lines(&there),
        [
            "ALTER TABLE users ADD COLUMN email TEXT NOT NULL DEFAULT '';",
            "ALTER TABLE users ADD COLUMN n INT AS (id + 1);"
        ]
    );
    assert_eq!(lines(&back), ["ALTER TABLE users DROP COLUMN email;", "ALTER TABLE users DROP COLUMN n;"]);
    assert!(!there.foreign_keys_off && !back.foreign_keys_off && there.hints.is_empty());
}

#[test]
fn a_rebuild_is_the_documented_one() {
    let a = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT); CREATE INDEX by_name ON users (name);
             CREATE VIEW names AS SELECT name FROM users; CREATE VIEW more AS SELECT * FROM names;
             CREATE TABLE log (x); CREATE TRIGGER seen AFTER INSERT ON users BEGIN INSERT INTO log VALUES (1); END;";
    let [there, back] = ways(a, &a.replace("name TEXT", "name TEXT NOT NULL"));
    let expected = [
        "DROP TRIGGER seen;",
        "DROP VIEW more;",
        "DROP VIEW names;",
        "CREATE TABLE new_users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);",
        "INSERT INTO new_users (id, name) SELECT id, name FROM users;",
        "DROP TABLE users;",
        "ALTER TABLE new_users RENAME TO users;",
        "CREATE INDEX by_name ON users (name);",
        "CREATE VIEW names AS SELECT name FROM users;",
        "CREATE VIEW more AS SELECT * FROM names;",
        "CREATE TRIGGER seen AFTER INSERT ON users BEGIN INSERT INTO log VALUES (1); END;",
    ];
    assert_eq!(lines(&there), expected);
    assert!(there.foreign_keys_off && back.foreign_keys_off);
    assert_eq!(there.hints, ["users.name: NOT NULL now: fails where it is null in a row; fill it before"]);
    assert!(back.hints.is_empty());
}

#[test]
fn what_alter_table_cannot_do() {
    let table = |list: &str| format!("CREATE TABLE t ({list});");
    let base = "id INTEGER PRIMARY KEY, a INT, b TEXT";
    for other in [
        "id INTEGER PRIMARY KEY, a TEXT, b TEXT",
        "id INTEGER PRIMARY KEY, a INT DEFAULT 1, b TEXT",
        "id INTEGER PRIMARY KEY, a INT UNIQUE, b TEXT",
        "id INTEGER PRIMARY KEY, a INT, b TEXT COLLATE NOCASE",
        "id INTEGER PRIMARY KEY, a INT, b TEXT, c TEXT UNIQUE",
        "id INTEGER PRIMARY KEY, a INT, b TEXT, c TEXT DEFAULT CURRENT_TIMESTAMP",
        "id INTEGER PRIMARY KEY, a INT, b TEXT, c TEXT DEFAULT (random())",
        "id INTEGER PRIMARY KEY, a INT, b TEXT, c INT AS (a + 1) STORED",
        "id INTEGER PRIMARY KEY, a INT, b TEXT, c INT DEFAULT 1 REFERENCES t",
        "id INTEGER PRIMARY KEY, a INT, b TEXT, x INT AS (y), y INT AS (a)",
        "id INTEGER PRIMARY KEY, a INT, b TEXT, CHECK (a > 0)",
        "id INTEGER PRIMARY KEY, a INT, b TEXT, CONSTRAINT both UNIQUE (a, b)",
        "id INTEGER PRIMARY KEY, a INT, b TEXT, FOREIGN KEY (a) REFERENCES t (id) ON DELETE CASCADE",
        "id INTEGER PRIMARY KEY AUTOINCREMENT, a INT, b TEXT",
        "id INTEGER, a INT, b TEXT, PRIMARY KEY (id, a)",
        "id INTEGER PRIMARY KEY, A INT, b TEXT",
        "id INTEGER PRIMARY KEY, \"A\" INT, b TEXT",
    ] {
        ways(&table(base), &table(other));
    }
    for options in ["STRICT", "WITHOUT ROWID", "STRICT, WITHOUT ROWID"] {
        ways(&table(base), &format!("CREATE TABLE t ({base}) {options};"));
    }
}

#[test]
fn texts_alone_are_nothing_to_do() {
    let [there, back] = ways(
        "CREATE TABLE t (a INT, b TEXT); CREATE INDEX i ON t (a); CREATE VIEW v AS SELECT a FROM t;",
        "create table \"t\" (\n b TEXT, -- second\n a int\n); create index [i] on t(a); create view v as select a from t;",
    );
    assert!(there.is_empty() && back.is_empty());
}

#[test]
fn names_keep_their_spelling() {
    for name in ["Users", "[Users]", "\"my users\"", "`Users`", "'quoted'", "\"select\""] {
        let [there, _] = ways(
            &format!("CREATE TABLE {name} (id INTEGER PRIMARY KEY, a INT); CREATE INDEX i ON {name} (a);"),
            &format!("CREATE TABLE {name} (id INTEGER PRIMARY KEY, a TEXT); CREATE INDEX i ON {name} (a);"),
        );
        assert!(there.foreign_keys_off, "{name}");
    }
    ways("CREATE TABLE t (a INT);", "CREATE TABLE t (a INT, CHECK (t.a > 0));");
    ways(
        "CREATE TABLE t (a INT); CREATE TABLE new_t (a INT);",
        "CREATE TABLE t (a TEXT); CREATE TABLE new_t (a INT);",
    );
}

#[test]
fn kinds_change_places() {
    ways(
        "CREATE TABLE a (x); CREATE VIEW b AS SELECT 1 AS x; CREATE TABLE t (x); CREATE INDEX c ON t (x);",
        "CREATE TABLE b (x); CREATE VIEW a AS SELECT x FROM b; CREATE TABLE c (x); CREATE TABLE t (x);",
    );
    ways(
        "CREATE TABLE d (x); CREATE TRIGGER g AFTER INSERT ON d BEGIN SELECT 1; END;",
        "CREATE VIRTUAL TABLE d USING fts5(x); CREATE TABLE e (x); CREATE TRIGGER g AFTER DELETE ON e BEGIN SELECT 2; END;",
    );
    ways(
        "CREATE TABLE t (a, b); CREATE INDEX i ON t (a); CREATE INDEX j ON t (b);",
        "CREATE TABLE t (a, b); CREATE INDEX i ON t (b); CREATE UNIQUE INDEX j ON t (b) WHERE a > 0;",
    );
}

#[test]
fn made_up_names_are_nothing_to_do_but_live_through_a_rebuild() {
    let [there, back] = ways(
        "CREATE TABLE t (a, b); CREATE INDEX t_a_idx ON t (a);",
        "CREATE TABLE t (a, b); CREATE INDEX t_a_idx1 ON t (a);",
    );
    assert!(there.is_empty() && back.is_empty());
    ways(
        "CREATE TABLE t (a, b); CREATE INDEX t_a_idx ON t (a);",
        "CREATE TABLE t (a, b INT); CREATE INDEX t_a_idx1 ON t (a);",
    );
}

#[test]
fn children_survive_a_rebuild_and_point_where_they_did() {
    for name in ["parent", "Parent"] {
        let db = Db::sqlite();
        let schema = |kind: &str| {
            format!(
                "CREATE TABLE {name} (id INTEGER PRIMARY KEY, up INT REFERENCES {name} ON DELETE CASCADE, a {kind});
                 CREATE TABLE child (id INTEGER PRIMARY KEY, p INT REFERENCES {name} (id) ON DELETE CASCADE);
                 CREATE TABLE grandchild (c INT REFERENCES child ON DELETE CASCADE);"
            )
        };
        db.execute(&schema("INT"));
        db.execute(&format!(
            "INSERT INTO {name} VALUES (1, NULL, 5), (2, 1, 6); INSERT INTO child VALUES (7, 1), (8, 2);
             INSERT INTO grandchild VALUES (7), (8);"
        ));
        change(&db, &schema("TEXT NOT NULL"));
        assert_eq!(
            db.query(&format!("SELECT id||','||coalesce(up, '-')||','||quote(a) FROM {name}")),
            ["1,-,'5'", "2,1,'6'"]
        );
        assert_eq!(db.query("SELECT id||','||p FROM child"), ["7,1", "8,2"]);
        assert_eq!(db.count("SELECT count(*) FROM grandchild"), 2);
        assert_eq!(db.query("PRAGMA foreign_key_check"), [""; 0]);
        // they are still tied: foreign keys are on again, and what goes takes its children along
        db.execute(&format!("DELETE FROM {name} WHERE id = 1"));
        assert_eq!(db.count("SELECT count(*) FROM grandchild"), 0);
    }
}

#[test]
fn counters_and_row_numbers_survive() {
    for name in ["t", "T"] {
        let db = Db::sqlite();
        let schema = |kind: &str| {
            format!(
                "CREATE TABLE {name} (id INTEGER PRIMARY KEY AUTOINCREMENT, a {kind});
                 CREATE TABLE {name}2 (word TEXT PRIMARY KEY, n {kind});"
            )
        };
        db.execute(&schema("INT"));
        db.execute(&format!(
            "INSERT INTO {name} VALUES (41, 1), (90, 2); DELETE FROM {name} WHERE id = 90;
             INSERT INTO {name}2 (rowid, word) VALUES (5, 'five'), (9, 'nine')"
        ));
        change(&db, &schema("TEXT"));
        db.execute(&format!("INSERT INTO {name} (a) VALUES (3)"));
        assert_eq!(db.query(&format!("SELECT id FROM {name} ORDER BY id")), ["41", "91"]);
        assert_eq!(db.query(&format!("SELECT rowid||word FROM {name}2 ORDER BY rowid")), ["5five", "9nine"]);
        let counters = db.query("SELECT name||' '||seq FROM sqlite_sequence");
        assert_eq!(counters, [format!("{name} 91")]);
        // an empty table counts on, too
        db.execute(&format!("DELETE FROM {name}"));
        change(&db, &schema("REAL"));
        db.execute(&format!("INSERT INTO {name} (a) VALUES (4)"));
        assert_eq!(db.query(&format!("SELECT id FROM {name}")), ["92"]);
    }
}

#[test]
fn values_are_kept_as_they_are() {
    for name in ["t", "T"] {
        let db = Db::sqlite();
        let schema = |kind: &str| {
            format!("CREATE TABLE {name} (a INT, b TEXT, c BLOB, d REAL, e, f INT AS (a) STORED, Z {kind});")
        };
        db.execute(&schema("TEXT"));
        db.execute(&format!(
            "INSERT INTO {name} (a, b, c, d, e, z) VALUES (1, 'x', x'00ff', 1.5, '1', 'z'), ('no', x'01', '2', 3, 4.0, NULL)"
        ));
        let rows = format!(
            "SELECT quote(a)||quote(b)||quote(c)||quote(d)||quote(e)||quote(f)||quote(z) FROM {name}"
        );
        let before = db.query(&rows);
        change(&db, &schema("TEXT DEFAULT 1"));
        assert_eq!(db.query(&rows), before);
    }
}

#[test]
fn a_new_column_that_no_row_can_have_is_said() {
    let db = Db::sqlite();
    db.execute("CREATE TABLE t (a INT); INSERT INTO t VALUES (1)");
    let wanted = Db::sqlite();
    wanted.execute("CREATE TABLE t (a INT, b INT NOT NULL)");
    let way = script(dialect(&db), &introspect(&db), &introspect(&wanted), Style::default());
    assert_eq!(text(dialect(&db), &way), "ALTER TABLE t ADD COLUMN b INT NOT NULL;\n");
    assert!(way.hints[0].starts_with("t.b: NOT NULL without a default"), "{:?}", way.hints);
    assert!(carry_out(&db, &way).unwrap_err().contains("NOT NULL"));
    db.execute("DELETE FROM t");
    carry_out(&db, &way).unwrap();
}

#[test]
fn virtual_tables_are_made_again() {
    let [there, back] = ways(
        "CREATE VIRTUAL TABLE docs USING fts5(title); CREATE VIEW v AS SELECT title FROM docs;",
        "CREATE VIRTUAL TABLE docs USING fts5(title, body); CREATE VIEW v AS SELECT title FROM docs;",
    );
    assert_eq!(there.hints, ["virtual table docs: is made again, empty: fill it"]);
    assert_eq!(lines(&there)[..2], ["DROP VIEW v;", "DROP TABLE docs;"]);
    assert_eq!(back.hints.len(), 1);
    let [_, back] = ways("", "CREATE VIRTUAL TABLE docs USING fts5(title);");
    assert_eq!(back.hints, ["virtual table docs: goes with all that is in it"]);
}

/// An index over another table's rows goes on to find them by their numbers.
#[test]
fn an_index_of_words_survives_a_rebuild_of_its_content() {
    let db = Db::sqlite();
    let schema = |kind: &str| {
        format!(
            "CREATE TABLE posts (slug TEXT PRIMARY KEY, body TEXT, n {kind});
             CREATE VIRTUAL TABLE words USING fts5(body, content=posts, content_rowid=rowid);
             CREATE TRIGGER fill AFTER INSERT ON posts BEGIN INSERT INTO words (rowid, body) VALUES (NEW.rowid, NEW.body); END;"
        )
    };
    db.execute(&schema("INT"));
    db.execute("INSERT INTO posts VALUES ('a', 'one two', 1), ('b', 'two three', 2), ('c', 'three', 3); DELETE FROM posts WHERE slug = 'a'");
    change(&db, &schema("TEXT"));
    assert_eq!(
        db.query("SELECT body FROM words WHERE words MATCH 'three' ORDER BY rowid"),
        ["two three", "three"]
    );
}

#[test]
fn tables_that_refer_to_each_other_go_in_order() {
    let [_, back] = ways(
        "",
        "CREATE TABLE a_parent (id INTEGER PRIMARY KEY); CREATE TABLE b_child (p INT REFERENCES a_parent);",
    );
    assert_eq!(lines(&back), ["DROP TABLE b_child;", "DROP TABLE a_parent;"]);
    assert!(!back.foreign_keys_off);
    let [_, back] = ways(
        "",
        "CREATE TABLE a (id INTEGER PRIMARY KEY, b INT REFERENCES b); CREATE TABLE b (id INTEGER PRIMARY KEY, a INT REFERENCES a);",
    );
    assert!(back.foreign_keys_off);
}

#[test]
fn nasty_schemas() {
    let nasty = include_str!("../cases/introspect/sqlite.sql");
    ways("", nasty);
    // every table with columns is rebuilt under all that speaks of it
    let [there, _] = ways(
        nasty,
        &nasty
            .replace("INT NOT NULL, -- a", "BIGINT NOT NULL, -- a")
            .replace("\"odd name\" TEXT", "\"odd name\" INT"),
    );
    assert!(there.foreign_keys_off);
}

#[test]
fn what_is_broken_already_is_not_in_the_way() {
    let table = |kind: &str| {
        format!("CREATE TABLE t (a {kind}, b); CREATE VIEW broken AS SELECT x FROM nowhere JOIN t; CREATE VIEW over AS SELECT 1 FROM broken;
                 CREATE VIEW fine AS WITH w AS (SELECT 1 AS n) SELECT n FROM w;
                 CREATE TABLE u (a); CREATE TRIGGER r AFTER INSERT ON u BEGIN INSERT INTO nowhere VALUES (1); END;")
    };
    let [there, _] = ways(&table("INT"), &table("TEXT"));
    assert!(!lines(&there).iter().any(|line| line.contains("fine")), "{there:?}");
    ways(&table("INT"), &table("INT").replace(", b)", ")"));
}

#[test]
fn no_row_is_replaced_in_a_rebuild() {
    let db = Db::sqlite();
    db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t (a) VALUES ('x'), ('x')");
    let wanted = Db::sqlite();
    wanted.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE ON CONFLICT REPLACE)");
    let failed = one_way(&db, &introspect(&db), &introspect(&wanted)).unwrap_err();
    assert!(failed.contains("UNIQUE constraint failed"), "{failed}");
}
