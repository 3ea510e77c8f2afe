//! What is refused before anything runs: open tokens, transaction control.

use crate::common::{TAGS_FILE, base};
use crate::support::database::each_database;

#[test]
fn what_never_ends_is_refused_with_a_frame() {
    each_database(|db| {
        for text in [
            "CREATE TABLE a (id int);\n/* never\nCREATE TABLE b (id int);\n",
            "CREATE TABLE a (id int);\nINSERT INTO a VALUES ('never);\n",
            "CREATE TABLE a (id int);\nCREATE TABLE \"b (id int);\n",
        ] {
            let project = base().file(TAGS_FILE, text);
            let output = project.run(db, &["migrate"]).exits(7);
            let output = output.says("migration `app::20240103000000_tags` cannot be read");
            let output = output.says("20240103000000_tags.sql:2:").says("begins here, never ends");
            output.does_not_say("applied");
            assert!(db.is_empty(), "{text}");
            project.run(db, &["plan"]).exits(1).says("cannot be read");
            project.run(db, &["status"]).ok().says("cannot be read");
        }
    });
}

#[test]
fn transaction_control_is_refused_before_anything_runs() {
    each_database(|db| {
        for control in
            ["COMMIT", "begin", "SAVEPOINT x", "END", "ROLLBACK", "RELEASE x", "/* hidden */ commit"]
        {
            let text = format!("CREATE TABLE a (id int);\n-- a remark\n{control};\n");
            let project = base().file(TAGS_FILE, &text);
            let output = project.run(db, &["migrate"]).exits(7).says("controls transactions itself");
            let output = output.says("migrations/20240103000000_tags.sql:3:").says("skip: true");
            output.does_not_say("applied");
            assert!(db.is_empty(), "{control}");
        }
    });
}

#[test]
fn control_of_postgres_alone() {
    let Some(db) = crate::support::database::Db::postgres() else { return };
    for control in
        ["START TRANSACTION", "ABORT", "PREPARE TRANSACTION 'x'", "COMMIT AND CHAIN", "commit prepared 'x'"]
    {
        let project = base().file(TAGS_FILE, format!("CREATE TABLE a (id int);\n{control};\n"));
        project.run(&db, &["migrate"]).exits(7).says("sql:2:1");
        assert!(db.is_empty(), "{control}");
    }
}

#[test]
fn words_that_only_look_like_control_run() {
    each_database(|db| {
        let project = base();
        let block = if db.is_sqlite() {
            "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET b = 'COMMIT'; END;\n"
        } else {
            "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$;\n\
             DO $x$ BEGIN NULL; /* COMMIT; */ END $x$;\n"
        };
        project.write(
            TAGS_FILE,
            format!(
                "-- COMMIT;\n/* BEGIN; */\nCREATE TABLE a (b text DEFAULT 'ROLLBACK;');\n{block}\
                 INSERT INTO a (b) VALUES ('a;\nCOMMIT;\n');\n-- SAVEPOINT x;"
            ),
        );
        project.run(db, &["migrate"]).ok();
        assert_eq!(db.count("SELECT count(*) FROM a"), 1);
    });
}

#[test]
fn a_commit_in_disguise_is_caught() {
    let Some(db) = crate::support::database::Db::postgres() else { return };
    let project = base();
    project.run(&db, &["migrate"]).ok();
    // a procedure that commits fails inside of a transaction block; dynamic SQL cannot do it either
    project.write(
        TAGS_FILE,
        "CREATE PROCEDURE sneak() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;\nCALL sneak();\n",
    );
    let before = db.dump();
    project.run(&db, &["migrate"]).exits(3).says("invalid transaction termination").says("rolled back");
    assert_eq!(db.dump(), before);
}

#[test]
fn a_skipped_entry_may_control_transactions() {
    each_database(|db| {
        let project = base().file(TAGS_FILE, "BEGIN;\nCREATE TABLE a (id int);\nCOMMIT;\n");
        project.run_alone(&["lock"]);
        project.edit("migrations-lock.yml", "tags: { skip: false", "tags: { skip: true");
        project.run(db, &["migrate"]).ok();
        assert_eq!(crate::common::ran(db).len(), 2);
    });
}
