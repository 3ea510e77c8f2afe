//! What statements outside of a transaction leave when they fail or are cut off (PostgreSQL), and how the next
//! run goes on.

use crate::common::{POSTS, TAGS, TAGS_FILE, USERS, base, ran, until};
use crate::support::database::Db;
use crate::support::project::Project;

const INDEX: &str =
    "-- db-migrations: no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY users_name ON users (name);\n";

fn prepared(db: &Db, text: &str) -> Project {
    let project = base();
    project.write("db-migrations.yml", "cargo: off\npolicy: { allow-split: true }\n");
    project.run(db, &["migrate"]).ok();
    project.write(TAGS_FILE, text);
    project
}

fn invalid(db: &Db) -> Vec<String> {
    db.query("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid ORDER BY 1")
}

#[test]
fn a_failed_index_is_named_dropped_and_made_again() {
    let Some(db) = Db::postgres() else { return };
    let project = prepared(&db, INDEX);
    db.execute("INSERT INTO users VALUES (2, 'ann')");
    let output = project.run(&db, &["migrate"]).exits(4);
    output
        .says("could not create unique index")
        .says("it left an invalid index")
        .says("DROP INDEX CONCURRENTLY public.users_name;");
    assert_eq!(invalid(&db), ["users_name"]);
    assert_eq!(ran(&db), [USERS, POSTS]);
    // not mended yet: it is dropped and tried again, and is in the way of nothing
    project
        .run(&db, &["migrate"])
        .exits(4)
        .says("could not create unique index")
        .does_not_say("already exists");
    assert_eq!(invalid(&db), ["users_name"]);
    db.execute("DELETE FROM users WHERE id = 2");
    project.run(&db, &["migrate"]).ok();
    assert_eq!(invalid(&db).len(), 0);
    assert_eq!(ran(&db), [USERS, POSTS, TAGS]);
}

/// An index that somebody else left invalid is not ours to drop, and `IF NOT EXISTS` must not pass it by.
#[test]
fn an_invalid_index_of_others_is_told_and_left() {
    let Some(db) = Db::postgres() else { return };
    let project = prepared(&db, &INDEX.replace("CONCURRENTLY", "CONCURRENTLY IF NOT EXISTS"));
    db.execute("INSERT INTO users VALUES (2, 'ann')");
    db.load("\\set ON_ERROR_STOP off\nCREATE UNIQUE INDEX CONCURRENTLY users_name ON users (name);\n");
    assert_eq!(invalid(&db), ["users_name"]);
    db.execute("DELETE FROM users WHERE id = 2");
    let output = project.run(&db, &["migrate"]).exits(3);
    output.says("it is invalid: an earlier try left it").says("DROP INDEX CONCURRENTLY public.users_name;");
    assert_eq!(invalid(&db), ["users_name"]);
    db.execute("DROP INDEX users_name");
    project.run(&db, &["migrate"]).ok();
    assert_eq!(invalid(&db).len(), 0);
}

/// The process is killed while the statement waits for an old transaction: the server ends it in its middle.
#[test]
fn statements_that_were_cut_off() {
    let Some(db) = Db::postgres() else { return };
    for (name, before, text, done) in [
        (
            "index",
            "",
            "CREATE INDEX CONCURRENTLY users_name ON users (name)",
            "SELECT count(*) FROM pg_class WHERE relname = 'users_name'",
        ),
        (
            "unnamed",
            "",
            "CREATE INDEX CONCURRENTLY ON users (name)",
            "SELECT count(*) FROM pg_class WHERE relname LIKE 'users_name%'",
        ),
        (
            "reindex",
            "CREATE INDEX r ON users (name)",
            "REINDEX INDEX CONCURRENTLY r",
            "SELECT count(*) FROM pg_class WHERE relname ~ '^r(_cc.*)?$'",
        ),
        (
            "drop",
            "CREATE INDEX d ON users (name)",
            "DROP INDEX CONCURRENTLY d",
            "SELECT 1 - count(*) FROM pg_class WHERE relname = 'd'",
        ),
        (
            "detach",
            "CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); INSERT INTO p VALUES (1)",
            "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY",
            "SELECT 1 - count(*) FROM pg_inherits WHERE inhrelid = 'p1'::regclass",
        ),
    ] {
        let db = db.another();
        let project = prepared(
            &db,
            &format!("-- db-migrations: no-transaction\n{text};\nINSERT INTO users VALUES (7, 'after');\n"),
        );
        project.write(
            "db-migrations.yml",
            "cargo: off\nschema-check: { source: off }\npolicy: { allow-split: true }\n",
        );
        if !before.is_empty() {
            db.execute(before);
        }
        let old =
            if name == "detach" { "SELECT * FROM p" } else { "UPDATE users SET name = 'old' WHERE id = 1" };
        let held = crate::common::Held::open(&db, &format!("BEGIN; {old}"));
        let run = project.spawn(&db, &["migrate"]);
        until("it waits", || {
            db.count("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND application_name = 'db-migrations'") > 0
        });
        run.kill();
        until("the server ends it", || !crate::common::connected(&db));
        held.close();
        let output = project.run(&db, &["migrate"]);
        assert_eq!(output.code, 0, "{name}: {output}");
        assert_eq!(db.count(done), 1, "{name}: {output}");
        assert_eq!(invalid(&db).len(), 0, "{name}: {output}");
        assert_eq!(db.count("SELECT count(*) FROM users WHERE id = 7"), 1, "{name}");
        assert_eq!(ran(&db), [USERS, POSTS, TAGS]);
    }
}

/// What failed because there is nothing to drop or to detach has not happened: it is not passed over the next time.
#[test]
fn what_was_never_there_is_not_taken_for_gone() {
    let Some(db) = Db::postgres() else { return };
    for (text, says) in [
        ("DROP INDEX CONCURRENTLY nowhere", "does not exist"),
        ("ALTER TABLE users DETACH PARTITION posts CONCURRENTLY", "users"),
    ] {
        let db = db.another();
        let project = prepared(&db, &format!("-- db-migrations: no-transaction\n{text};\n"));
        for _ in 0..2 {
            project.run(&db, &["migrate"]).exits(4).says(says);
            assert_eq!(ran(&db), [USERS, POSTS], "{text}");
        }
    }
}

/// A procedure that commits by itself is sent alone; one that does not shares a transaction with its row.
#[test]
fn procedures_that_commit() {
    let Some(db) = Db::postgres() else { return };
    let make = "CREATE PROCEDURE p(n int, again bool) LANGUAGE plpgsql AS $$ BEGIN INSERT INTO users VALUES (n, 'p'); \
                IF again THEN COMMIT; END IF; END $$";
    let project = prepared(
        &db,
        &format!(
            "-- db-migrations: no-transaction\n{make};\nCALL p(10, false);\nCALL p(11, true);\nDO $$ BEGIN COMMIT; END $$;\n"
        ),
    );
    project.run(&db, &["migrate"]).ok();
    assert_eq!(db.count("SELECT count(*) FROM users WHERE id IN (10, 11)"), 2);
}

#[test]
fn a_procedure_that_was_cut_off_after_a_commit_asks_for_a_person() {
    let Some(db) = Db::postgres() else { return };
    let make = "CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO users VALUES (10, 'p'); COMMIT; \
                PERFORM pg_sleep(600); END $$";
    let project = prepared(&db, &format!("-- db-migrations: no-transaction\n{make};\nCALL p();\n"));
    project.write(
        "db-migrations.yml",
        "cargo: off\nschema-check: { source: off }\npolicy: { allow-split: true }\n",
    );
    let run = project.spawn(&db, &["migrate"]);
    until("it sleeps", || db.count("SELECT count(*) FROM users WHERE id = 10") == 1);
    run.kill();
    until("the server ends it", || !crate::common::connected(&db));
    let output = project.run(&db, &["migrate"]);
    let output = output.exits(4).does_not_say("deferred constraints");
    output.says("nothing tells how far it came").says(&format!("repair --mark-done {TAGS}"));
    assert_eq!(db.count("SELECT count(*) FROM users WHERE id = 10"), 1, "it did not run twice");
    project.run(&db, &["repair", "--mark-done", TAGS, "--yes"]);
    assert_eq!(ran(&db), [USERS, POSTS, TAGS]);
}

/// It has ended, with an error behind its commit: who mends it decides what may stay, and it runs again.
#[test]
fn a_procedure_that_fails_after_a_commit_runs_again() {
    let Some(db) = Db::postgres() else { return };
    let make = "CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN DELETE FROM users WHERE id = 10; INSERT INTO users VALUES (10, 'p'); \
                COMMIT; IF (SELECT count(*) FROM posts) = 0 THEN RAISE 'not yet'; END IF; END $$";
    let project = prepared(&db, &format!("-- db-migrations: no-transaction\n{make};\nCALL p();\n"));
    project.write(
        "db-migrations.yml",
        "cargo: off\nschema-check: { source: off }\npolicy: { allow-split: true }\n",
    );
    let output = project.run(&db, &["migrate"]).exits(4);
    output.says("not yet").says("may have left traces").says("goes on at statement 2");
    db.execute("INSERT INTO posts VALUES (1, 1)");
    project.run(&db, &["migrate"]).ok();
    assert_eq!(db.count("SELECT count(*) FROM users WHERE id = 10"), 1);
    assert_eq!(ran(&db), [USERS, POSTS, TAGS]);
}

#[test]
fn one_transaction_that_needs_more_locks_than_the_server_has() {
    // whoever exhausts the locks of a server disturbs everybody on it
    let Some(server) = crate::support::postgres::Private::start() else { return };
    let db = Db::on(&server.url("postgres"));
    let project = base();
    let lock = "SELECT count(pg_advisory_xact_lock(n)) FROM generate_series(1, 3000000) n";
    project.write(TAGS_FILE, format!("{lock};\nCREATE TABLE tags (id int);\n"));
    let output = project.run(&db, &["migrate"]).exits(3);
    output.says("out of shared memory").says("max_locks_per_transaction").says("everything was rolled back");
    assert!(db.is_empty());
}
