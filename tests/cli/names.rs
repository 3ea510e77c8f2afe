//! Names, versions and texts as real projects have them.

use crate::common::{LOCK, TAGS, TAGS_FILE, bare, base, locked, ran, states};
use crate::support::database::each_database;

#[test]
fn diesel_folders_with_dashes() {
    each_database(|db| {
        let project = bare()
            .file("migrations/2022-08-20-151615_create_tasks/up.sql", "CREATE TABLE tasks (id int);\n")
            .file("migrations/2022-08-20-151615_create_tasks/down.sql", "DROP TABLE tasks;\n")
            .file("migrations/00000000000000_diesel_initial_setup/up.sql", "")
            .file("migrations/00000000000000_diesel_initial_setup/down.sql", "")
            .file("migrations/2022-12-01-000000_more/up.sql", "ALTER TABLE tasks ADD COLUMN n int;\n");
        project.run(db, &["migrate"]).ok();
        assert_eq!(
            ran(db),
            [
                "app::00000000000000_diesel_initial_setup",
                "app::2022-08-20-151615_create_tasks",
                "app::2022-12-01-000000_more"
            ]
        );
        assert_eq!(locked(&project), ran(db));
        project.run(db, &["migrate", "--locked"]).ok().says("nothing to do");
        project.run(&db.another(), &["migrate", "--locked"]).ok();
    });
}

#[test]
fn names_without_timestamps_are_numbers_of_any_length() {
    each_database(|db| {
        let project = bare();
        for (name, table) in [
            ("10_ten", "ten"),
            ("9_nine", "nine"),
            ("001_one", "one"),
            ("18446744073709551617_more_than_64_bits", "big"),
            ("18446744073709551616_just", "just"),
        ] {
            project.write(&format!("migrations/{name}.sql"), format!("CREATE TABLE {table} (id int);\n"));
        }
        project.run(db, &["migrate"]).ok();
        let wanted = [
            "001_one",
            "9_nine",
            "10_ten",
            "18446744073709551616_just",
            "18446744073709551617_more_than_64_bits",
        ];
        assert_eq!(ran(db), wanted.map(|name| format!("app::{name}")));
        project.run(db, &["migrate", "--locked"]).ok().says("nothing to do");
    });
}

#[test]
fn an_empty_file_and_one_of_comments_run_and_are_remembered() {
    each_database(|db| {
        let project = base();
        for (n, text) in
            ["", "-- nothing yet", "/* nothing\n\n yet */\n\n-- end", "\n;\n;\n", "  \r\n"].iter().enumerate()
        {
            project.write(&format!("migrations/2024020{n}000000_nothing.sql"), text);
        }
        project.run(db, &["migrate"]).ok().says("7 migrations committed");
        assert_eq!(ran(db).len(), 7);
        project.run(db, &["migrate", "--locked"]).ok().says("nothing to do");
        project.run(&db.another(), &["migrate", "--locked"]).ok();
    });
}

#[test]
fn checkouts_with_other_line_endings_are_the_same() {
    each_database(|db| {
        let project = base();
        project.run(db, &["migrate"]).ok();
        let (lock, dump) = (project.lock(), db.dump());
        for (prefix, newline) in [("", "\r\n"), ("\u{feff}", "\n"), ("\u{feff}", "\r\n")] {
            let other = base();
            for (path, text) in project.tree() {
                let text = if crate::common::is_sql(&path) && path.starts_with("migrations/") {
                    format!("{prefix}{}", text.replace('\n', newline))
                } else {
                    text.replace('\n', newline)
                };
                other.write(&path, text);
            }
            other.run(db, &["migrate", "--locked"]).ok().says("nothing to do");
            other.run(db, &["lock", "--check"]).ok();
            other.run(db, &["schema", "check"]).ok();
            let fresh = db.another();
            other.run(&fresh, &["migrate", "--locked"]).ok();
            assert_eq!(fresh.dump_schema(), db.dump_schema(), "the normalised text is what runs");
            assert_eq!(
                fresh.query("SELECT checksum FROM db_migrations ORDER BY 1"),
                db.query("SELECT checksum FROM db_migrations ORDER BY 1")
            );
            assert_eq!(other.lock().replace("\r\n", "\n"), lock);
        }
        assert_eq!(db.dump(), dump);
    });
}

#[test]
fn the_locked_checksum_is_that_of_sha256sum() {
    let project = bare().file("migrations/1_a.sql", "\u{feff}CREATE TABLE a (id int);\r\n");
    project.run_alone(&["lock"]).ok();
    // printf 'CREATE TABLE a (id int);\n' | sha256sum
    let sum = crate::common::sha256("CREATE TABLE a (id int);\n");
    assert!(
        project.lock().contains(&format!("app::1_a: {{ skip: false, checksum: {sum} }}")),
        "{}",
        project.lock()
    );
}

#[test]
fn a_variant_that_comes_after_the_run() {
    each_database(|db| {
        let project = base().file(TAGS_FILE, "CREATE TABLE tags (id integer);\n");
        project.run(db, &["migrate"]).ok();
        let (dump, lock) = (db.dump(), project.lock());
        // MariaDB runs a text of MySQL, where it has none of its own
        let other = if db.is_mariadb() { "postgres" } else { "mysql" };
        project.write(
            &format!("migrations/{other}/20240103000000_tags.sql"),
            "CREATE TABLE tags (id integer) ENGINE=InnoDB;\n",
        );
        for args in [&["migrate"][..], &["migrate", "--locked"]] {
            project.run(db, args).exits(7).says(&format!("migration `{TAGS}` changed after it was locked"));
        }
        project
            .run(db, &["migrate"])
            .exits(7)
            .says("text that ran here is the same")
            .says(&format!("lock --accept {TAGS}"));
        assert_eq!(states(&project, db)[2], format!("{TAGS} changed"));
        project.run(db, &["lock", "--accept", TAGS]).ok();
        assert_ne!(project.lock(), lock);
        // the text for this database is the old one, so its snapshot is still good
        project.run(db, &["lock", "--check"]).ok();
        project.run(db, &["migrate", "--locked"]).ok().says("nothing to do");
        assert_eq!(db.dump(), dump);
        // another text for this very database is told as what it is
        project.write(
            &format!("migrations/{}/20240103000000_tags.sql", db.dialect()),
            "CREATE TABLE tags (id bigint);\n",
        );
        project.run(db, &["migrate"]).exits(7).says("changed after it ran").does_not_say("is the same");
    });
}

#[test]
fn the_variant_of_the_database_runs() {
    each_database(|db| {
        let project = bare()
            .file("migrations/1_a.sqlite.sql", "CREATE TABLE lite (id int);\n")
            .file("migrations/1_a.postgres.sql", "CREATE TABLE post (id int);\n")
            .file("migrations/1_a.mariadb.sql", "CREATE TABLE maria (id int);\n")
            .file("migrations/1_a.mysql.sql", "CREATE TABLE my (id int);\n")
            .file("migrations/2_b.sql", "CREATE TABLE second (id int);\n")
            .file("migrations/3_c.sqlite.sql", "CREATE TABLE third_lite (id int);\n")
            .file("migrations/3_c.postgres.sql", "CREATE TABLE third_post (id int);\n")
            .file("migrations/3_c.mysql.sql", "CREATE TABLE third_my (id int);\n");
        project.run(db, &["migrate"]).ok();
        let wanted = match db.dialect() {
            "sqlite" => ["lite", "third_lite"],
            "mariadb" => ["maria", "third_my"],
            _ => ["post", "third_post"],
        };
        let schema = db.dump_schema();
        for name in ["lite", "post", "maria", "my", "third_lite", "third_post", "third_my"] {
            let there = schema.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name);
            assert_eq!(there, wanted.contains(&name), "{name}: {schema}");
        }
        let lock = project.lock();
        project.run_alone(&["lock"]).ok();
        assert_eq!(project.lock(), lock, "the lock does not depend on the database");
    });
}

#[test]
fn two_modules_with_the_same_versions() {
    each_database(|db| {
        let project = bare()
            .file("db-migrations.yml", "cargo: off\nmodules: { paths: [plugins/*] }\n")
            .file("migrations/1_initial.sql", "CREATE TABLE a (id int);\n")
            .file("plugins/one/migrations/1_initial.sql", "CREATE TABLE b (id int);\n")
            .file("plugins/two/migrations/0001_initial.sql", "CREATE TABLE c (id int);\n")
            .file("plugins/two/module.yml", "depends-on: [one]\n");
        project.run(db, &["migrate"]).ok().does_not_say("warning");
        let mut ids = ran(db);
        let at = |id: &str| ids.iter().position(|other| other == id).unwrap();
        assert!(at("one::1_initial") < at("two::0001_initial"));
        ids.sort();
        assert_eq!(ids, ["app::1_initial", "one::1_initial", "two::0001_initial"]);
    });
}

#[test]
fn one_version_twice_in_a_folder_is_a_warning() {
    each_database(|db| {
        let project = bare()
            .file("migrations/1_b.sql", "CREATE TABLE b (id int);\n")
            .file("migrations/1_a.sql", "CREATE TABLE a (id int);\n");
        project.run(db, &["migrate"]).ok().says("have the same version 1");
        assert_eq!(ran(db), ["app::1_a", "app::1_b"]);
    });
}

#[test]
fn what_looks_like_a_migration_and_is_none_is_an_error() {
    each_database(|db| {
        for (file, text, words) in [
            ("migrations/setup.sql", "SELECT 1;\n", "migrations/setup.sql"),
            (
                "migrations/3_bad.sql",
                "-- db-migrations: no-transactions\nSELECT 1;\n",
                "did you mean `no-transaction`",
            ),
            (
                "migrations/3_bad.sqlite.sql",
                "SELECT 1;\n-- db-migrations: no-transaction\n",
                "must stand before the first statement",
            ),
            ("migrations/3_bad.down.sql", "SELECT 1;\n", "undoes what no file does"),
        ] {
            let project = base().file(file, text);
            project.run(db, &["migrate"]).exits(2).says(words);
            assert!(!project.exists(LOCK));
            assert!(db.is_empty());
        }
        let project = base();
        project.write("migrations/3_latin.sql", b"-- gr\xfc\xdfe\n");
        project.run(db, &["migrate"]).exits(2).says("3_latin.sql").says("UTF-8");
    });
}
