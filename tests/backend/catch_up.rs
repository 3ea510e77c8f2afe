//! Data statements that run again: counted, with their settings, without a trace in the history; the release of a row.

use db_migrations::migration::Script;
use db_migrations::sql;

use crate::support::block_on;
use crate::support::database::each_database;
use crate::world::{connect, run, session, table};

#[test]
fn what_runs_again_is_counted_and_leaves_no_row() {
    each_database(|db| {
        let create = table(db, "CREATE TABLE a (x INT PRIMARY KEY, y INT)");
        block_on(async {
            let connect = connect(db);
            let dialect = connect.dialect();
            let mut session = session(&*connect).await;
            let text = format!("{create}INSERT INTO a VALUES (1, 1), (2, 2), (3, 2);");
            run(&mut session, dialect, &text, 1).await.unwrap();
            let text = "-- ä\nUPDATE a SET y = 3 WHERE y = 2;\nDELETE FROM a WHERE x = 1;\nUPDATE a SET y = 4 WHERE y = 5;";
            let statements = sql::split(dialect, text).unwrap();
            let rows = session.catch_up(&Script::new(text, "m.sql"), &statements).await.unwrap();
            assert_eq!(rows, 3);
            run(&mut session, dialect, "INSERT INTO a VALUES (4, 4)", 2).await.unwrap();
            let (_, guard) = session.commit().await.unwrap();
            let mut database = guard.free().await.unwrap();
            let history = database.history().await.unwrap();
            let ids: Vec<&str> = history.rows().iter().map(|row| row.id.as_str()).collect();
            assert_eq!(ids, ["m::1", "m::2"]);
            assert_eq!(history.release_of(&history.rows()[0]), Some("it's 1"));
            database.close().await;
        });
        assert_eq!(db.query("SELECT y FROM a ORDER BY x"), ["3", "3", "4"]);
    });
}

#[test]
fn one_that_fails_is_placed() {
    each_database(|db| {
        let create = table(db, "CREATE TABLE a (x INT PRIMARY KEY)");
        block_on(async {
            let connect = connect(db);
            let dialect = connect.dialect();
            let mut session = session(&*connect).await;
            run(&mut session, dialect, &format!("{create}INSERT INTO a VALUES (1)"), 1).await.unwrap();
            let text = "DELETE FROM a;\nUPDATE a SET x FORM 1;";
            let statements = sql::split(dialect, text).unwrap();
            let failure = session.catch_up(&Script::new(text, "m.sql"), &statements).await.unwrap_err();
            assert_eq!(failure.statement, Some(1), "{failure:?}");
            if !db.is_sqlite() {
                assert!(text[failure.offset.unwrap()..].starts_with("FORM"), "{failure:?}");
            }
            session.rollback().await.unwrap();
        });
    });
}

/// A table with a trigger that is still to fire cannot be altered.
#[test]
fn what_is_deferred_fires_before_the_next_step() {
    each_database(|db| {
        if !db.is_postgres() {
            return;
        }
        block_on(async {
            let connect = connect(db);
            let dialect = connect.dialect();
            let mut session = session(&*connect).await;
            let text = "CREATE TABLE a (x INT PRIMARY KEY); INSERT INTO a VALUES (1);\n\
                        CREATE TABLE b (x INT REFERENCES a DEFERRABLE INITIALLY DEFERRED, y INT); INSERT INTO b VALUES (1, 1);";
            run(&mut session, dialect, text, 1).await.unwrap();
            let text = "UPDATE b SET x = 2;\nUPDATE b SET x = 1;";
            let mut script = Script::new(text, "m.sql");
            script.session.insert("work_mem".to_owned(), "1MB".to_owned());
            let statements = sql::split(dialect, text).unwrap();
            assert_eq!(session.catch_up(&script, &statements).await.unwrap(), 2);
            run(&mut session, dialect, "ALTER TABLE b DROP COLUMN x", 2).await.unwrap();
            session.commit().await.unwrap();
        });
    });
}
