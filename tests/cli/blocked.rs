//! Somebody holds what a migration needs: the wait has a limit, who is in the way is named, all is rolled back
//! and tried again. And `wait`, for applications that must not start too early.

use crate::common::{Held, POSTS, TAGS, TAGS_FILE, USERS, add_tags, bare, base, ran, until};
use crate::support::database::{Db, each_database};
use crate::support::project::Project;

/// A migrated project whose next migration changes `users`.
fn with_change(db: &Db, settings: &str) -> Project {
    let project = base();
    project.write(
        "db-migrations.yml",
        format!("cargo: off\npolicy: {{ rehearsal: off }}\ndatabase: {{ {settings} }}\n"),
    );
    project.run(db, &["migrate"]).ok();
    let text = if db.is_sqlite() {
        "INSERT INTO users VALUES (2, 'bob');\n"
    } else {
        "INSERT INTO posts VALUES (1, 1);\nUPDATE users SET name = 'changed' WHERE id = 1;\n"
    };
    project.write(TAGS_FILE, text);
    project
}

/// An application that holds what it needs.
fn in_the_way(db: &Db) -> Held {
    if db.is_sqlite() {
        return Held::open(db, "BEGIN IMMEDIATE");
    }
    Held::open(db, "START TRANSACTION; UPDATE users SET name = 'theirs' WHERE id = 1")
}

#[test]
fn a_blocked_transaction_is_tried_again() {
    each_database(|db| {
        let project = with_change(db, "lock-timeout: 1");
        let held = in_the_way(db);
        let mut run = project.spawn(db, &["migrate"]);
        let said = run.wait_for_line("tried again in");
        assert!(said.contains("(1 of 10)"), "{said}");
        assert_eq!(ran(db), [USERS, POSTS], "all of it is rolled back meanwhile");
        held.close();
        run.wait().ok().says("1 migration committed");
        assert_eq!(ran(db), [USERS, POSTS, TAGS]);
    });
}

#[test]
fn after_the_last_try_nothing_is_changed_and_who_was_in_the_way_is_named() {
    each_database(|db| {
        let project = with_change(db, "lock-timeout: 2, lock-retries: 1");
        let before = db.dump();
        let held = in_the_way(db);
        let output = project.run(db, &["migrate"]);
        let output = output.exits(if db.is_sqlite() { 7 } else { 3 }).says("it was tried 2 times");
        if db.is_postgres() {
            output
                .says("waiting for a lock of server process")
                .says("idle in transaction")
                .says("UPDATE users SET name = 'theirs'")
                .says("pg_terminate_backend(")
                .says("the lock was held by")
                .says("database.lock-timeout");
        } else if db.is_mariadb() {
            output.says("waiting for a lock of connection").says("idle in a transaction").says("KILL ");
        }
        held.close();
        assert_eq!(db.dump(), before);
        project.run(db, &["migrate"]).ok().says("1 migration committed");
    });
}

#[test]
fn a_deadlock_is_tried_again() {
    for db in [Db::postgres(), Db::mariadb()].into_iter().flatten() {
        let project = with_change(&db, "lock-timeout: 60");
        db.execute("INSERT INTO users VALUES (3, 'cid')");
        let sleep = if db.is_postgres() { "SELECT pg_sleep(0.3)" } else { "SELECT SLEEP(0.3)" };
        project.write(
            TAGS_FILE,
            format!("UPDATE users SET name = 'a' WHERE id = 1;\n{sleep};\nUPDATE users SET name = 'b' WHERE id = 3;\n"),
        );
        let mut held = Held::open(&db, "START TRANSACTION; UPDATE users SET name = 'c' WHERE id = 3");
        let mut run = project.spawn(&db, &["migrate"]);
        until("the migration holds the first row", || crate::common::running(&db, "leep(0.3)"));
        // one of the two is refused: the other is through
        if held.try_execute("UPDATE users SET name = 'd' WHERE id = 1") {
            run.wait_for_line("tried again in");
            held.execute("COMMIT");
        } else {
            held.close();
        }
        run.wait().ok().says("1 migration committed");
        assert_eq!(db.query("SELECT name FROM users WHERE id = 3"), ["b"]);
    }
}

#[test]
fn a_statement_has_a_limit_and_a_migration_its_own() {
    for db in [Db::postgres(), Db::mariadb()].into_iter().flatten() {
        let project = with_change(&db, "statement-timeout: 1");
        let sleep =
            if db.is_postgres() { "SELECT pg_sleep(2)" } else { "SELECT SLEEP(2) FROM users WHERE id = 1" };
        project.write(TAGS_FILE, format!("{sleep};\nINSERT INTO users VALUES (2, 'bob');\n"));
        let output = project.run(&db, &["migrate"]);
        if db.is_postgres() || output.code != 0 {
            output.exits(3).says("database.statement-timeout").says("everything was rolled back");
        }
        assert_eq!(db.count("SELECT count(*) FROM users WHERE id = 2"), 0);
        let own = if db.is_postgres() { "statement_timeout = 1min" } else { "max_statement_time = 60" };
        let text =
            format!("-- db-migrations: session {own}\n{sleep};\nINSERT INTO users VALUES (2, 'bob');\n");
        project.write(TAGS_FILE, text);
        project.run(&db, &["migrate"]).ok().says("1 migration committed");
    }
}

#[test]
fn a_read_only_server_is_refused_by_name() {
    let Some(db) = Db::mariadb() else { return };
    drop(db);
    let Some(server) = crate::support::mariadb::Private::start() else { return };
    let url = server.url("mysql");
    crate::support::mariadb::execute(&url, "CREATE DATABASE d; SET GLOBAL read_only = 1").unwrap();
    let output = base().run_at(&server.url("d"), &["migrate"]).exits(7);
    output.says("the server is read-only (`read_only` is on").says("name the primary");
}

#[test]
fn a_replica_is_refused_by_name() {
    let Some(primary) = crate::support::postgres::Private::start() else { return };
    let replica = primary.replica();
    let project = base();
    let output = project.run_at(&replica.url("postgres"), &["migrate"]).exits(7);
    output.says("the server is a replica (it is in recovery)").says("name the primary");
    // looking is allowed there
    project.run_at(&replica.url("postgres"), &["status"]).ok().says("2 pending");
    project.run_at(&primary.url("postgres"), &["migrate"]).ok();
}

#[test]
fn wait_ends_when_all_that_is_locked_has_run() {
    each_database(|db| {
        let project = base();
        project.run(&db.another(), &["migrate"]).ok();
        let output = project.run(db, &["wait", "--timeout", "0"]).exits(1);
        output.says("2 migrations are pending").says(USERS);
        assert!(db.is_empty(), "it only looks");
        let mut wait = project.spawn(db, &["wait"]);
        wait.wait_for_line("2 migrations are pending");
        project.run(db, &["migrate", "--locked"]).ok();
        wait.wait().ok().says("up to date");
        project.run(db, &["wait", "--timeout", "0"]).ok().does_not_say("waiting");
        // an edited one is nothing to wait for
        let users = "migrations/20240101000000_users.sql";
        let text = project.read(users);
        project.write(users, format!("{text}SELECT 1;\n"));
        project.run(db, &["wait"]).exits(1).says("changed").does_not_say("waiting up to");
        project.write(users, text);
        // what is found and not locked is pending, too: an old image beside a new one
        add_tags(&project);
        project.run(db, &["wait", "--timeout", "1", "--interval", "100"]).exits(1).says(TAGS);
        let document = project.run(db, &["wait", "--timeout", "0", "--format", "json"]).exits(1).json();
        assert_eq!(document["outcome"], "pending");
        assert_eq!(document["pending"][0], TAGS);
    });
}

#[test]
fn wait_stands_a_database_that_is_not_there_yet() {
    let project = base();
    let output =
        project.run_at("postgres://nobody@127.0.0.1:9/nothing", &["wait", "--timeout", "1"]).exits(6);
    output.says("the database does not answer yet").says("cannot connect");
    // a wrong URL is not waited for, nor a wrong folder
    bare().run_at("sqlite://nothing.db", &["wait"]).exits(2).says("there is no migration at all");
    project.run_at("nonsense://there", &["wait"]).exits(2);
}
