//! `generate rename-column` and its kin: the files, the way there and back on each database, what is refused, and
//! old and new code at work through all steps.

use crate::common::{bare, ran};
use crate::support::database::{Db, each_database};
use crate::support::project::{Output, Project};
use crate::traffic::{SHARED, Total, Words, Writers};

const BEFORE: &str = "migrations/20240101000000_before.sql";
const SHOP: &str = "CREATE TABLE users (id integer PRIMARY KEY, image varchar(40) NOT NULL, n integer);\n\
     CREATE INDEX users_image ON users (image);\n\
     CREATE TABLE posts (id integer PRIMARY KEY, user_id integer, total integer NOT NULL DEFAULT 3,\n\
     CONSTRAINT posts_users FOREIGN KEY (user_id) REFERENCES users (id));\n\
     INSERT INTO users VALUES (1, 'a', NULL), (2, 'B', 7);\nINSERT INTO posts VALUES (1, 1, 4);\n";

/// A project that has run on a database.
fn shop(db: &Db) -> Project {
    let project = bare().file(BEFORE, SHOP);
    project.run(db, &["migrate", "--release", "r0"]).ok();
    project
}

/// The migrations that were written, in order.
#[track_caller]
fn generated(project: &Project, db: &Db, args: &[&str]) -> Vec<String> {
    let output = project.run(db, &[&["generate"], args, &["--format", "json"]].concat()).ok();
    let document = output.json();
    assert_eq!(document["proof"]["tables"], 2, "{output}");
    document["steps"].as_array().unwrap().iter().map(|step| step["id"].as_str().unwrap().to_owned()).collect()
}

fn phase(project: &Project, db: &Db, phase: &str, release: &str) -> Output {
    project.run(db, &["migrate", "--phase", phase, "--release", release, "--allow-split"])
}

/// Through all steps, with work of old and new code in between; then back, and there again.
#[track_caller]
fn through(db: &Db, args: &[&str], plain: &str, work: impl Fn(&Db), after: (&str, &[&str])) {
    let project = shop(db);
    let ids = generated(&project, db, args);
    phase(&project, db, "expand", "r1").ok();
    work(db);
    phase(&project, db, "contract", "r2").ok().says("schema check: passed");
    assert_eq!(ran(db)[1..], ids);
    assert_eq!(db.query(after.0), after.1);
    let (was, by_hand) = (db.another(), db.another());
    was.execute(SHOP);
    by_hand.execute(&format!("{SHOP}{plain}"));
    let is = |other: &Db| _ = project.run_alone(&["schema", "diff", db.url(), other.url()]).ok();
    is(&by_hand);
    for _ in 0..2 {
        project.run(db, &["rollback", "--yes", "--allow-split"]).ok();
    }
    assert_eq!(ran(db).len(), 1);
    is(&was);
    phase(&project, db, "expand", "r3").ok();
    phase(&project, db, "contract", "r4").ok().says("schema check: passed");
    is(&by_hand);
    assert_eq!(db.query(after.0), after.1);
}

#[test]
fn a_column_gets_another_name() {
    each_database(|db| {
        let work = |db: &Db| {
            db.execute("INSERT INTO users (id, image) VALUES (3, 'old')");
            db.execute("INSERT INTO users (id, poster) VALUES (4, 'new')");
            assert_eq!(db.query("SELECT poster FROM users ORDER BY id"), ["a", "B", "old", "new"]);
            // the case alone is a change, whatever the collation says
            db.execute("UPDATE users SET poster = 'A' WHERE id = 1");
            db.execute("UPDATE users SET image = 'b' WHERE id = 2");
            db.execute("UPDATE users SET n = 1");
            assert_eq!(db.query("SELECT image FROM users ORDER BY id"), ["A", "b", "old", "new"]);
        };
        let plain = "ALTER TABLE users RENAME COLUMN image TO poster;";
        let after = ("SELECT poster FROM users ORDER BY id", &["A", "b", "old", "new"][..]);
        through(db, &["rename-column", "users.image", "poster"], plain, work, after);
    });
}

/// Old and new code at work through all steps.
#[track_caller]
fn traffic(db: &Db, args: &[&str], create: &str, old: Words, new: Words) {
    let project = bare().file(BEFORE, create);
    project.run(db, &["migrate", "--release", "r0"]).ok();
    let mut total = Total::default();
    for id in 1..=SHARED {
        total.updates.insert(id, 0);
    }
    let old_code = Writers::start(db, old, 2);
    old_code.go_on(40);
    project.run(db, &[&["generate"], args].concat()).ok();
    phase(&project, db, "expand", "r1").ok();
    old_code.go_on(40);
    let new_code = Writers::start(db, new, 2);
    new_code.go_on(150);
    old_code.go_on(100);
    old_code.stop(&mut total);
    new_code.go_on(20);
    phase(&project, db, "contract", "r2").ok().says("schema check: passed");
    new_code.go_on(60);
    new_code.stop(&mut total);
    total.holds(db, new);
    println!("{} {args:?}: {}", db.dialect(), total.title());
}

/// Many rows, of which the writers share the first few.
fn many(db: &Db, value: &str) -> String {
    let rows = if db.is_mariadb() {
        "SELECT seq AS id FROM seq_1_to_6000"
    } else {
        "SELECT generate_series(1, 6000) AS id"
    };
    format!("INSERT INTO users (id, image, version) SELECT id, {value}, 0 FROM ({rows}) rows_of;\n")
}

/// A text whose case alone tells one count from the next.
const POSTGRES_TEXT: &str = "CASE ({}) % 2 WHEN 0 THEN 'v' ELSE 'V' END || (({}) / 2)";
const MARIADB_TEXT: &str = "concat(CASE ({}) % 2 WHEN 0 THEN 'v' ELSE 'V' END, ({}) DIV 2)";

fn servers() -> Vec<Db> {
    [Db::postgres(), Db::mariadb()].into_iter().flatten().collect()
}

#[test]
fn old_and_new_code_write_one_column_under_two_names() {
    for db in servers() {
        let value = if db.is_mariadb() { MARIADB_TEXT } else { POSTGRES_TEXT };
        let create = format!(
            "CREATE TABLE users (id bigint PRIMARY KEY, image varchar(40) NOT NULL, version int NOT NULL DEFAULT 0);\n\
             CREATE INDEX users_image ON users (image);\n{}",
            many(&db, "'v0'")
        );
        let (old, new) = (
            Words { table: "users", column: "image", value },
            Words { table: "users", column: "poster", value },
        );
        traffic(&db, &["rename-column", "users.image", "poster"], &create, old, new);
    }
}

#[test]
fn old_and_new_code_write_one_table_under_two_names() {
    for db in servers() {
        let create = format!(
            "CREATE TABLE users (id bigint PRIMARY KEY, image varchar(40) NOT NULL DEFAULT 'x', version int NOT NULL DEFAULT 0);\n{}",
            many(&db, "'v0'")
        );
        let value = "concat('v', {})";
        let (old, new) = (
            Words { table: "users", column: "image", value },
            Words { table: "accounts", column: "image", value },
        );
        traffic(&db, &["rename-table", "users", "accounts"], &create, old, new);
    }
}

#[test]
fn old_and_new_code_write_a_number_and_a_text() {
    for db in servers() {
        let create = format!(
            "CREATE TABLE users (id bigint PRIMARY KEY, image int NOT NULL, version int NOT NULL DEFAULT 0);\n\
             CREATE UNIQUE INDEX users_image ON users (image, id);\n{}",
            many(&db, "0")
        );
        let old = Words { table: "users", column: "image", value: "{}" };
        let new = Words { table: "users", column: "label", value: "concat('no ', {})" };
        let args =
            ["change-type", "users.image", "varchar(40)", "--as", "label", "--using", "concat('no ', image)"];
        let back = if db.is_mariadb() { "CAST(substr(label, 4) AS signed)" } else { "substr(label, 4)::int" };
        traffic(&db, &[&args[..], &["--back", back]].concat(), &create, old, new);
    }
}
