//! The process dies or is interrupted in mid-run: the database is as before, and what is said is true.

use crate::common::{
    LOCK, POSTS, TAGS, TAGS_FILE, USERS, add_tags, base, connected, history, locked, ran, running, snapshot,
    states, until,
};
use crate::support::database::{Db, each_database};
use crate::support::project::{Project, Running};

/// Slow where the row 99 is there, so on the live database and not in a replay. On SQLite it writes
/// more than the page cache holds first: the file is changed already when it dies. On MariaDB, where DDL
/// commits by itself, it changes rows only: so the run is one transaction there, too.
fn slow(db: &Db) -> &'static str {
    if db.is_sqlite() {
        "CREATE TABLE tags (id integer PRIMARY KEY, name text);\n\
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)\n\
         INSERT INTO tags SELECT i, hex(randomblob(20000)) FROM n WHERE EXISTS (SELECT 1 FROM users WHERE id = 99);\n\
         WITH RECURSIVE n (i) AS (SELECT 1 WHERE EXISTS (SELECT 1 FROM users WHERE id = 99)\n\
         UNION ALL SELECT i + 1 FROM n WHERE i < 100000000000) SELECT max(i) FROM n;\n"
    } else if db.is_mariadb() {
        "UPDATE users SET name = 'changed' WHERE id = 1;\nSELECT SLEEP(600) FROM users WHERE id = 99;\n"
    } else {
        "CREATE TABLE tags (id integer PRIMARY KEY, name text);\n\
         UPDATE users SET name = 'changed';\n\
         SELECT pg_sleep(600) FROM users WHERE id = 99;\n"
    }
}

const AFTER_FILE: &str = "migrations/20240104000000_after.sql";

/// The migration behind the slow one.
fn after(db: &Db) -> &'static str {
    if db.is_mariadb() { "INSERT INTO posts VALUES (1, 1);\n" } else { "CREATE TABLE after_it (id int);\n" }
}

/// A migrated database, and a run that is in the middle of its slow migration.
fn in_the_middle(db: &Db) -> (Project, String, Running) {
    let project = base();
    project.run(db, &["migrate"]).ok();
    db.execute("INSERT INTO users VALUES (99, 'slow')");
    project.write(TAGS_FILE, slow(db));
    project.write(AFTER_FILE, after(db));
    let before = db.dump();
    let run = project.spawn(db, &["migrate"]);
    until("the slow statement", || match db.path() {
        Some(path) => std::fs::metadata(path).unwrap().len() > 4_000_000,
        None => running(db, SLEEP),
    });
    (project, before, run)
}

/// The call of the slow statement, as the lists of the servers are searched for it.
const SLEEP: &str = "sleep(600)";

/// MariaDB does not look at its client while a statement runs: the statement goes on and keeps the guard
/// until somebody does what `status` says.
fn end_statement(project: &Project, db: &Db) {
    let who = "FROM information_schema.PROCESSLIST WHERE DB = database() AND ID <> connection_id()";
    let id = db.query(&format!("SELECT ID {who}")).remove(0);
    let remedy = format!("KILL {id};");
    let status = project.run(db, &["status"]).ok().says(&format!("guard: held by connection {id} of user"));
    status.says(&remedy).says("SLEEP(600)");
    let output = project.run(db, &["migrate", "--guard-wait", "0"]).exits(5);
    output.says("another run still holds the guard").says(&remedy);
    db.execute(&remedy);
}

fn gone(project: &Project, db: &Db) {
    if db.is_mariadb() {
        end_statement(project, db);
    }
    if !db.is_sqlite() {
        until("the server notices that the client is gone", || !connected(db));
    }
}

/// The next plain run completes, once the slow one is mended.
fn completes(project: &Project, db: &Db) {
    add_tags(project);
    db.execute("DELETE FROM users WHERE id = 99");
    project.run(db, &["migrate"]).ok().says("schema check: passed");
    let other = (base(), db.another());
    add_tags(&other.0);
    other.0.write(AFTER_FILE, after(db));
    other.0.run(&other.1, &["migrate"]).ok();
    assert_eq!(db.dump_schema(), other.1.dump_schema());
    assert_eq!(ran(db), ran(&other.1));
    assert_eq!(project.lock(), other.0.lock());
    assert_eq!(project.read(&snapshot(db)), other.0.read(&snapshot(db)));
}

#[test]
fn killed_in_mid_run() {
    each_database(|db| {
        let (project, before, run) = in_the_middle(db);
        let tree = project.tree();
        assert_eq!(run.kill().code, -1);
        gone(&project, db);
        assert_eq!(db.dump(), before);
        assert_eq!(project.tree(), tree);
        completes(&project, db);
    });
}

#[test]
fn interrupted_in_mid_run() {
    each_database(|db| {
        for signal in ["INT", "TERM"] {
            let db = db.another();
            let (project, before, run) = in_the_middle(&db);
            let tree = project.tree();
            run.signal(signal);
            let output = run.wait().exits(130).says("interrupted").does_not_say("applied");
            output.says(if db.is_sqlite() {
                "rolls back"
            } else {
                "the database has rolled back what was open"
            });
            assert!(db.is_sqlite() || !running(&db, SLEEP), "the statement was ended");
            assert_eq!(db.dump(), before);
            assert_eq!(project.tree(), tree);
            completes(&project, &db);
        }
    });
}

/// Statements that commit by themselves: each has stayed or not, the next run knows which, and goes on
/// there.
#[test]
fn killed_or_interrupted_between_statements_that_commit() {
    for signal in [None, Some("INT")] {
        let Some(db) = Db::mariadb() else { return };
        let project = base();
        project.run(&db, &["migrate"]).ok();
        db.execute("INSERT INTO users VALUES (99, 'slow')");
        let slow = "CREATE TABLE tags (id integer PRIMARY KEY, name text);\n\
                    INSERT INTO tags SELECT 1, SLEEP(600) FROM users WHERE id = 99;\nCREATE TABLE more (id int);\n";
        project.write(TAGS_FILE, slow);
        project.write(AFTER_FILE, "CREATE TABLE after_it (id int);\n");
        let tree = project.tree();
        let run = project.spawn(&db, &["migrate"]);
        until("the slow statement", || running(&db, SLEEP));
        match signal {
            None => assert_eq!(run.kill().code, -1),
            Some(signal) => {
                run.signal(signal);
                let output = run.wait().exits(4).says("interrupted").says("outside of a transaction");
                output.says(TAGS).says("one at work was ended").does_not_say("rolls back");
            }
        }
        if signal.is_none() {
            gone(&project, &db);
        }
        assert!(!running(&db, SLEEP));
        // whoever ended it may just be leaving
        until("nobody is connected", || !connected(&db));
        assert_eq!(ran(&db), [USERS, POSTS]);
        assert_eq!(project.tree(), tree);
        assert!(db.dump_schema().contains("`tags`"), "what has committed stays");
        assert_eq!(db.count("SELECT count(*) FROM tags"), 0);
        // the row behind the first statement was to go with the second: its schema tells the next run
        assert_eq!(states(&project, &db)[2], format!("{TAGS} partial (0/3)"));
        project.run(&db, &["status"]).ok().says("statement 1 was begun, and its end is not known");
        db.execute("DELETE FROM users WHERE id = 99");
        project.run(&db, &["migrate"]).ok().says(&format!("applied {TAGS}")).says("schema check: passed");
        let other = db.another();
        project.run(&other, &["migrate", "--locked"]).ok();
        assert_eq!(db.dump_schema(), other.dump_schema());
        assert_eq!(ran(&db), ran(&other));
        assert_eq!(db.count("SELECT count(*) FROM db_migrations_step"), 0);
    }
}

#[test]
fn an_interrupt_does_not_hide_what_a_split_run_has_committed() {
    let Some(db) = Db::postgres() else { return };
    let project = base();
    project.run(&db, &["migrate"]).ok();
    db.execute("INSERT INTO users VALUES (99, 'slow')");
    add_tags(&project);
    project.write(
        "migrations/20240104000000_slow.sql",
        "-- db-migrations: no-transaction\nCREATE INDEX CONCURRENTLY tags_name ON tags (name);\n\
         SELECT pg_sleep(600) FROM users WHERE id = 99;\n",
    );
    let run = project.spawn(&db, &["migrate", "--allow-split"]);
    until("the slow statement", || running(&db, "pg_sleep(600)"));
    run.signal("INT");
    let output = run.wait();
    assert_eq!(ran(&db), [USERS, POSTS, TAGS], "the first group is committed");
    // 130 means that everything is rolled back
    output.exits(4).says(TAGS).says("that it has finished stay");
}

#[test]
fn a_connection_that_the_server_ends() {
    let Some(db) = Db::postgres() else { return };
    let (project, before, run) = in_the_middle(&db);
    db.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'db-migrations' AND datname = current_database()");
    let output = run.wait();
    assert!(matches!(output.code, 3), "{output}");
    output.says("20240103000000_tags").does_not_say("applied");
    gone(&project, &db);
    assert_eq!(db.dump(), before);
    completes(&project, &db);
}

#[test]
fn a_crash_before_the_lock_was_written_heals() {
    each_database(|db| {
        for with_snapshot in [true, false] {
            let db = db.another();
            let project = base();
            project.run(&db, &["migrate"]).ok();
            let (lock, snapshot_text) = (project.lock(), project.read(&snapshot(&db)));
            add_tags(&project);
            project.run(&db, &["migrate"]).ok();
            let (tree, schema, rows) = (project.tree(), db.dump_schema(), history(&db));
            project.write(LOCK, lock);
            if with_snapshot {
                project.write(&snapshot(&db), snapshot_text);
            }
            project.run(&db, &["migrate"]).ok().does_not_say("applied app::");
            assert_eq!(project.tree(), tree, "snapshot lost, too: {with_snapshot}");
            assert_eq!(db.dump_schema(), schema);
            assert_eq!(history(&db), rows);
            project.run(&db, &["migrate", "--locked"]).ok().says("nothing to do");
        }
    });
}

#[test]
fn a_lost_lock_comes_back_in_the_order_of_execution() {
    each_database(|db| {
        let project = base();
        project.run(db, &["migrate"]).ok();
        project.write("migrations/20200101000000_old.sql", "CREATE TABLE old (id int);\n");
        project.run(db, &["migrate"]).ok();
        assert_eq!(locked(&project), [USERS, POSTS, "app::20200101000000_old"]);
        let (lock, rows) = (project.lock(), history(db));
        project.remove(LOCK);
        project.run(db, &["migrate", "--locked"]).exits(7);
        project.run(db, &["migrate"]).ok().does_not_say("applied app::");
        assert_eq!(project.lock(), lock);
        assert_eq!(history(db), rows);
        // and with something new behind it
        project.remove(LOCK);
        project.remove(&snapshot(db));
        add_tags(&project);
        project.run(db, &["migrate"]).ok().says("applied app::20240103000000_tags");
        assert_eq!(locked(&project), [USERS, POSTS, "app::20200101000000_old", TAGS]);
        project.run(&db.another(), &["migrate", "--locked"]).ok();
    });
}
