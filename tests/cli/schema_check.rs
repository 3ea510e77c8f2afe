//! The schema check inside the run: what it refuses, what softens it, what it keeps.

use crate::common::{TAGS, TAGS_FILE, add_tags, base, lose_index, ran, snapshot};
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

/// What a run says that found drift: where DDL commits by itself, it was seen in the rehearsal.
fn untouched(db: &Db) -> &'static str {
    if db.is_mariadb() {
        "this was seen in the rehearsal: nothing was touched"
    } else {
        "everything was rolled back"
    }
}

#[test]
fn a_lost_index_rolls_the_run_back() {
    each_database(|db| {
        let project = drifted(db, lose_index(db));
        let (tree, before) = (project.tree(), db.dump());
        let output = project.run(db, &["migrate"]).exits(3);
        let output = output.says("1 difference").says("index").says("posts_user").says("missing");
        output.says(untouched(db)).does_not_say("applied");
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
        let change = match db.dialect() {
            "sqlite" => {
                "ALTER TABLE posts RENAME TO old; CREATE TABLE posts (id integer PRIMARY KEY, user_id text REFERENCES users (id));
                 DROP TABLE old; CREATE INDEX posts_user ON posts (user_id)"
            }
            "mariadb" => "ALTER TABLE users MODIFY name varchar(7) NOT NULL",
            _ => "ALTER TABLE users ALTER COLUMN name TYPE varchar(7)",
        };
        let project = drifted(db, change);
        let before = db.dump();
        let output = project.run(db, &["migrate"]).exits(3);
        let output = output.says("is different").says("expected: ").says("actual:");
        let words = match db.dialect() {
            "sqlite" => ["user_id integer", "user_id text", "posts"],
            "mariadb" => ["text", "varchar(7)", "users"],
            _ => ["text", "character varying(7)", "users"],
        };
        let output = words.iter().fold(output, |output, word| output.says(word));
        output.says(untouched(db));
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
        let project = drifted(db, lose_index(db));
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
        let project = drifted(db, lose_index(db));
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
        if db.is_mariadb() {
            // what changes rows only is one transaction there, too
            project.write(TAGS_FILE, "INSERT INTO users VALUES (2, 'bob');\n");
        }
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

/// The rehearsal has no rows, so it says nothing of checks: the run itself is over when they fail.
#[test]
fn a_check_fails_when_the_database_has_committed_already() {
    let Some(db) = Db::mariadb() else { return };
    let project = base();
    project.run(&db, &["migrate"]).ok();
    project.write("checks/ann.sql", "SELECT id, name FROM users WHERE name = 'ann';\n");
    add_tags(&project);
    let tree = project.tree();
    let output = project.run(&db, &["migrate"]).exits(4);
    let output = output.says("`checks/ann.sql` returned 1 row").says("row: 1, ann");
    output.says(&format!("committed before, and stayed: `{TAGS}`")).does_not_say("rolled back");
    assert!(ran(&db).contains(&TAGS.to_owned()), "what was said is true");
    assert_eq!(project.tree(), tree, "neither lock nor snapshot");
    // the lock must still grow, so the next run checks again, and has nothing of its own to lose
    let output = project.run(&db, &["migrate"]).exits(3).says("`checks/ann.sql` returned 1 row");
    output.says("nothing ran: what earlier runs committed stays").does_not_say("applied");
    db.execute("UPDATE users SET name = 'bea'");
    project.run(&db, &["migrate"]).ok().does_not_say("applied").says("schema check: passed");
    project.run(&db, &["migrate", "--locked"]).ok().says("nothing to do");
}

#[test]
fn a_refused_run_is_checked_again() {
    let Some(db) = Db::mariadb() else { return };
    let project = base();
    project.write("checks/ann.sql", "SELECT id, name FROM users WHERE name = 'ann';\n");
    project.run_alone(&["lock"]).ok();
    project.run(&db, &["schema", "snapshot"]).ok();
    project.run(&db, &["migrate", "--locked"]).exits(4).says("`checks/ann.sql` returned 1 row");
    project.run(&db, &["migrate", "--locked"]).exits(3).says("`checks/ann.sql` returned 1 row");
    db.execute("UPDATE users SET name = 'bea'");
    project.run(&db, &["migrate", "--locked"]).ok();
}

#[test]
fn checks_of_plugins_and_dialects_run_too() {
    each_database(|db| {
        let project = base();
        project.write("db-migrations.yml", "cargo: off\nmodules: { paths: [plugins/*] }\n");
        project.write("plugins/shop/migrations/1_shop.sql", "CREATE TABLE shop (id int);\n");
        project.write(&format!("plugins/shop/checks/{}/any.sql", db.dialect()), "SELECT 1;\n");
        // MariaDB runs checks of MySQL, too
        let other = if db.is_mariadb() { "postgres" } else { "mysql" };
        project.write(&format!("plugins/shop/checks/{other}/other.sql"), "SELECT 1;\n");
        let output = project.run(db, &["migrate"]).says("any.sql").does_not_say("other.sql");
        if db.is_mariadb() {
            output.exits(4).says("stayed").does_not_say("rolled back");
            assert_eq!(ran(db).len(), 3, "what was said is true");
        } else {
            output.exits(3).says("rolled back");
            assert!(db.is_empty());
        }
    });
}

#[test]
fn an_unknown_migration_makes_differences_warnings() {
    each_database(|db| {
        let project = base();
        add_tags(&project);
        project.write(TAGS_FILE, format!("CREATE TABLE tags (id integer);\n{};\n", lose_index(db)));
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
