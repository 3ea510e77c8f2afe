//! A transaction: migration and row together, failures located, nothing leaking, no way out of it.

use db_migrations::database::{DatabaseError, Note, Record, Task};
use db_migrations::history::RowKind;
use db_migrations::migration::Script;

use crate::support::block_on;
use crate::support::database::{Db, each_database};
use crate::world::{assert_untouched, connect, new_run, row, run, session, table};

#[test]
fn a_commit_keeps_migrations_with_their_rows() {
    each_database(|db| {
        let create = table(db, "CREATE TABLE a (x INT)");
        block_on(async {
            let connect = connect(db);
            let mut session = session(&*connect).await;
            let dialect = connect.dialect();
            let text = format!("{create}INSERT INTO a VALUES (1), (2);\n-- end");
            run(&mut session, dialect, &text, 1).await.unwrap();
            run(&mut session, dialect, "", 2).await.unwrap();
            run(&mut session, dialect, "/* only a comment */ -- nothing", 3).await.unwrap();
            session
                .write(Note::Rows(&new_run("r"), &[crate::world::row("m::quote's", "x", 4)]))
                .await
                .unwrap();
            session.write(Note::Verdict(&new_run("r"), "it's fine")).await.unwrap();
            let (_, guard) = session.commit().await.unwrap();
            let mut database = guard.free().await.unwrap();
            let history = database.history().await.unwrap();
            let ids: Vec<&str> = history.rows().iter().map(|row| row.id.as_str()).collect();
            assert_eq!(ids, ["m::1", "m::2", "m::3", "m::quote's"]);
            assert!(
                history.rows().iter().all(|row| row.kind == RowKind::Applied && row.dialect == Some(dialect))
            );
            assert!(history.rows()[0].execution_ms.is_some_and(|ms| (0..60_000).contains(&ms)));
            assert!(
                history.rows()[0].executed_at.starts_with("20")
                    && history.rows()[0].executed_at.ends_with('Z')
            );
            assert_eq!(history.last_run.as_ref().unwrap().verdict.as_deref(), Some("it's fine"));
            assert_eq!(history.next_position(), 5);
            database.close().await;
        });
        assert_eq!(db.query("SELECT count(*) FROM a"), ["2"]);
        assert_eq!(
            db.query(if db.is_mariadb() {
                "SELECT user FROM db_migrations_run"
            } else {
                "SELECT \"user\" FROM db_migrations_run"
            }),
            ["o'brien\\"]
        );
    });
}

#[test]
fn a_rollback_leaves_nothing_not_even_our_tables() {
    each_database(|db| {
        let text = format!("{}INSERT INTO a VALUES (1)", table(db, "CREATE TABLE a (x INT)"));
        block_on(async {
            let connect = connect(db);
            let mut session = session(&*connect).await;
            run(&mut session, connect.dialect(), &text, 1).await.unwrap();
            session.rollback().await.unwrap().guard.free().await.unwrap().close().await;
        });
        assert_untouched(db);
    });
}

#[test]
fn the_failing_statement_is_known() {
    each_database(|db| {
        let create = table(db, "CREATE TABLE a (x INT PRIMARY KEY)");
        block_on(async {
            let connect = connect(db);
            let mut session = session(&*connect).await;
            let text = format!(
                "{create}-- ä\nINSERT INTO a VALUES (1);\nSELECT * FROM a;\nINSERT INTO a VALUES (1);\nSELECT 1"
            );
            let failure = run(&mut session, connect.dialect(), &text, 1).await.unwrap_err();
            let before = usize::from(!create.is_empty());
            assert_eq!(failure.statement, Some(before + 2), "{failure:?}");
            assert!(!failure.escaped);
            assert!(matches!(&failure.error, DatabaseError::Sql(error) if !error.message.is_empty()));
            session.rollback().await.unwrap();
        });
        assert_untouched(db);
    });
}

#[test]
fn a_syntax_error_is_placed() {
    each_database(|db| {
        block_on(async {
            let connect = connect(db);
            let mut session = session(&*connect).await;
            let text = "SELECT 1;\nSELECT 'ä' FORM a;\nSELECT 1";
            let failure = run(&mut session, connect.dialect(), text, 1).await.unwrap_err();
            assert_eq!(failure.statement, Some(1), "{failure:?}");
            if !db.is_sqlite() {
                assert_eq!(&text[failure.offset.unwrap()..][..1], "a", "{failure:?}");
            }
            session.rollback().await.unwrap();
        });
    });
}

/// What the planner refuses must not get through here either: the second fence.
#[test]
fn no_migration_ends_the_transaction_unseen() {
    each_database(|db| {
        for text in [
            "INSERT INTO b VALUES (1); COMMIT; INSERT INTO b VALUES (2)",
            "INSERT INTO b VALUES (1); COMMIT; BEGIN; INSERT INTO b VALUES (2)",
            "INSERT INTO b VALUES (1); ROLLBACK; INSERT INTO b VALUES (2)",
            "INSERT INTO b VALUES (1); ROLLBACK; BEGIN; INSERT INTO b VALUES (2)",
        ] {
            let db = db.another();
            db.execute("CREATE TABLE b (x INT)");
            let failure = block_on(async {
                let connect = connect(&db);
                let mut session = session(&*connect).await;
                let failure = run(&mut session, connect.dialect(), text, 1).await.expect_err(text);
                let _ = session.rollback().await;
                failure
            });
            let stayed = db.count("SELECT count(*) FROM b") > 0;
            assert!(failure.escaped || !stayed, "{text}: something stayed, and it was not said");
            if !db.is_postgres() {
                assert!(!stayed, "{text}");
            }
        }
    });
}

#[test]
fn session_state_does_not_reach_the_next_migration() {
    each_database(|db| {
        if db.is_mariadb() {
            return; // below
        }
        block_on(async {
            let connect = connect(db);
            let mut session = session(&*connect).await;
            let dialect = connect.dialect();
            let leaks: &[&str] = if db.is_sqlite() {
                &[
                    "CREATE TEMP TABLE t (x INT)",
                    "PRAGMA recursive_triggers = ON",
                    "PRAGMA ignore_check_constraints = ON",
                ]
            } else {
                &[
                    "CREATE TEMP TABLE t (x INT)",
                    "SET search_path = pg_catalog",
                    "SET standard_conforming_strings = off",
                    "CREATE ROLE nobody_much; SET ROLE nobody_much",
                    "SET SESSION AUTHORIZATION nobody_much",
                    "SET statement_timeout = 1",
                    "DECLARE c CURSOR FOR SELECT 1",
                    "SET LOCAL lock_timeout = 1",
                ]
            };
            for (n, leak) in (1..).zip(leaks) {
                run(&mut session, dialect, leak, n)
                    .await
                    .unwrap_or_else(|failure| panic!("{leak}: {failure:?}"));
            }
            run(&mut session, dialect, "CREATE TABLE t (x INT CHECK (x > 0))", 90).await.unwrap();
            assert!(run(&mut session, dialect, "INSERT INTO t VALUES (0)", 91).await.is_err());
            session.rollback().await.unwrap().guard.free().await.unwrap().close().await;
        });
        assert!(db.is_empty());
    });
}

/// On MariaDB the connection cannot be reset: the guard would be gone.
#[test]
fn settings_do_not_reach_the_next_migration_on_mariadb() {
    const SEEN: &str = "SELECT CONCAT_WS(' ', @@sql_mode, @@foreign_key_checks, @@time_zone, @@autocommit, \
        @@character_set_client, @@lock_wait_timeout, @@sort_buffer_size, @@unique_checks, COALESCE(@x, 'NULL'), \
        DATABASE(), NOW() > '2020-01-01')";
    let Some(db) = Db::mariadb() else { return };
    db.execute("CREATE TABLE t (x INT)");
    block_on(async {
        let connect = connect(&db);
        let mut session = session(&*connect).await;
        let before = session.query(SEEN).await.unwrap();
        for (n, leak) in (1..).zip([
            "SET sql_mode = 'ANSI_QUOTES', foreign_key_checks = 0, unique_checks = 0, @x = 1",
            "SET time_zone = '+05:00', NAMES latin1, timestamp = 1000",
            "SET lock_wait_timeout = 1, sort_buffer_size = 65536",
            "USE mysql",
            "PREPARE s FROM 'SELECT 1'; SELECT 1 INTO @x",
            "CREATE TEMPORARY TABLE t (y INT); INSERT INTO t VALUES (1)",
            "DO RELEASE_ALL_LOCKS()",
        ]) {
            run(&mut session, connect.dialect(), leak, n)
                .await
                .unwrap_or_else(|failure| panic!("{leak}: {failure:?}"));
            assert_eq!(session.query(SEEN).await.unwrap(), before, "{leak}");
        }
        assert!(
            run(&mut session, connect.dialect(), "EXECUTE s", 90).await.is_err(),
            "the statement is gone"
        );
        run(&mut session, connect.dialect(), "INSERT INTO t (x) VALUES (1)", 91).await.unwrap();
        let other = connect.connect().await.unwrap().guard().await.unwrap();
        assert!(matches!(other, db_migrations::database::Attempt::Busy(..)), "the guard is still ours");
        session.rollback().await.unwrap().guard.free().await.unwrap().close().await;
    });
}

/// What the lexer takes for a statement that changes rows only must not commit, whatever it is.
#[test]
fn committing_statements_are_refused_inside_of_a_transaction() {
    let Some(db) = Db::mariadb() else { return };
    db.execute("CREATE TABLE t (x INT); CREATE PROCEDURE p() TRUNCATE t");
    for statement in [
        "CREATE TABLE u (x INT)",
        "ALTER TABLE t ADD y INT",
        "DROP TABLE t",
        "TRUNCATE t",
        "CREATE INDEX i ON t (x)",
        "CREATE VIEW v AS SELECT 1",
        "RENAME TABLE t TO u",
        "ANALYZE TABLE t",
        "FLUSH TABLES",
        "CREATE USER nobody_much",
        "LOCK TABLES t WRITE",
        "START TRANSACTION",
        "COMMIT",
        "CALL p()",
        "PREPARE s FROM 'CREATE TABLE u (x INT)'; EXECUTE s",
        "BEGIN NOT ATOMIC CREATE TABLE u (x INT); END",
    ] {
        block_on(async {
            let connect = connect(&db);
            let mut session = session(&*connect).await;
            let text = format!("INSERT INTO t VALUES (1); {statement}");
            let failure = run(&mut session, connect.dialect(), &text, 1).await.expect_err(statement);
            assert!(
                !failure.escaped && failure.error.to_string().contains("commits"),
                "{statement}: {failure:?}"
            );
            session.rollback().await.unwrap();
        });
        assert_untouched(&db);
    }
}

#[test]
fn deferred_constraints_are_checked_after_each_migration() {
    each_database(|db| {
        if !db.is_postgres() {
            return;
        }
        block_on(async {
            let connect = connect(db);
            let mut session = session(&*connect).await;
            let dialect = connect.dialect();
            let tables = "CREATE TABLE p (id INT PRIMARY KEY); CREATE TABLE c (p INT REFERENCES p DEFERRABLE INITIALLY DEFERRED);";
            run(&mut session, dialect, tables, 1).await.unwrap();
            run(&mut session, dialect, "INSERT INTO c VALUES (1); INSERT INTO p VALUES (1);", 2)
                .await
                .unwrap();
            // pending trigger events would make this fail
            run(&mut session, dialect, "ALTER TABLE c ADD y INT", 3).await.unwrap();
            let failure = run(&mut session, dialect, "INSERT INTO c VALUES (2)", 4).await.unwrap_err();
            assert_eq!(failure.statement, None);
        });
    });
}

#[test]
fn an_unterminated_text_cannot_swallow_its_row() {
    each_database(|db| {
        block_on(async {
            let connect = connect(db);
            let mut session = session(&*connect).await;
            // the splitter would refuse this: here it is handed over as if it had passed
            let (script, row) = (Script::new("/* never closed", "m.sql"), row("m::1", "x", 1));
            let task = Task { script: &script, statements: &[], record: Record::Applied(&row), clock: None };
            assert!(session.run(&new_run("r"), &[task]).await[0].is_err() || db.is_mariadb());
            let _ = session.rollback().await;
        });
        assert_untouched(db);
    });
}

#[test]
fn several_migrations_at_once_stop_at_the_failing_one() {
    each_database(|db| {
        let own = table(db, "CREATE TABLE t (x INT)");
        block_on(async {
            let connect = connect(db);
            let mut session = session(&*connect).await;
            let with_own = format!("{own}INSERT INTO t VALUES (1)");
            let texts = [
                "SELECT 0",
                "SELECT 1; SELECT 2;",
                "CREATE TEMPORARY TABLE t (x INT)",
                with_own.as_str(),
                "INSERT INTO t VALUES (2); INSERT INTO nope VALUES (1)",
                "SELECT 3",
            ];
            let scripts: Vec<Script> = texts.iter().map(|text| Script::new(*text, "m.sql")).collect();
            let split = |text: &&str| db_migrations::sql::split(connect.dialect(), text).unwrap();
            let statements: Vec<_> = texts.iter().map(split).collect();
            let rows: Vec<_> = (1..).zip(&texts).map(|(n, text)| row(&format!("m::{n}"), text, n)).collect();
            let tasks: Vec<Task<'_>> = (0..texts.len())
                .map(|i| Task {
                    script: &scripts[i],
                    statements: &statements[i],
                    record: Record::Applied(&rows[i]),
                    clock: None,
                })
                .collect();
            let outcomes = session.run(&new_run("r"), &tasks).await;
            assert_eq!(outcomes.len(), 5, "{outcomes:?}");
            assert!(
                outcomes[..4].iter().all(|o| o.as_ref().is_ok_and(|ms| (0..60_000).contains(ms))),
                "{outcomes:?}"
            );
            assert_eq!(outcomes[4].as_ref().unwrap_err().statement, Some(1));
            session.rollback().await.unwrap();
        });
        assert_untouched(db);
    });
}
