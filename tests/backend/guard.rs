//! Looking changes nothing; the guard excludes, is seen, and is freed.

use db_migrations::database::{Attempt, Begin, Keep, Record, Task};
use db_migrations::migration::Script;
use db_migrations::plan::prefix_hash;
use db_migrations::sql;

use crate::support::block_on;
use crate::support::database::each_database;
use crate::world::{connect, guard, new_run, row};

#[test]
fn looking_creates_nothing() {
    each_database(|db| {
        block_on(async {
            let connect = connect(db);
            let mut database = connect.connect().await.unwrap();
            assert_eq!(database.history().await.unwrap().layout, None);
            assert!(database.introspect().await.unwrap().is_empty());
            assert!(database.strangers().await.unwrap().is_empty());
            assert!(database.holder().await.unwrap().is_none());
            assert_eq!(database.query("SELECT 1, 'x'").await.unwrap(), ["1, x"]);
            database.close().await;
        });
        assert!(db.is_empty());
    });
}

#[test]
fn the_guard_excludes_is_seen_and_is_freed() {
    each_database(|db| {
        block_on(async {
            let connect = connect(db);
            let held = guard(&*connect).await;
            let mut other = match connect.connect().await.unwrap().guard().await.unwrap() {
                Attempt::Busy(other, holder) => {
                    assert!(holder.is_some_and(|holder| holder.remedy.is_some()));
                    other
                }
                Attempt::Held(_) => panic!("two guards at once"),
            };
            assert!(other.holder().await.unwrap().is_some());
            held.free().await.unwrap().close().await;
            let Attempt::Held(again) = other.guard().await.unwrap() else { panic!("not freed") };
            drop(again); // a dropped guard is freed, too
            for _ in 0..100 {
                if let Attempt::Held(_) = connect.connect().await.unwrap().guard().await.unwrap() {
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            panic!("the dropped guard is still held");
        });
    });
}

#[test]
fn a_kept_guard_outlives_its_transaction() {
    each_database(|db| {
        block_on(async {
            let connect = connect(db);
            let begin = Begin { foreign_keys: None, keep_guard: Keep::Wanted };
            let session = guard(&*connect).await.begin(begin).await.unwrap();
            let (_, held) = session.commit().await.unwrap();
            let second = connect.connect().await.unwrap().guard().await.unwrap();
            assert!(matches!(second, Attempt::Busy(..)), "the guard went with the transaction");
            held.free().await.unwrap().close().await;
            assert!(matches!(connect.connect().await.unwrap().guard().await.unwrap(), Attempt::Held(_)));
        });
    });
}

#[test]
fn statements_outside_of_a_transaction_are_remembered_and_resumed() {
    each_database(|db| {
        block_on(async {
            let connect = connect(db);
            let dialect = connect.dialect();
            let bad = "CREATE TABLE a (x INT);\nCREATE TABLE b (x INT);\nINSERT INTO nope VALUES (1);\n";
            let good = bad.replace("nope", "b");
            let mut held = guard(&*connect).await;
            let (run, row) = (new_run("r"), row("m::1", &good, 1));
            let (script, statements) = (Script::new(bad, "m.sql"), sql::split(dialect, bad).unwrap());
            let task =
                Task { script: &script, statements: &statements, record: Record::Applied(&row), clock: None };
            let failure = held.run_alone(&run, task, None, None).await.unwrap_err();
            assert_eq!(failure.statement, Some(2));
            let history = held.history().await.unwrap();
            assert_eq!(history.partial.len(), 1);
            let partial = history.partial.into_iter().next().unwrap();
            assert_eq!(partial.finished, 2);
            assert_eq!(failure.kept, 2);
            assert_eq!(partial.prefix, Some(prefix_hash(&script, &statements, 1)));
            let (script, statements) =
                (Script::new(good.as_str(), "m.sql"), sql::split(dialect, &good).unwrap());
            let task =
                Task { script: &script, statements: &statements, record: Record::Applied(&row), clock: None };
            held.run_alone(&run, task, Some(&partial), None).await.unwrap();
            let history = held.history().await.unwrap();
            assert!(history.partial.is_empty());
            assert!(history.contains(&row.id));
            held.free().await.unwrap().close().await;
        });
        assert_eq!(db.query("SELECT count(*) FROM b"), ["1"]);
    });
}

#[test]
fn scratch_databases_are_dropped_and_old_leftovers_swept() {
    each_database(|db| {
        if db.is_sqlite() {
            return; // they are in memory
        }
        let leftover = format!("db_migrations_scratch_1000000000_{}", crate::support::random());
        db.execute(&format!("CREATE DATABASE {leftover}"));
        let count = |pattern: &str| {
            db.count(&if db.is_mariadb() {
                format!("SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE '{pattern}'")
            } else {
                format!("SELECT count(*) FROM pg_database WHERE datname LIKE '{pattern}'")
            })
        };
        let current = if db.is_mariadb() { "SELECT DATABASE()" } else { "SELECT current_database()" };
        assert_eq!(count(&leftover), 1);
        let mine = block_on(async {
            let scratch = connect(db).scratch().await.unwrap();
            let mut database = scratch.database;
            let name = database.query(current).await.unwrap().remove(0);
            assert!(database.introspect().await.unwrap().is_empty());
            database.close().await;
            scratch.discard.await;
            name
        });
        assert!(mine.starts_with("db_migrations_scratch_"), "{mine}");
        assert_eq!((count(&mine), count(&leftover)), (0, 0));
    });
}
