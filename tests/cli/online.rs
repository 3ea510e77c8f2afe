//! `generate rename-column` and its kin: the files, the way there and back on each database, what is refused, and
//! old and new code at work through all steps.

use std::io::Write;

use crate::common::{bare, ran, until};
use crate::support::database::{Db, each_database};
use crate::support::project::{Output, Project};
use crate::traffic::{SHARED, Total, Words, Writers};

pub(crate) const BEFORE: &str = "migrations/20240101000000_before.sql";
pub(crate) const SHOP: &str = "CREATE TABLE users (id integer PRIMARY KEY, image varchar(40) NOT NULL, n integer);\n\
     CREATE INDEX users_image ON users (image);\n\
     CREATE TABLE posts (id integer PRIMARY KEY, user_id integer, total integer NOT NULL DEFAULT 3,\n\
     CONSTRAINT posts_users FOREIGN KEY (user_id) REFERENCES users (id));\n\
     INSERT INTO users VALUES (1, 'a', NULL), (2, 'B', 7);\nINSERT INTO posts VALUES (1, 1, 4);\n";

/// A project that has run on a database.
pub(crate) fn shop(db: &Db) -> Project {
    let project = bare().file(BEFORE, SHOP);
    project.run(db, &["migrate", "--release", "r0"]).ok();
    project
}

/// The migrations that were written, in order.
#[track_caller]
pub(crate) fn generated(project: &Project, db: &Db, args: &[&str]) -> Vec<String> {
    let output = project.run(db, &[&["generate"], args, &["--format", "json"]].concat()).ok();
    let document = output.json();
    assert_eq!(document["proof"]["tables"], 2, "{output}");
    document["steps"].as_array().unwrap().iter().map(|step| step["id"].as_str().unwrap().to_owned()).collect()
}

pub(crate) fn phase(project: &Project, db: &Db, phase: &str, release: &str) -> Output {
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

#[test]
fn a_table_gets_another_name() {
    each_database(|db| {
        let work = |db: &Db| {
            db.execute("INSERT INTO users (id, image) VALUES (3, 'old')");
            db.execute("INSERT INTO accounts (id, image) VALUES (4, 'new')");
            db.execute("UPDATE users SET image = 'b' WHERE image = 'B'");
            db.execute("UPDATE accounts SET n = 5 WHERE n IS NULL");
            db.execute("DELETE FROM users WHERE id = 3");
            assert_eq!(db.query("SELECT n FROM users ORDER BY id"), ["5", "7", "5"]);
        };
        let plain = "ALTER TABLE users RENAME TO accounts;";
        let after = ("SELECT image FROM accounts ORDER BY id", &["a", "b", "new"][..]);
        through(db, &["rename-table", "users", "accounts"], plain, work, after);
    });
}

#[test]
fn a_column_is_followed_by_one_of_another_type() {
    each_database(|db| {
        let work = |db: &Db| {
            db.execute("INSERT INTO posts (id, total) VALUES (2, 5)");
            db.execute("INSERT INTO posts (id, price) VALUES (3, 700)");
            db.execute("INSERT INTO posts (id) VALUES (4)");
            db.execute("UPDATE posts SET price = 855 WHERE id = 1");
            assert_eq!(db.query("SELECT total FROM posts ORDER BY id"), ["8", "5", "7", "3"]);
            assert_eq!(db.query("SELECT price FROM posts ORDER BY id"), ["855", "500", "700", "300"]);
            db.execute("UPDATE posts SET user_id = 2");
            db.execute("UPDATE posts SET total = 6 WHERE id = 2");
            assert_eq!(
                db.query("SELECT price FROM posts WHERE id = 1"),
                ["855"],
                "nobody has changed it since"
            );
            // what the old type cannot hold would not come back from there
            db.execute("UPDATE posts SET price = 800 WHERE id = 1");
        };
        let plain = match db.dialect() {
            "postgres" => {
                "ALTER TABLE posts ALTER COLUMN total TYPE bigint USING total * 100; ALTER TABLE posts RENAME COLUMN total TO price;"
            }
            "mariadb" => "ALTER TABLE posts CHANGE COLUMN total price bigint NOT NULL DEFAULT 3;",
            _ => {
                "ALTER TABLE posts RENAME COLUMN total TO price; PRAGMA writable_schema = on; \
                  UPDATE sqlite_schema SET sql = replace(sql, 'price integer', 'price bigint') WHERE name = 'posts';"
            }
        };
        let args = ["change-type", "posts.total", "bigint", "--as", "price", "--using", "total * 100"];
        let back = if db.is_mariadb() { "price DIV 100" } else { "price / 100" };
        let after = ("SELECT price FROM posts ORDER BY id", &["800", "600", "700", "300"][..]);
        through(db, &[&args[..], &["--back", back]].concat(), plain, work, after);
    });
}

#[test]
fn a_column_must_have_a_value() {
    each_database(|db| {
        let work = |db: &Db| {
            assert_eq!(db.query("SELECT n FROM users ORDER BY id"), ["1", "7"]);
            db.execute("INSERT INTO users (id, image) VALUES (3, 'c')");
            db.execute("UPDATE users SET n = NULL WHERE id = 2");
            assert_eq!(db.query("SELECT n FROM users ORDER BY id"), ["1", "2", "3"]);
        };
        let plain = match db.dialect() {
            "postgres" => "UPDATE users SET n = 0; ALTER TABLE users ALTER COLUMN n SET NOT NULL;",
            "mariadb" => "UPDATE users SET n = 0; ALTER TABLE users MODIFY COLUMN n integer NOT NULL;",
            _ => {
                "PRAGMA writable_schema = on; \
                  UPDATE sqlite_schema SET sql = replace(sql, 'n integer', 'n integer NOT NULL') WHERE name = 'users';"
            }
        };
        let after = ("SELECT n FROM users ORDER BY id", &["1", "2", "3"][..]);
        through(db, &["set-not-null", "users.n", "--default", "id"], plain, work, after);
        // without a value to fill in, a row without one stops the contract step
        let other = db.another();
        let project = bare().file(BEFORE, SHOP.replace("NULL)", "0)"));
        project.run(&other, &["migrate", "--release", "r0"]).ok();
        other.execute("UPDATE users SET n = NULL WHERE id = 1");
        let ids = generated(&project, &other, &["set-not-null", "users.n"]);
        project.run(&other, &["migrate", "--release", "r1", "--allow-split"]).ok();
        assert_eq!(ran(&other).len(), 2, "the contract waits for code that gives it a value");
        let failed = phase(&project, &other, "contract", "r2");
        assert!(failed.code == 3 || failed.code == 4, "{failed}");
        other.execute("INSERT INTO users (id, image) VALUES (9, 'nothing is left that keeps it out')");
        other.execute("UPDATE users SET n = 1 WHERE n IS NULL");
        phase(&project, &other, "contract", "r2").ok().says("schema check: passed");
        assert_eq!(ran(&other)[1..], ids);
    });
}

#[test]
fn what_cannot_be_done_is_said_before_anything_is_written() {
    each_database(|db| {
        let more = "CREATE VIEW pictures AS SELECT image FROM users;\n";
        let project = bare().file(BEFORE, format!("{SHOP}{more}"));
        project.run_alone(&["lock"]).ok();
        let before = project.tree();
        let refused = |args: &[&str], code: i32, text: &str| {
            let output = project.run(db, &[&["generate"], args].concat()).exits(code).says(text);
            assert_eq!(project.tree(), before, "{output}");
        };
        refused(&["rename-column", "usrs.image", "poster"], 2, "did you mean `users`?");
        refused(&["rename-column", "users.imag", "poster"], 2, "did you mean `image`?");
        refused(&["rename-column", "users.image", "n"], 2, "has a column `n` already");
        refused(&["rename-column", "image", "poster"], 2, "write it as `TABLE.COLUMN`");
        refused(&["rename-table", "users", "pictures"], 2, "already");
        refused(&["rename-table", "pictures", "x"], 2, "it is a view");
        refused(&["set-not-null", "users.image"], 7, "is `NOT NULL` already");
        refused(&["change-type", "users.id", "bigint", "--as", "number"], 7, "primary key");
        refused(
            &["change-type", "users.image", "text", "--as", "poster"],
            7,
            "`public.pictures`".trim_start_matches(if db.is_postgres() { "" } else { "`public." }),
        );
        if !db.is_sqlite() {
            refused(&["change-type", "users.n", "nonsense type of mine", "--as", "m"], 7, "fails");
        }
        refused(
            &["rename-column", "users.image", "poster", "--module", "nobody"],
            2,
            "there is no module `nobody`",
        );
    });
}

#[test]
fn each_module_gets_what_is_its_own_in_its_format() {
    let db = Db::sqlite();
    let project = Project::with_config("cargo: off\nmodules: { paths: [\"plugins/*\"] }\n")
        .file("migrations/20240101000000_own.sql", "CREATE TABLE own (id integer PRIMARY KEY, a text);\n")
        .file("plugins/shop/module.yml", "format: goose\n")
        .file(
            "plugins/shop/migrations/00001_things.sql",
            "-- +goose Up\nCREATE TABLE things (id integer PRIMARY KEY, a text);\n-- +goose Down\nDROP TABLE things;\n",
        );
    project.run(&db, &["migrate", "--release", "r0"]).ok();
    db.execute("INSERT INTO things VALUES (1, 'x')");
    let output = project.run(&db, &["generate", "rename-column", "things.a", "b"]).ok();
    let wrote: Vec<&str> = output.stdout.lines().filter_map(|line| line.strip_prefix("wrote ")).collect();
    assert_eq!(wrote.len(), 3, "{output}");
    assert!(wrote.iter().all(|path| path.starts_with("plugins/shop/migrations/0000")), "{output}");
    phase(&project, &db, "expand", "r1").ok();
    phase(&project, &db, "contract", "r2").ok().says("schema check: passed");
    assert_eq!(db.query("SELECT b FROM things"), ["x"]);
    assert!(ran(&db).last().unwrap().starts_with("shop::00004_rename_things_a_to_b_3_contract"));
    // a name that is no change is a name
    project.run(&db, &["generate", "rename things"]).ok().says("_rename_things");
    let printed = project.run(&db, &["generate", "rename-table", "own", "mine", "--dry-run"]).ok();
    printed.says("phase contract").says("CREATE VIEW").does_not_say("wrote");
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
    new_code.go_on(90);
    old_code.go_on(60);
    old_code.stop(&mut total);
    new_code.go_on(20);
    phase(&project, db, "contract", "r2").ok().says("schema check: passed");
    new_code.go_on(60);
    new_code.stop(&mut total);
    total.holds(db, new);
    let _ = writeln!(std::io::stderr(), "{} {}: {}", db.dialect(), args[0], total.title());
}

/// Many rows, of which the writers share the first few.
fn many(db: &Db, value: &str) -> String {
    let rows = if db.is_mariadb() {
        "SELECT seq AS id FROM seq_1_to_2500"
    } else {
        "SELECT generate_series(1, 2500) AS id"
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
fn the_traffic_notices_when_nothing_keeps_both_the_same() {
    for db in servers() {
        let project = shop(&db);
        db.execute("ALTER TABLE users ADD COLUMN version integer NOT NULL DEFAULT 0");
        db.execute("INSERT INTO users (id, image) SELECT id + 2, 'v0' FROM users");
        db.execute("INSERT INTO users (id, image) SELECT id + 4, 'v0' FROM users");
        db.execute("INSERT INTO users (id, image) SELECT id + 8, 'v0' FROM users");
        db.execute("UPDATE users SET image = 'v0'");
        let words = |column| Words { table: "users", column, value: "concat('v', {})" };
        generated(&project, &db, &["rename-column", "users.image", "poster"]);
        phase(&project, &db, "expand", "r1").ok();
        let triggers = if db.is_mariadb() {
            "DROP TRIGGER sync_users_image_poster_u"
        } else {
            "ALTER TABLE users DISABLE TRIGGER zz_sync_users_image_poster"
        };
        db.execute(triggers);
        let (old_code, new_code) =
            (Writers::start(&db, words("image"), 1), Writers::start(&db, words("poster"), 1));
        until("one of them notices", || old_code.has_ended() || new_code.has_ended());
        let mut total = Total::default();
        old_code.stop(&mut total);
        new_code.stop(&mut total);
        assert!(total.failed.iter().any(|fault| fault.contains("hold what belongs to their count")));
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
