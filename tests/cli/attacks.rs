//! What a dependency can bring by an update, and that `--locked` runs nothing of it.
//!
//! An application with a crate of a registry (a folder stands for it) has a committed lock and snapshot. Then the
//! crate changes. Each attack is tried on a database that is up to date and on an empty one.

use crate::dependency::{MORE, Shop, USERS_FILE, VARIANT};
use crate::support::database::Db;
use crate::support::project::Output;

const WIPE: &str = "DELETE FROM users;\nDROP TABLE users;\n";

/// How a locked run ends, and what it says.
type End = (i32, &'static str);

/// The attack is carried out; on an up to date database and on an empty one the run ends so, and nothing of it
/// has run: the first database is as before, the second one empty or as the lock without the attack makes it.
#[track_caller]
fn ends(attack: impl Fn(&Shop), end: End) {
    ends_apart(attack, end, end);
}

#[track_caller]
fn ends_apart(attack: impl Fn(&Shop), migrated: End, empty: End) {
    let shop = Shop::new();
    let db = Db::sqlite();
    shop.run(&db, &["migrate"]).ok();
    let before = db.dump();
    attack(&shop);
    let files = shop.project.tree();
    is(&shop.run(&db, &["migrate", "--locked"]), migrated);
    assert_eq!(db.dump(), before);
    assert_eq!(shop.project.tree(), files, "a locked run writes no file");
    let fresh = db.another();
    is(&shop.run(&fresh, &["migrate", "--locked"]), empty);
    if empty.0 == 0 {
        let (schema, rows) = (fresh.dump_schema(), fresh.query("SELECT name FROM users"));
        assert_eq!((schema, rows), (db.dump_schema(), vec!["ann".to_owned()]));
    } else {
        assert!(fresh.path().is_none_or(|path| !path.exists()) || fresh.is_empty(), "nothing of it ran");
    }
    assert_eq!(shop.project.tree(), files);
    assert!(!shop.project.exists("CANARY"), "no code of the crate ran");
}

#[track_caller]
fn is(output: &Output, (code, words): End) {
    output.clone().exits(code).says(words);
}

#[test]
fn a_new_migration() {
    ends(|shop| shop.update(&[("20240103000000_drop.sql", WIPE)]), (7, "`jobs::20240103000000_drop` is new"));
    // before all that has run
    ends(|shop| shop.update(&[("20200101000000_drop.sql", WIPE)]), (7, "is new"));
    // in a text for this database only
    ends(|shop| shop.update(&[("20240103000000_x.sqlite.sql", WIPE)]), (7, "is new"));
    ends(
        |shop| shop.update(&[("20240103000000_x.sql", "COMMIT;\nDELETE FROM users;\nBEGIN;\n")]),
        (7, "is new"),
    );
    ends(|shop| shop.update(&[("20240103000000_x.sql", "DELETE FROM db_migrations;\n")]), (7, "is new"));
    ends(
        |shop| shop.update(&[("20240103000000_x.sql", "ATTACH 'CANARY' AS c;\nCREATE TABLE c.t (a);\n")]),
        (7, "is new"),
    );
}

#[test]
fn a_new_migration_that_claims_to_be_another() {
    let replaces = format!("-- db-migrations: replaces app::20240101000000_users\n{WIPE}");
    ends(|shop| shop.update(&[("20240103000000_x.sql", &replaces)]), (7, "whose file is still there"));
    let before = format!("-- db-migrations: depends-on app::20240101000000_users\n{WIPE}");
    ends(|shop| shop.update(&[("20240101000001_x.sql", &before)]), (7, "is new"));
    // a copy of the application's own, with more behind it; and a true copy
    let copy = |shop: &Shop| shop.project.read(USERS_FILE);
    ends(
        |shop| shop.update(&[("20240101000000_users.sql", &format!("{}{WIPE}", copy(shop)))]),
        (7, "is new"),
    );
    ends(|shop| shop.update(&[("20240101000000_users.sql", &copy(shop))]), (7, "is a copy of"));
}

#[test]
fn another_text_of_a_locked_one() {
    let locked = |shop: &Shop| shop.project.read(&Shop::file(MORE));
    let changed = (7, "changed after it was locked");
    ends(|shop| shop.update(&[(MORE, &format!("{}{WIPE}", locked(shop)))]), changed);
    ends(|shop| shop.update(&[(MORE, &format!("{}COMMIT;\n{WIPE}", locked(shop)))]), changed);
    for directive in
        ["no-transaction", "depends-on jobs::x", "replaces app::20240101000000_users", "foreign-keys off"]
    {
        ends(
            |shop| shop.update(&[(MORE, &format!("-- db-migrations: {directive}\n{}", locked(shop)))]),
            changed,
        );
    }
    // a text beside it, for this database; and the texts of two databases, the one for the other
    ends(|shop| shop.update(&[(&MORE.replace(".sql", ".sqlite.sql"), WIPE)]), changed);
    let texts = |shop: &Shop| VARIANT.map(|name| shop.project.read(&Shop::file(name)));
    ends(
        |shop| {
            let [first, second] = texts(shop);
            shop.update(&[(VARIANT[0], &second), (VARIANT[1], &first)]);
        },
        changed,
    );
}

#[test]
fn other_names_and_another_order() {
    let renamed = (7, "came with the same version or text");
    let rename = |shop: &Shop, old: &str, new: &str| {
        let text = shop.project.read(&Shop::file(old));
        shop.project.remove(&Shop::file(old));
        shop.update(&[(new, &text)]);
    };
    ends(|shop| rename(shop, MORE, "20240102000000_other.sql"), renamed);
    // the same text under a number that comes first
    ends(|shop| rename(shop, MORE, "20190102000000_more.sql"), renamed);
    ends(
        |shop| {
            let (first, second) = ("20240101100000_jobs.sql", MORE);
            let texts = [first, second].map(|name| shop.project.read(&Shop::file(name)));
            shop.update(&[(first, &texts[1]), (second, &texts[0])]);
        },
        (7, "changed after it was locked"),
    );
    // where it has run it is only missed
    ends_apart(
        |shop| {
            shop.project.remove(&Shop::file(MORE));
            shop.update(&[]);
        },
        (0, "its file is gone"),
        (7, "was not found"),
    );
}

#[test]
fn ids_that_look_like_others() {
    for (name, end) in [
        ("20240102000000_More.sql", (2, "differ only in upper and lower case")),
        ("20240102000000_mоre.sql", (7, "is new")),
        ("20240102000000_mo\u{200b}re.sql", (2, "")),
        ("20240102000000_mo\u{202e}re.sql", (2, "")),
    ] {
        ends(|shop| shop.update(&[(name, WIPE)]), end);
    }
}

#[test]
fn what_the_crate_says_about_itself() {
    let says = |metadata: &'static str| move |shop: &Shop| shop.release("1.0.1", metadata, "");
    let table = "[package.metadata.db-migrations]\n";
    ends(
        says("[package.metadata.db-migrations]\nnamespace = \"app\"\n"),
        (2, "two modules have the namespace `app`"),
    );
    ends(says("[package.metadata.db-migrations]\nnamespace = \"other\"\n"), (7, ""));
    ends(says("[package.metadata.db-migrations]\nformat = \"diesel\"\n"), (2, ""));
    for path in ["../../migrations", "/etc", "migrations/../../.."] {
        let metadata = format!("{table}path = \"{path}\"\n");
        ends(|shop| shop.release("1.0.1", &metadata, ""), (2, "path"));
    }
    // the other folder has the names of the locked ones, and other texts
    ends(
        |shop| {
            for name in [MORE, "20240101100000_jobs.sql"] {
                shop.project.write(&format!("vendor/jobs/other/{name}"), WIPE);
            }
            shop.release("1.0.1", "[package.metadata.db-migrations]\npath = \"other\"\n", "");
        },
        (7, ""),
    );
}

#[cfg(unix)]
#[test]
fn links_out_of_the_crate() {
    use std::os::unix::fs::symlink;
    let outside = |shop: &Shop, name: &str| {
        shop.project.write("outside/20240103000000_x.sql", WIPE);
        let link = shop.project.join(&Shop::file(name));
        let _ = std::fs::remove_file(&link);
        symlink(shop.project.join("outside/20240103000000_x.sql"), &link).unwrap();
        shop.update(&[]);
    };
    ends(|shop| outside(shop, "20240103000000_x.sql"), (2, "is a link that leads out of its package"));
    ends(|shop| outside(shop, MORE), (2, "is a link that leads out of its package"));
    ends(
        |shop| {
            let folder = shop.project.join("vendor/jobs/migrations");
            std::fs::rename(&folder, shop.project.join("outside")).unwrap();
            symlink(shop.project.join("outside"), &folder).unwrap();
            shop.release("1.0.1", "", "");
        },
        (2, "jobs"),
    );
}

#[test]
fn files_that_are_no_text_and_files_without_end() {
    ends(|shop| shop.update(&[("20240103000000_x.sql", "DELETE FROM users;\0")]), (2, "NUL"));
    ends(
        |shop| {
            shop.project.write(&Shop::file("20240103000000_x.sql"), b"DELETE FROM users; -- \xff");
            shop.update(&[]);
        },
        (2, "UTF-8"),
    );
    ends(
        |shop| {
            let file = std::fs::File::create(shop.project.join(&Shop::file("20240103000000_x.sql"))).unwrap();
            file.set_len(33 * 1024 * 1024).unwrap();
            shop.update(&[]);
        },
        (2, "33554432 are allowed"),
    );
}

#[test]
fn what_is_beside_the_migrations() {
    let nothing = (0, "nothing to do");
    let applied = (0, "committed");
    // down scripts, schemas and code are not run by a run upwards
    ends_apart(|shop| shop.update(&[(&MORE.replace(".sql", ".down.sql"), WIPE)]), nothing, applied);
    let beside = |path: &'static str| {
        move |shop: &Shop| {
            shop.project.write(&format!("vendor/jobs/{path}"), WIPE);
            shop.update(&[]);
        }
    };
    ends_apart(beside("schema.sql"), nothing, applied);
    ends_apart(beside("migrations/schema/20240103000000_x.txt"), nothing, applied);
    // enabled by name: its checks were never meant
    ends_apart(beside("checks/x.sql"), nothing, applied);
    let script = "fn main() { std::fs::write(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/../../CANARY\"), \"\").unwrap(); }\n";
    ends_apart(
        |shop| {
            shop.project.write("vendor/jobs/build.rs", script);
            shop.update(&[]);
            shop.project.run_alone(&["modules"]).ok();
        },
        nothing,
        applied,
    );
}

#[test]
fn a_check_that_changes_rows_is_not_run() {
    let shop = Shop::declared();
    let db = Db::sqlite();
    shop.run(&db, &["lock"]).ok();
    for (check, words) in [
        ("DELETE FROM users RETURNING id", "deletes from users"),
        ("WITH x AS (SELECT 1) INSERT INTO users SELECT 2, 'eve' RETURNING id", "inserts into users"),
        ("PRAGMA writable_schema = ON", "sets what stays"),
        ("SELECT load_extension('x')", "calls function load_extension"),
    ] {
        shop.project.write("vendor/jobs/checks/sly.sql", check);
        let said = format!("checks/sly.sql` {words}");
        shop.run(&db, &["migrate", "--locked"]).exits(3).says(&said).says("it was not run");
        assert!(db.is_empty(), "{check}");
    }
    shop.project.write("vendor/jobs/checks/sly.sql", "SELECT name FROM users WHERE name = 'eve'");
    shop.run(&db, &["migrate", "--locked"]).ok();
}

#[test]
fn other_crates_that_come_with_it() {
    let evil = |shop: &Shop, metadata: &str| {
        shop.project.write("vendor/evil/src/lib.rs", "");
        shop.project.write("vendor/evil/migrations/20240103000000_x.sql", WIPE);
        shop.package("evil", "1.0.0", metadata, "");
    };
    let declares = "[package.metadata.db-migrations]\n";
    // through the crate that is used already; where it does not say that it is a module it is none
    let through = |shop: &Shop, metadata: &str| {
        evil(shop, metadata);
        shop.release("1.0.1", "", "evil = \"1\"\n");
    };
    ends(|shop| through(shop, declares), (7, "`evil::20240103000000_x` is new"));
    ends_apart(|shop| through(shop, ""), (0, "nothing to do"), (0, "committed"));
    // only for tests
    ends_apart(
        |shop| {
            evil(shop, declares);
            shop.project.edit("Cargo.toml", "[workspace]", "[dev-dependencies]\nevil = \"1\"\n[workspace]");
            shop.update(&[]);
        },
        (0, "nothing to do"),
        (0, "committed"),
    );
    // switched off by the application
    ends_apart(
        |shop| {
            evil(shop, "[package.metadata.db-migrations]\ndepends-on = [\"app\"]\n");
            shop.project.edit("db-migrations.yml", "modules:\n", "modules:\n  disable: [evil]\n");
            shop.release("1.0.1", "", "evil = \"1\"\n");
        },
        (0, "nothing to do"),
        (0, "committed"),
    );
}

#[test]
fn a_lock_that_was_doctored() {
    let digest = |shop: &Shop, name: &str| {
        let lock = shop.project.lock();
        let line = lock.lines().find(|line| line.contains(name)).unwrap().to_owned();
        line.split("checksum: ").nth(1).unwrap()[..64].to_owned()
    };
    // two checksums, the one for the other
    ends(
        |shop| {
            let (first, second) = (digest(shop, "_jobs:"), digest(shop, "_more:"));
            let lock =
                shop.project.lock().replace(&first, "X").replace(&second, &first).replace('X', &second);
            shop.project.write("migrations-lock.yml", lock);
        },
        (7, "changed after it was locked"),
    );
    // a text with its checksum: the snapshot is not that lock's
    ends_apart(
        |shop| {
            let text = format!("{}{WIPE}", shop.project.read(&Shop::file(MORE)));
            let lock = shop.project.lock().replace(&digest(shop, "_more:"), &crate::common::sha256(&text));
            shop.project.write("migrations-lock.yml", lock);
            shop.update(&[(MORE, &text)]);
        },
        (7, "migrations-schema.sqlite.sql"),
        (7, "migrations-schema.sqlite.sql"),
    );
    // another order, and an entry that is left out
    ends(
        |shop| {
            let lock = shop.project.lock();
            let mut lines: Vec<&str> = lock.lines().collect();
            lines.swap(2, 3);
            shop.project.write("migrations-lock.yml", lines.join("\n") + "\n");
        },
        (7, ""),
    );
    ends(
        |shop| {
            let lock = shop.project.lock().replacen("skip: false", "skip: true", 1);
            shop.project.write("migrations-lock.yml", lock);
        },
        (7, ""),
    );
}
