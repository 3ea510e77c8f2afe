//! `--write-sql`: another client carries the text out, and the database is as after a run. `--query-time`.

use crate::common::{POSTS, TAGS, USERS, add_tags, bare, base, ran};
use crate::support::database::{Db, each_database};
use crate::support::project::Project;

/// Statements that only the database's own client can take apart.
fn with_bodies(db: &Db) -> Project {
    let project = base();
    add_tags(&project);
    let body = if db.is_postgres() {
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := 'x;'; RETURN NEW; END $$;\n\
         -- a comment with ; in it\n\
         CREATE TRIGGER t BEFORE INSERT ON tags FOR EACH ROW EXECUTE FUNCTION f();\n"
    } else if db.is_mariadb() {
        "DELIMITER //\n\
         CREATE TRIGGER t BEFORE INSERT ON tags FOR EACH ROW BEGIN SET NEW.name = 'x;'; SET @a = 1; END//\n\
         DELIMITER ;\n"
    } else {
        "CREATE TRIGGER t AFTER INSERT ON tags BEGIN UPDATE tags SET name = 'x;'; SELECT 1; END;\n"
    };
    project.write("migrations/20240104000000_body.sql", body);
    project.write("migrations/20240104000000_body.down.sql", "DROP TRIGGER t;\n");
    if db.is_postgres() {
        project
            .write("migrations/20240104000000_body.down.sql", "DROP TRIGGER t ON tags;\nDROP FUNCTION f;\n");
    }
    project
}

#[test]
fn another_client_does_what_a_run_does() {
    each_database(|db| {
        let project = with_bodies(db);
        let (ours, theirs) = (db, &db.another());
        project.run(ours, &["migrate"]).ok();
        let tree = project.tree();
        let nothing = theirs.dump();
        project
            .run(theirs, &["migrate", "--locked", "--write-sql=run.sql"])
            .ok()
            .says("nothing was executed");
        assert_eq!(theirs.dump(), nothing, "nothing was executed");
        let text = project.read("run.sql");
        assert!(text.contains(db.dialect()) && text.contains(USERS), "{text}");
        theirs.load(&text);
        project.remove("run.sql");
        assert_eq!(project.tree(), tree, "nothing else was written");
        assert_eq!(ran(theirs), ran(ours));
        assert_eq!(theirs.dump_schema(), ours.dump_schema());
        project.run(theirs, &["migrate", "--locked"]).ok().says("schema check: passed");
        project.run(theirs, &["migrate", "--locked"]).ok().says("nothing to do");
        project.run(theirs, &["migrate", "--write-sql"]).ok().says("no SQL was written");
        // and back again
        let sql = project.run(theirs, &["migrate", "tags", "--write-sql", "--format", "json"]).ok().json();
        theirs.load(sql["sql"].as_str().unwrap());
        assert_eq!(ran(theirs), [USERS, POSTS, TAGS]);
    });
}

#[test]
fn a_text_holds_only_what_is_pending() {
    each_database(|db| {
        let project = base();
        project.run(db, &["migrate", "--write-sql=1.sql"]).ok().says("run `db-migrations lock`");
        project.run(db, &["migrate"]).ok();
        add_tags(&project);
        project.run(db, &["migrate", "--write-sql=2.sql"]).ok();
        let text = project.read("2.sql");
        assert!(!text.contains(USERS), "only what is pending: {text}");
        db.load(&text);
        assert_eq!(ran(db), [USERS, POSTS, TAGS]);
        project.run(db, &["migrate"]).ok();
    });
}

#[test]
fn settings_of_a_migration_do_not_reach_the_next() {
    each_database(|db| {
        if db.is_sqlite() {
            return; // it has no session settings
        }
        let (setting, show) = if db.is_postgres() {
            ("search_path = pg_catalog", "current_setting('search_path')")
        } else {
            ("sql_mode = ANSI_QUOTES", "@@sql_mode")
        };
        let project = bare()
            .file("migrations/1_a.sql", format!("-- db-migrations: session {setting}\nSELECT 1;\n"))
            .file("migrations/2_b.sql", format!("CREATE TABLE b AS SELECT {show} AS s;\n"));
        let other = &db.another();
        project.run(db, &["migrate"]).ok();
        let sql = project.run(other, &["migrate", "--write-sql", "--format", "json"]).ok().json();
        other.load(sql["sql"].as_str().unwrap());
        assert_eq!(other.query("SELECT s FROM b"), db.query("SELECT s FROM b"));
    });
}

#[test]
fn what_a_migration_sets_does_not_reach_the_next_text() {
    each_database(|db| {
        let set = if db.is_postgres() {
            "SET work_mem = '8MB';\n"
        } else if db.is_mariadb() {
            "SET sql_mode = '', foreign_key_checks = 0;\nSET NAMES latin1;\n"
        } else {
            "PRAGMA recursive_triggers = ON;\n"
        };
        let show = if db.is_mariadb() {
            "CAST(CONCAT(@@sql_mode, @@foreign_key_checks) AS CHAR(200))"
        } else {
            "'ü'"
        };
        let project = bare().file("migrations/1_a.sql", set).file(
            "migrations/2_b.sql",
            format!("CREATE TABLE b AS SELECT {show} AS s;\nINSERT INTO b VALUES ('ü');\n"),
        );
        let other = &db.another();
        project.run(db, &["migrate"]).ok();
        let sql = project.run(other, &["migrate", "--write-sql", "--format", "json"]).ok().json();
        // a client that would take the text for something else
        let client = if db.is_postgres() { "SET client_encoding = 'LATIN1';\n" } else { "" };
        other.load(&format!("{client}{}", sql["sql"].as_str().unwrap()));
        assert_eq!(other.query("SELECT s FROM b"), db.query("SELECT s FROM b"));
    });
}

#[test]
fn a_file_of_somebody_else_is_not_written_over() {
    let db = Db::sqlite();
    let project = base();
    project.run_alone(&["lock"]).ok();
    let tree = project.tree();
    for file in ["migrations-lock.yml", "migrations/20240101000000_users.sql"] {
        let output = project.run(&db, &["migrate", &format!("--write-sql={file}")]).exits(2);
        output.says("was not written by `--write-sql`");
    }
    assert_eq!(project.tree(), tree);
    project.run(&db, &["migrate", "--write-sql=run.sql"]).ok();
    project.run(&db, &["migrate", "--write-sql=run.sql"]).ok();
    assert_eq!(db.path().unwrap().metadata().map_or(0, |file| file.len()), 0, "no database was made");
}

#[test]
fn each_statement_is_timed() {
    each_database(|db| {
        let project = base();
        let slow = if db.is_postgres() {
            "SELECT pg_sleep(0.2);\n"
        } else if db.is_mariadb() {
            "UPDATE users SET name = 'b' WHERE sleep(0.2) = 0;\n"
        } else {
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) UPDATE users SET name = (SELECT max(i) FROM n);\n"
        };
        project.write("migrations/20240103000000_slow.sql", format!("SELECT 1;\n{slow}SELECT 2;\n"));
        let json = project.run(db, &["migrate", "--query-time", "--format", "json"]).ok().json();
        let times = json["statements"].as_array().unwrap();
        let of = |id: &'static str| times.iter().filter(move |time| time["id"] == id);
        assert_eq!((of(USERS).count(), of(POSTS).count()), (2, 2), "{json:#}");
        let times: Vec<f64> =
            of("app::20240103000000_slow").map(|time| time["execution_ms"].as_f64().unwrap()).collect();
        assert!(times.len() == 3 && times[1] > times[0] && times[1] > times[2], "{times:?}");
        project.write("migrations/20240104000000_bad.sql", "SELECT 3;\nSELECT * FROM nowhere;\n");
        let output = project.run(db, &["migrate", "--query-time", "--rehearsal", "off"]);
        assert!(output.code == 3, "{output}");
        output.says("statement 1: SELECT 3").says("20240104000000_bad.sql:2");
        assert_eq!(ran(db).len(), 3);
    });
}
