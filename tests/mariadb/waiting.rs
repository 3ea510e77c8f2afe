//! Other connections: a killed client's statement that goes on, a table that somebody uses, many runs at
//! once, and a guard that is held.

use std::time::Duration;

use crate::common::{contents, project};
use crate::corpus::corpus;
use crate::support::database::Db;
use crate::support::mariadb;
use crate::support::project::Project;

/// The id of the connection that runs a statement with this text in it.
fn connection(db: &Db, text: &str) -> Option<String> {
    db.query(&format!(
        "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID <> CONNECTION_ID() AND INFO LIKE '%{text}%'"
    ))
    .pop()
}

/// A slow migration without a schema check, since a replay would be slow, too.
fn unchecked(text: &str) -> Project {
    let project = project(&[("20240101000000_slow", text)]);
    project
        .write("db-migrations.yml", "cargo: off\npolicy: { rehearsal: off }\nschema-check: { mode: off }\n");
    project
}

fn until<T>(mut condition: impl FnMut() -> Option<T>) -> T {
    for _ in 0..3000 {
        if let Some(found) = condition() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("it never came so far");
}

#[test]
fn a_killed_clients_statement_is_waited_for_and_named() {
    let Some(db) = Db::mariadb() else { return };
    let project = unchecked(
        "CREATE TABLE slow AS SELECT COUNT(*) AS x FROM seq_1_to_24000 a, seq_1_to_10000 b WHERE a.seq * b.seq = 7;\nCREATE TABLE next_one (x INT);\n",
    );
    let run = project.spawn(&db, &["migrate"]);
    let id = until(|| connection(&db, "seq_1_to_24000"));
    run.kill();
    assert!(connection(&db, "seq_1_to_24000").is_some(), "it goes on at the server");
    let output = project.run(&db, &["migrate"]).ok().says(&format!("connection {id} of user root"));
    let output = output.says("it runs: CREATE TABLE slow").says(&format!("KILL {id};"));
    output.says("1 migration committed");
    assert_eq!(db.count("SELECT COUNT(*) FROM slow"), 1);
    assert_eq!(db.query("SELECT id FROM db_migrations"), ["app::20240101000000_slow"]);
}

#[test]
fn the_limit_of_the_guard_ends_with_5() {
    let Some(db) = Db::mariadb() else { return };
    let slow = unchecked("CREATE TABLE slow AS SELECT SLEEP(600) AS x;\n");
    let run = slow.spawn(&db, &["migrate"]);
    let id = until(|| connection(&db, "SLEEP(600)"));
    slow.run(&db, &["status"]).ok().says(&format!("guard: held by connection {id}"));
    let output = slow.run(&db, &["migrate", "--guard-wait", "1"]).exits(5);
    output.says("it runs: CREATE TABLE slow").says(&format!("to end it: `KILL {id};`"));
    db.execute(&format!("KILL {id}"));
    let output = run.wait();
    assert!([3, 4].contains(&output.code), "{output}");
    output.does_not_say("rolled back");
}

#[test]
fn a_table_that_somebody_uses_is_not_waited_for_all_day() {
    let Some(db) = Db::mariadb() else { return };
    db.execute("CREATE TABLE t (x INT)");
    let project = project(&[("20240101000000_alter", "ALTER TABLE t ADD y INT;\n")]);
    project.write(
        "db-migrations.yml",
        "cargo: off\npolicy: { rehearsal: off }\ndatabase: { lock-timeout: 1, lock-retries: 0 }\n",
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut other = runtime.block_on(mariadb::connect(db.url())).unwrap();
    runtime.block_on(async {
        sqlx::raw_sql("START TRANSACTION; INSERT INTO t VALUES (1)").execute(&mut other).await.unwrap();
    });
    let output =
        project.run(&db, &["migrate"]).exits(3).says("Lock wait timeout").says("database.lock-timeout");
    output.says("open transactions: connection").says("KILL").says("nothing of this run stayed");
    drop(other);
    until(|| {
        (db.count("SELECT COUNT(*) FROM information_schema.INNODB_TRX t JOIN information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id WHERE p.DB = DATABASE()") == 0).then_some(())
    });
    project.run(&db, &["migrate"]).ok();
}

#[test]
fn twenty_at_once_apply_each_once() {
    let Some(db) = Db::mariadb() else { return };
    let expected = {
        let (other, project) = (db.another(), corpus());
        project.run(&other, &["migrate"]).ok();
        contents(other.url())
    };
    let project = corpus();
    project.run(&db, &["lock"]);
    project.run_at(db.another().url(), &["schema", "snapshot"]).ok();
    let runs: Vec<_> = (0..20).map(|_| project.spawn(&db, &["migrate", "--locked"])).collect();
    let outputs: Vec<_> = runs.into_iter().map(|run| run.wait().ok()).collect();
    let applied: usize = outputs.iter().map(|output| output.stdout.matches("applied app::").count()).sum();
    assert_eq!(applied, 10, "each once");
    assert_eq!(db.count("SELECT COUNT(*) FROM db_migrations"), 10);
    assert_eq!(db.count("SELECT COUNT(*) FROM db_migrations_run"), 1);
    assert_eq!(contents(db.url()), expected);
}
