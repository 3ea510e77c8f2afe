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
        // MariaDB ends a transaction by `END` in no way, and says SAVEPOINT where it releases one
        let own = if db.is_mariadb() { ["RELEASE SAVEPOINT x", "XA END 'x'"] } else { ["END", "RELEASE x"] };
        let common = ["COMMIT", "begin", "SAVEPOINT x", "ROLLBACK", "/* hidden */ commit"];
        for control in common.into_iter().chain(own) {
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
fn control_of_mariadb_alone() {
    let Some(db) = crate::support::database::Db::mariadb() else { return };
    for control in [
        "START TRANSACTION",
        "/*!50000 COMMIT */",
        "/*M! ROLLBACK */",
        "SET autocommit = 0",
        "LOCK TABLES users WRITE",
        "UNLOCK TABLES",
        "XA PREPARE 'x'",
    ] {
        let project = base().file(TAGS_FILE, format!("CREATE TABLE a (id int);\n{control};\n"));
        let output = project.run(&db, &["migrate"]).exits(7).says("controls transactions itself");
        output.says("sql:2:1");
        assert!(db.is_empty(), "{control}");
    }
}

#[test]
fn words_that_only_look_like_control_run() {
    each_database(|db| {
        let project = base();
        let block = match db.dialect() {
            "sqlite" => "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET b = 'COMMIT'; END;\n",
            "mariadb" => {
                "CREATE FUNCTION f() RETURNS int BEGIN RETURN 1; /* COMMIT; */ END;\n\
                 DELIMITER $$\nCREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW BEGIN\n\
                 SET new.b = concat(new.b, '\n COMMIT;'); END $$\nDELIMITER ;\n\
                 # ROLLBACK;\nCREATE TABLE `commit` (begin int);\n"
            }
            _ => {
                "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$;\n\
                 DO $x$ BEGIN NULL; /* COMMIT; */ END $x$;\n"
            }
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

/// Nothing can see through it before, so the plan does not promise one transaction.
#[test]
fn a_commit_in_disguise_stays_and_that_is_said() {
    let Some(db) = crate::support::database::Db::mariadb() else { return };
    let project = base();
    project.run(&db, &["migrate"]).ok();
    for (commit, id) in [("EXECUTE IMMEDIATE 'COMMIT'", 70), ("CALL sneak()", 80)] {
        db.execute("CREATE OR REPLACE PROCEDURE sneak() BEGIN COMMIT; END");
        let text =
            format!("INSERT INTO users VALUES ({id}, 'x');\n{commit};\nINSERT INTO users VALUES (1, 'x');\n");
        project.write(TAGS_FILE, text);
        project.run(&db, &["plan"]).ok().says("outside of a transaction, statement by statement");
        let output = project.run(&db, &["migrate", "--rehearsal", "off"]).exits(4);
        let output = output.says("Duplicate entry '1'").says("its first 2 statements stayed");
        output.does_not_say("rolled back");
        assert_eq!(db.count(&format!("SELECT count(*) FROM users WHERE id = {id}")), 1);
        db.execute("DELETE FROM db_migrations_step");
    }
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
