//! A transaction: migration and row together, failures located, nothing leaking, no way out of it.

use db_migrations::database::{DatabaseError, Task};
use db_migrations::history::RowKind;
use db_migrations::migration::Script;

use crate::support::block_on;
use crate::support::database::each_database;
use crate::world::{connect, new_run, row, run, session};

#[test]
fn a_commit_keeps_migrations_with_their_rows() {
    each_database(|db| {
        block_on(async {
            let connect = connect(db);
            let mut session = session(&*connect).await;
            let dialect = connect.dialect();
            run(&mut session, dialect, "CREATE TABLE a (x INT);\nINSERT INTO a VALUES (1), (2);\n-- end", 1)
                .await
                .unwrap();
            run(&mut session, dialect, "", 2).await.unwrap();
            run(&mut session, dialect, "/* only a comment */ -- nothing", 3).await.unwrap();
            session.record(&new_run("r"), &[crate::world::row("m::quote's", "x", 4)]).await.unwrap();
            session.verdict(&new_run("r"), "it's fine").await.unwrap();
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
        assert_eq!(db.query("SELECT \"user\" FROM db_migrations_run"), ["o'brien\\"]);
    });
}

#[test]
fn a_rollback_leaves_nothing_not_even_our_tables() {
    each_database(|db| {
        block_on(async {
            let connect = connect(db);
            let mut session = session(&*connect).await;
            run(&mut session, connect.dialect(), "CREATE TABLE a (x INT)", 1).await.unwrap();
            session.rollback().await.unwrap().free().await.unwrap().close().await;
        });
        assert!(db.is_empty());
    });
}

#[test]
fn the_failing_statement_is_known() {
    each_database(|db| {
        block_on(async {
            let connect = connect(db);
            let mut session = session(&*connect).await;
            let text = "CREATE TABLE a (x INT PRIMARY KEY);\n-- ä\nINSERT INTO a VALUES (1);\nSELECT * FROM a;\nINSERT INTO a VALUES (1);\nSELECT 1";
            let failure = run(&mut session, connect.dialect(), text, 1).await.unwrap_err();
            assert_eq!(failure.statement, Some(3), "{failure:?}");
            assert!(!failure.escaped);
            assert!(matches!(&failure.error, DatabaseError::Sql(error) if !error.message.is_empty()));
            session.rollback().await.unwrap();
        });
        assert!(db.is_empty());
    });
}

#[test]
fn a_syntax_error_is_placed() {
    each_database(|db| {
        block_on(async {
            let connect = connect(db);
            let mut session = session(&*connect).await;
            let text = "CREATE TABLE a (x INT);\nSELECT 'ä' FORM a;\nSELECT 1";
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
            "CREATE TABLE b (x INT); COMMIT; CREATE TABLE c (x INT)",
            "CREATE TABLE b (x INT); COMMIT; BEGIN; CREATE TABLE c (x INT)",
            "CREATE TABLE b (x INT); ROLLBACK; CREATE TABLE c (x INT)",
            "CREATE TABLE b (x INT); ROLLBACK; BEGIN; CREATE TABLE c (x INT)",
        ] {
            let db = db.another();
            let failure = block_on(async {
                let connect = connect(&db);
                let mut session = session(&*connect).await;
                let failure = run(&mut session, connect.dialect(), text, 1).await.expect_err(text);
                let _ = session.rollback().await;
                failure
            });
            let stayed = !db.is_empty();
            assert!(failure.escaped || !stayed, "{text}: something stayed, and it was not said");
            if db.is_sqlite() {
                assert!(!stayed, "{text}");
            }
        }
    });
}

#[test]
fn session_state_does_not_reach_the_next_migration() {
    each_database(|db| {
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
            session.rollback().await.unwrap().free().await.unwrap().close().await;
        });
        assert!(db.is_empty());
    });
}

#[test]
fn deferred_constraints_are_checked_after_each_migration() {
    each_database(|db| {
        if db.is_sqlite() {
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
            let task = Task { script: &script, statements: &[], row: &row };
            assert!(session.run(&new_run("r"), &[task]).await[0].is_err());
            let _ = session.rollback().await;
        });
        assert!(db.is_empty());
    });
}

#[test]
fn several_migrations_at_once_stop_at_the_failing_one() {
    each_database(|db| {
        block_on(async {
            let connect = connect(db);
            let mut session = session(&*connect).await;
            let texts = [
                "CREATE TABLE a (x INT)",
                "SELECT 1; SELECT 2;",
                "CREATE TEMPORARY TABLE t (x INT)",
                "CREATE TABLE t (x INT); INSERT INTO t VALUES (1)",
                "INSERT INTO t VALUES (2); INSERT INTO nope VALUES (1)",
                "CREATE TABLE never (x INT)",
            ];
            let scripts: Vec<Script> = texts.iter().map(|text| Script::new(*text, "m.sql")).collect();
            let split = |text: &&str| db_migrations::sql::split(connect.dialect(), text).unwrap();
            let statements: Vec<_> = texts.iter().map(split).collect();
            let rows: Vec<_> = (1..).zip(&texts).map(|(n, text)| row(&format!("m::{n}"), text, n)).collect();
            let tasks: Vec<Task<'_>> = (0..texts.len())
                .map(|i| Task { script: &scripts[i], statements: &statements[i], row: &rows[i] })
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
        assert!(db.is_empty());
    });
}
