//! `generate rename-column` and its kin: what keeps data from being lost, and code from failing later.

use crate::common::{bare, ran};
use crate::online::{BEFORE, SHOP, generated, phase, shop};
use crate::support::database::{Db, each_database};
use crate::support::project::{Output, Project};

#[test]
fn nothing_is_dropped_that_is_not_in_the_copy() {
    each_database(|db| {
        let project = shop(db);
        generated(&project, db, &["rename-column", "users.image", "poster"]);
        for (path, text) in project.tree() {
            if path.contains("_fill.up") || path.contains("_catch_up.up") {
                let text = text.replace("WHERE NOT (BINARY", "WHERE id > 1 AND NOT (BINARY");
                let text = text.replace("AND NOT (BINARY", "AND id > 1 AND NOT (BINARY");
                let text = text.replace("record_image_ne(", "id > 1 AND record_image_ne(");
                project.write(&path, text.replace("WHERE poster", "WHERE id > 1 AND poster"));
            }
        }
        phase(&project, db, "expand", "r1").ok();
        assert_eq!(db.query("SELECT id FROM users WHERE poster IS NULL"), ["1"]);
        let before = ran(db);
        let failed = phase(&project, db, "contract", "r2").says("nothing is dropped");
        assert!(failed.code == 3 || failed.code == 4, "{failed}");
        assert_eq!(
            (ran(db), db.query("SELECT image FROM users WHERE id = 1")),
            (before, vec!["a".to_owned()])
        );
        db.execute("UPDATE users SET image = image");
        phase(&project, db, "contract", "r2").ok();
        assert_eq!(db.query("SELECT poster FROM users ORDER BY id"), ["a", "B"]);
    });
}

#[test]
fn two_columns_of_one_table_change_at_once() {
    each_database(|db| {
        let create = "CREATE TABLE users (id integer PRIMARY KEY, image varchar(9), name varchar(9), amount numeric(6,2));\n\
             INSERT INTO users VALUES (1, 'a', 'n', 1.5);\nCREATE TABLE other (id integer PRIMARY KEY);\n";
        let project = bare().file(BEFORE, create);
        project.run(db, &["migrate", "--release", "r0"]).ok();
        let branch = bare().file(BEFORE, create);
        branch.run_alone(&["lock"]).ok();
        branch.run(db, &["generate", "change-type", "users.amount", "integer", "--as", "whole"]).ok();
        project.run(db, &["generate", "rename-column", "users.image", "poster"]).ok();
        let third = bare().file(BEFORE, create);
        third.run_alone(&["lock"]).ok();
        third.run(db, &["generate", "rename-column", "users.name", "title"]).ok();
        for other in [&branch, &third] {
            for (path, text) in other.tree() {
                if path != BEFORE && path.starts_with("migrations/") {
                    project.write(&path, &text);
                }
            }
        }
        phase(&project, db, "expand", "r1").ok();
        let row = |id: i32| {
            db.query(&format!(
                "SELECT concat_ws(' ', image, poster, name, title, amount + 0.0, whole) FROM users WHERE id = {id}"
            ))
            .remove(0)
        };
        let is = |id: i32, texts: &str, old: &[&str]| {
            let row = row(id);
            let fits = old.iter().any(|old| row == format!("{texts} {old}"));
            assert!(fits, "{}: {row}, not {texts} {old:?}", db.dialect());
        };
        db.execute("UPDATE users SET poster = 'b', title = 'm' WHERE id = 1");
        is(1, "b b m m", &["1.5 1", "1.50 2"]);
        db.execute("UPDATE users SET image = 'c', title = 'o', amount = 3 WHERE id = 1");
        is(1, "c c o o", &["3.0 3", "3.00 3"]);
        db.execute("UPDATE users SET poster = 'd', name = 'p', whole = 4 WHERE id = 1");
        is(1, "d d p p", &["4.0 4", "4.00 4"]);
        db.execute("INSERT INTO users (id, image, title, amount) VALUES (2, 'x', 'y', 1.5)");
        is(2, "x x y y", &["1.5 1", "1.50 2"]);
        db.execute("UPDATE users SET amount = 2.25 WHERE id = 2");
        is(2, "x x y y", &["2.25 2"]);
        phase(&project, db, "contract", "r2").ok().says("schema check: passed");
        assert_eq!(db.query("SELECT concat(poster, title, whole) FROM users ORDER BY id"), ["dp4", "xy2"]);
    });
}

#[test]
fn one_change_of_a_table_waits_for_the_other() {
    let db = Db::sqlite();
    let project = shop(&db);
    let ids = generated(&project, &db, &["rename-column", "users.image", "poster"]);
    let next = ["generate", "rename-column", "users.poster", "picture", "--dry-run"];
    let refused = |output: Output| output.exits(7).says("is not finished").says(ids.last().unwrap());
    refused(project.run(&db, &next));
    refused(project.run_alone(&[&next[..], &["--dialect", "sqlite"]].concat())).says("--url");
    phase(&project, &db, "expand", "r1").ok();
    refused(project.run(&db, &next)).says("--phase contract");
    project.run(&db, &["generate", "rename-column", "posts.total", "price", "--dry-run"]).ok();
    phase(&project, &db, "contract", "r2").ok();
    project.run(&db, &next).ok();
}

/// A project of one text, in which something is refused.
#[track_caller]
fn refused(db: &Db, more: &str, args: &[&str], text: &str) {
    let project = bare().file(BEFORE, format!("{SHOP}{more}\n"));
    project.run_alone(&["lock"]).ok();
    project.run(db, &[&["generate"], args].concat()).exits(7).says(text).does_not_say("wrote");
}

#[test]
fn what_would_break_at_the_contract_step_is_refused() {
    each_database(|db| {
        let column = ["rename-column", "users.image", "poster"];
        let table = ["rename-table", "users", "accounts"];
        match db.dialect() {
            "postgres" => {
                let trigger = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM 1 FROM users; RETURN NEW; END$$;\n\
                     CREATE TRIGGER seen BEFORE UPDATE OF image ON users FOR EACH ROW EXECUTE FUNCTION f();";
                refused(db, trigger, &column, "waits for an update of `image`");
                let force = "ALTER TABLE users ENABLE ROW LEVEL SECURITY; ALTER TABLE users FORCE ROW LEVEL SECURITY;";
                refused(db, force, &column, "forces row level security");
                let project = bare().file(BEFORE, format!("{SHOP}{trigger}\n"));
                project.run_alone(&["lock"]).ok();
                let renamed = project.run(db, &[&["generate"], &table[..]].concat()).ok();
                renamed.says("may name `users` in its body");
            }
            "mariadb" => {
                let trigger = "CREATE TRIGGER seen BEFORE INSERT ON users FOR EACH ROW SET NEW.image = upper(NEW.image);";
                refused(db, trigger, &column, "the trigger `seen` may name `image`");
                let view = "CREATE VIEW pictures AS SELECT id FROM users;";
                refused(db, view, &table, "`pictures` may name `users`");
            }
            _ => {
                let unique = "CREATE TABLE other (id integer PRIMARY KEY, image text DEFAULT 'x' UNIQUE);";
                refused(
                    db,
                    unique,
                    &["rename-column", "other.image", "poster"],
                    "has a default, and must be unique",
                );
            }
        }
    });
}

#[test]
fn what_is_written_is_clean() {
    each_database(|db| {
        for args in [
            &["rename-column", "users.image", "poster"][..],
            &["rename-table", "users", "accounts"],
            &["change-type", "posts.total", "bigint", "--as", "price"],
            &["set-not-null", "users.n", "--default", "id"],
            &["set-not-null", "users.n"],
        ] {
            let project = Project::with_config(&format!("cargo: off\ndialects: [{}]\n", db.dialect()));
            let project = project.file(BEFORE, SHOP.replace("NULL)", "3)"));
            project.run_alone(&["lock"]).ok();
            let ids = generated(&project, db, args);
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let linted = project.run(db, &[&["lint"], &ids[..]].concat()).ok();
            linted.says("nothing found");
        }
    });
}

#[test]
fn a_unique_constraint_that_waits_for_the_end_does_so_for_both() {
    let Some(db) = Db::postgres() else { return };
    let create = "CREATE TABLE ranks (id integer PRIMARY KEY, place integer UNIQUE DEFERRABLE INITIALLY DEFERRED);\n\
         INSERT INTO ranks VALUES (1, 1), (2, 2);\n";
    for (args, to) in [
        (&["rename-column", "ranks.place", "spot"][..], "spot"),
        (&["change-type", "ranks.spot", "bigint", "--as", "position"], "position"),
    ] {
        let project =
            bare().file(BEFORE, create.replace("place", if to == "spot" { "place" } else { "spot" }));
        let own = db.another();
        project.run(&own, &["migrate", "--release", "r0"]).ok();
        project.run(&own, &[&["generate"], args].concat()).ok();
        phase(&project, &own, "expand", "r1").ok();
        own.execute(&format!(
            "BEGIN; UPDATE ranks SET {to} = 2 WHERE id = 1; UPDATE ranks SET {to} = 1 WHERE id = 2; COMMIT"
        ));
        phase(&project, &own, "contract", "r2").ok().says("schema check: passed");
        assert_eq!(own.query(&format!("SELECT {to} FROM ranks ORDER BY id")), ["2", "1"]);
    }
}

#[test]
fn a_refusal_names_its_cause() {
    each_database(|db| {
        let column = ["rename-column", "users.image", "poster"];
        match db.dialect() {
            "postgres" => {
                let touch = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.n := coalesce(NEW.n, 0) + 1; RETURN NEW; END$$;\n\
                     CREATE TRIGGER touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION f();";
                refused(db, touch, &column, "touch` fires for the copying, too");
                refused(
                    db,
                    "",
                    &["change-type", "posts.total", "date", "--as", "day"],
                    "`--using` and `--back` must say",
                );
            }
            "mariadb" => {
                let touch = "CREATE TRIGGER touch BEFORE UPDATE ON users FOR EACH ROW SET NEW.n = coalesce(NEW.n, 0) + 1;";
                refused(db, touch, &column, "touch` fires for the copying, too");
                let key = "CREATE TABLE codes (id integer PRIMARY KEY, code varchar(9) UNIQUE);\n\
                     CREATE TABLE uses (id integer PRIMARY KEY, code varchar(9), CONSTRAINT of_code FOREIGN KEY (code) REFERENCES codes (code));";
                refused(db, key, &["rename-column", "codes.code", "name"], "points at `code`");
                let text = "CREATE TABLE docs (id integer PRIMARY KEY, a text, FULLTEXT KEY words (a));\n";
                let project = bare().file(BEFORE, text);
                project.run(db, &["migrate", "--release", "r0"]).ok();
                project.run(db, &["generate", "rename-column", "docs.a", "b"]).ok().says("FULLTEXT");
                phase(&project, db, "expand", "r1").ok();
                phase(&project, db, "contract", "r2").ok().says("schema check: passed");
            }
            _ => {
                let project = shop(db);
                db.execute("ALTER TABLE users ADD COLUMN extra text");
                let live = ["generate", "rename-column", "users.extra", "more", "--from", "live"];
                project.run(db, &live).exits(2).says("it is so in the database");
            }
        }
    });
    let db = Db::sqlite();
    let project = Project::with_config("cargo: off\n")
        .file("migrations/V1__own.sql", "CREATE TABLE own (id integer PRIMARY KEY, a text);\n");
    project.run(&db, &["migrate", "--release", "r0"]).ok();
    let output = project.run(&db, &["generate", "rename-column", "own.a", "b"]).ok();
    output.says("has no down scripts").says("migrate --phase expand`");
}
