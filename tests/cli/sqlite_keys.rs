//! Foreign keys on SQLite: table rebuilds lose no row, violations do not pass.

use crate::common::{TAGS, TAGS_FILE, bare, base, ran};
use crate::support::database::Db;
use crate::support::project::Project;

/// Parents with children that are deleted with them, and rows in both.
fn family(db: &Db) -> Project {
    let project = bare().file(
        "migrations/20240101000000_family.sql",
        "CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT);\n\
         CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL REFERENCES parents (id) ON DELETE CASCADE);\n",
    );
    project.run(db, &["migrate"]).ok();
    db.execute(
        "INSERT INTO parents VALUES (1, 'a'), (2, 'b'); INSERT INTO children VALUES (10, 1), (11, 1), (12, 2);",
    );
    project
}

const REBUILD: &str = "CREATE TABLE new_parents (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n\
     INSERT INTO new_parents SELECT id, name FROM parents;\n\
     DROP TABLE parents;\n\
     ALTER TABLE new_parents RENAME TO parents;\n";

#[test]
fn a_rebuild_of_a_referenced_table_loses_no_row() {
    let db = Db::sqlite();
    let project = family(&db);
    project.write(TAGS_FILE, REBUILD);
    project.run(&db, &["plan"]).ok().says("foreign keys off");
    let output = project.run(&db, &["migrate"]).ok();
    output.says("foreign keys are off during the run").says(TAGS).says("`parents`").says("foreign_key_check");
    assert_eq!(db.query("SELECT id || ' ' || parent FROM children ORDER BY id"), ["10 1", "11 1", "12 2"]);
    assert_eq!(db.query("SELECT name FROM parents ORDER BY id"), ["a", "b"]);
    assert_eq!(db.query("PRAGMA foreign_key_check"), [""; 0]);
    assert!(db.dump_schema().contains("name TEXT NOT NULL"));
}

#[test]
fn quoted_names_and_a_rebuild_by_renaming_the_old_table_are_seen() {
    for text in [
        REBUILD.replace("DROP TABLE parents", "drop table if exists main.\"Parents\""),
        "ALTER TABLE parents RENAME TO old_parents;\n\
         CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n\
         INSERT INTO parents SELECT * FROM old_parents;\n\
         DROP TABLE old_parents;\n"
            .to_owned(),
    ] {
        let db = Db::sqlite();
        let project = family(&db);
        project.write(TAGS_FILE, &text);
        project.run(&db, &["migrate"]);
        assert_eq!(db.count("SELECT count(*) FROM children"), 3, "{text}");
    }
}

#[test]
fn a_rebuild_in_the_run_that_makes_the_tables() {
    let db = Db::sqlite();
    let project = bare()
        .file(
            "migrations/20240101000000_family.sql",
            "CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT);\n\
             CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL REFERENCES \"parents\" (id) ON DELETE CASCADE);\n\
             INSERT INTO parents VALUES (1, 'a');\nINSERT INTO children VALUES (10, 1);\n",
        )
        .file(TAGS_FILE, REBUILD);
    project.run(&db, &["migrate"]).ok().says("foreign keys are off during the run");
    assert_eq!(db.count("SELECT count(*) FROM children"), 1);
}

#[test]
fn without_a_rebuild_keys_are_on() {
    let db = Db::sqlite();
    let project = family(&db);
    project.write(TAGS_FILE, "INSERT INTO children VALUES (20, 999);\n");
    let before = db.dump();
    project.run(&db, &["migrate"]).exits(3).says("FOREIGN KEY constraint failed").says("rolled back");
    assert_eq!(db.dump(), before);
    project.write(TAGS_FILE, "DELETE FROM parents WHERE id = 1;\n");
    project.run(&db, &["migrate"]).ok().does_not_say("foreign keys are off");
    assert_eq!(db.query("SELECT id FROM children"), ["12"], "they cascade as the author meant");
}

#[test]
fn a_migration_that_leaves_violations_is_refused() {
    let db = Db::sqlite();
    let project = family(&db);
    project.write(TAGS_FILE, REBUILD.replace("FROM parents;", "FROM parents WHERE id = 2;"));
    let (tree, before) = (project.tree(), db.dump());
    let output = project.run(&db, &["migrate"]).exits(3).says("2 rows would violate a foreign key");
    output.says("row 10 of `children`").says("`parents`").says("rolled back").does_not_say("applied");
    assert_eq!((project.tree(), db.dump()), (tree, before));
}

#[test]
fn violations_of_before_do_not_count() {
    let db = Db::sqlite();
    let project = family(&db);
    db.execute("PRAGMA foreign_keys = OFF; INSERT INTO children VALUES (30, 777);");
    project.write(TAGS_FILE, REBUILD);
    project.run(&db, &["migrate"]).ok();
    assert_eq!(db.count("SELECT count(*) FROM children"), 4);
}

#[test]
fn migrations_that_demand_different_modes_split_the_plan() {
    let db = Db::sqlite();
    let project = base()
        .file(
            "migrations/20240103000000_off.sql",
            "-- db-migrations: foreign-keys off\nINSERT INTO posts VALUES (1, 1);\n",
        )
        .file(
            "migrations/20240104000000_on.sql",
            "-- db-migrations: foreign-keys on\nINSERT INTO posts VALUES (2, 1);\n",
        );
    let output = project.run(&db, &["migrate"]).exits(7).says("cannot be one transaction");
    output.says("it needs foreign keys on").says("app::20240104000000_on");
    assert!(db.is_empty());
    let plan = project.run(&db, &["plan", "--format", "json"]).exits(1).json();
    let groups = plan["plan"]["groups"].as_array().unwrap();
    let modes: Vec<_> = groups.iter().map(|group| group["foreign_keys"].clone()).collect();
    assert_eq!(modes, [serde_json::json!(false), serde_json::json!(true)]);
    project.run(&db, &["migrate", "--allow-split"]).ok();
    assert_eq!(ran(&db).len(), 4);
    assert_eq!(db.count("SELECT count(*) FROM posts"), 2);
}

#[test]
fn a_failure_in_the_second_mode_keeps_the_first_and_says_so() {
    let db = Db::sqlite();
    let project = base()
        .file(
            "migrations/20240103000000_off.sql",
            "-- db-migrations: foreign-keys off\nINSERT INTO posts VALUES (1, 1);\n",
        )
        .file(
            "migrations/20240104000000_on.sql",
            "-- db-migrations: foreign-keys on\nINSERT INTO posts VALUES (2, 999);\n",
        );
    let output = project.run(&db, &["migrate", "--allow-split"]).exits(4);
    output.says("app::20240104000000_on` failed").says("stayed: ").says("app::20240103000000_off");
    assert_eq!(ran(&db).len(), 3);
    assert_eq!(db.count("SELECT count(*) FROM posts"), 1);
}

#[test]
fn off_alone_is_one_transaction_with_its_check() {
    let db = Db::sqlite();
    let project =
        base().file(TAGS_FILE, "-- db-migrations: foreign-keys off\nINSERT INTO posts VALUES (1, 999);\n");
    project.run(&db, &["migrate"]).exits(3).says("1 row would violate");
    assert!(db.is_empty());
    project.write(TAGS_FILE, "-- db-migrations: foreign-keys off\nINSERT INTO posts VALUES (1, 2);\nINSERT INTO users VALUES (2, 'x');\n");
    project.run(&db, &["migrate"]).ok();
}

#[test]
fn a_rebuild_outside_of_a_transaction_loses_no_row_either() {
    let db = Db::sqlite();
    let project = family(&db);
    project.write(TAGS_FILE, format!("-- db-migrations: no-transaction\n{REBUILD}"));
    let output = project.run(&db, &["migrate", "--allow-split"]);
    assert_eq!(db.count("SELECT count(*) FROM children"), 3, "{output}");
    output.ok();
}

#[test]
fn keys_are_on_again_behind_a_rebuild() {
    let db = Db::sqlite();
    let project = family(&db);
    project.write(TAGS_FILE, REBUILD);
    project.write(
        "migrations/20240104000000_alone.sql",
        "-- db-migrations: no-transaction\nDELETE FROM parents WHERE id = 1;\nVACUUM;\n",
    );
    project.run(&db, &["migrate", "--allow-split"]).ok();
    assert_eq!(db.query("SELECT id FROM children"), ["12"]);
}
