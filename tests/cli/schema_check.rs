//! The schema check inside the run: what it refuses, what softens it, what it keeps.

use crate::common::{TAGS, TAGS_FILE, add_tags, base, snapshot};
use crate::support::database::{Db, each_database};
use crate::support::project::Project;

/// A migrated database whose schema somebody changed, and a pending migration.
fn drifted(db: &Db, change: &str) -> Project {
    let project = base();
    project.run(db, &["migrate"]).ok();
    db.execute(change);
    add_tags(&project);
    project
}

#[test]
fn a_lost_index_rolls_the_run_back() {
    each_database(|db| {
        let project = drifted(db, "DROP INDEX posts_user");
        let (tree, before) = (project.tree(), db.dump());
        let output = project.run(db, &["migrate"]).exits(3);
        let output = output.says("1 difference").says("index").says("posts_user").says("missing");
        output.says("everything was rolled back").does_not_say("applied");
        assert_eq!(db.dump(), before);
        assert_eq!(project.tree(), tree);
        // --locked compares with the committed snapshot
        project.run(&db.another(), &["migrate"]).ok();
        let tree = project.tree();
        project.run(db, &["migrate", "--locked"]).exits(3).says("posts_user");
        assert_eq!(db.dump(), before);
        assert_eq!(project.tree(), tree);
        db.execute("CREATE INDEX posts_user ON posts (user_id)");
        project.run(db, &["migrate", "--locked"]).ok().says("schema check: passed");
    });
}

#[test]
fn a_changed_column_is_told_with_expected_and_actual() {
    each_database(|db| {
        let change = if db.is_sqlite() {
            "ALTER TABLE posts RENAME TO old; CREATE TABLE posts (id integer PRIMARY KEY, user_id text REFERENCES users (id));
             DROP TABLE old; CREATE INDEX posts_user ON posts (user_id)"
        } else {
            "ALTER TABLE users ALTER COLUMN name TYPE varchar(7)"
        };
        let project = drifted(db, change);
        let before = db.dump();
        let output = project.run(db, &["migrate"]).exits(3);
        let output = output.says("is different").says("expected: ").says("actual:");
        let words = if db.is_sqlite() {
            ["user_id integer", "user_id text", "posts"]
        } else {
            ["text", "character varying(7)", "users"]
        };
        let output = words.iter().fold(output, |output, word| output.says(word));
        output.says("everything was rolled back");
        assert_eq!(db.dump(), before);
        project.remove(TAGS_FILE);
        let check = project.run(db, &["schema", "check"]).exits(1);
        check.says("expected").says(words[1]);
    });
}

#[test]
fn an_extra_object_is_a_note_and_drift_only_when_strict() {
    each_database(|db| {
        let project = drifted(db, "CREATE TABLE private (id int)");
        let before = db.dump();
        project.write("db-migrations.yml", "cargo: off\nschema-check: { mode: strict }\n");
        project.run(db, &["migrate"]).exits(3).says("private").says("extra");
        assert_eq!(db.dump(), before);
        project.write(
            "db-migrations.yml",
            "cargo: off\nschema-check: { mode: strict, ignore: [\"*private\"] }\n",
        );
        project.run(db, &["migrate"]).ok().says("schema check: passed");
        project.write("db-migrations.yml", "cargo: off\n");
        project.run(db, &["schema", "check"]).ok().says("private` is extra");
        assert!(!project.read(&snapshot(db)).contains("private"), "what is extra never becomes expected");
    });
}

#[test]
fn softening_needs_a_reason_and_keeps_it() {
    each_database(|db| {
        let project = drifted(db, "DROP INDEX posts_user");
        let before = db.dump();
        for mode in ["warn", "off"] {
            let output = project.run(db, &["migrate", "--schema-check", mode]).exits(2);
            output.says("--reason");
            assert_eq!(db.dump(), before);
        }
        let args = ["migrate", "--schema-check", "warn", "--reason", "it's night"];
        let output = project.run(db, &args).ok();
        output.says("warning").says("posts_user").says("schema check: drift: 1");
        let last = "FROM db_migrations_run ORDER BY started_at DESC";
        assert_eq!(db.query(&format!("SELECT verdict {last}"))[0], "drift: 1");
        assert_eq!(db.query(&format!("SELECT reason {last}"))[0], "it's night");
        project.run(db, &["status"]).ok().says("schema check: drift: 1");
        assert!(
            project.read(&snapshot(db)).contains("posts_user"),
            "the snapshot is the lock's, not the drift"
        );
        project.run(db, &["schema", "check"]).exits(1).says("posts_user");
    });
}

#[test]
fn off_compares_nothing_and_says_so() {
    each_database(|db| {
        let project = drifted(db, "DROP INDEX posts_user");
        let output = project.run(db, &["migrate", "--schema-check", "off", "--reason", "x"]).ok();
        output.says("not checked: switched off").does_not_say("posts_user");
        let verdicts = db.query("SELECT verdict FROM db_migrations_run ORDER BY started_at DESC");
        assert!(verdicts[0].starts_with("not checked"), "{verdicts:?}");
    });
}

#[test]
fn checks_must_return_no_row() {
    each_database(|db| {
        let project = base();
        project.run(db, &["migrate"]).ok();
        project.write("checks/ann.sql", "SELECT id, name FROM users WHERE name = 'ann';\n");
        project.write("checks/fine.sql", "SELECT 1 FROM users WHERE id < 0;\n");
        add_tags(&project);
        let (tree, before) = (project.tree(), db.dump());
        let output = project.run(db, &["migrate"]).exits(3);
        let output = output.says("`checks/ann.sql` returned 1 row").says("row: 1, ann");
        output.says("everything was rolled back").does_not_say("fine.sql");
        assert_eq!((project.tree(), db.dump()), (tree, before.clone()));
        project.write("checks/ann.sql", "SELECT nonsense FROM users;\n");
        project.run(db, &["migrate"]).exits(3).says("checks/ann.sql").says("nonsense");
        assert_eq!(db.dump(), before);
        project.remove("checks/ann.sql");
        project.run(db, &["migrate"]).ok();
    });
}

#[test]
fn checks_of_plugins_and_dialects_run_too() {
    each_database(|db| {
        let project = base();
        project.write("db-migrations.yml", "cargo: off\nmodules: { paths: [plugins/*] }\n");
        project.write("plugins/shop/migrations/1_shop.sql", "CREATE TABLE shop (id int);\n");
        project.write(&format!("plugins/shop/checks/{}/any.sql", db.dialect()), "SELECT 1;\n");
        project.write("plugins/shop/checks/mysql/other.sql", "SELECT 1;\n");
        let output = project.run(db, &["migrate"]).exits(3).says("any.sql").does_not_say("other.sql");
        output.says("rolled back");
        assert!(db.is_empty());
    });
}

#[test]
fn an_unknown_migration_makes_differences_warnings() {
    each_database(|db| {
        let project = base();
        add_tags(&project);
        project.write(TAGS_FILE, "CREATE TABLE tags (id integer);\nDROP INDEX posts_user;\n");
        project.run(db, &["migrate"]).ok();
        // back to a branch without it
        let main = base();
        main.run(&db.another(), &["migrate"]).ok();
        main.run(db, &["migrate", "--locked"]).ok().says(TAGS).says("neither locked nor found");
        main.write("migrations/20240104000000_more.sql", "CREATE TABLE more (id integer);\n");
        let output = main.run(db, &["migrate"]).ok().says(TAGS).says("warning").says("posts_user");
        output.says("applied app::20240104000000_more");
        let snapshot = main.read(&snapshot(db));
        assert!(snapshot.contains("posts_user") && !snapshot.contains("tags"), "{snapshot}");
    });
}

#[test]
fn a_database_without_our_history_but_with_tables_is_compared() {
    each_database(|db| {
        db.execute("CREATE TABLE private (id int)");
        let project = base();
        project.run(db, &["migrate"]).ok().says("schema check: passed (1 extra object");
        let snapshot = project.read(&snapshot(db));
        assert!(!snapshot.contains("private"), "{snapshot}");
        assert!(snapshot.contains("-- proof: replay"), "{snapshot}");
    });
}
