//! Runs that only change rows are all-or-nothing, unless the engine of a table cannot take rows back.

use crate::common::{contents, project};
use crate::support::database::Db;

const ONE: (&str, &str) = ("20240101000000_one", "INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);\n");
const TWO: (&str, &str) = ("20240102000000_two", "UPDATE t SET x = x + 10;\n");

fn with_table(engine: &str) -> Option<Db> {
    let db = Db::mariadb()?;
    db.execute(&format!("CREATE TABLE t (x INT PRIMARY KEY) ENGINE={engine}"));
    Some(db)
}

#[test]
fn all_of_it_stays() {
    let Some(db) = with_table("InnoDB") else { return };
    let project = project(&[ONE, TWO]);
    project.run(&db, &["plan"]).ok().says("group 1: one transaction\n").does_not_say("allow-split");
    project.run(&db, &["migrate"]).ok().says("2 migrations committed");
    assert_eq!(db.query("SELECT x FROM t ORDER BY x"), ["11", "12"]);
    assert_eq!(db.query("SELECT id FROM db_migrations ORDER BY position").len(), 2);
    assert_eq!(db.count("SELECT COUNT(DISTINCT run) FROM db_migrations"), 1);
}

#[test]
fn or_nothing_does() {
    let Some(db) = with_table("InnoDB") else { return };
    let before = contents(db.url());
    for bad in
        ["INSERT INTO t VALUES (11)", "INSERT INTO nope VALUES (1)", "SIGNAL SQLSTATE '45000'", "SELECT FROM"]
    {
        let project =
            project(&[ONE, TWO, ("20240103000000_bad", &format!("DELETE FROM t WHERE x = 12;\n{bad};\n"))]);
        let output = project.run(&db, &["migrate"]).exits(3).says("everything was rolled back");
        output.says("statement 2 of 2").says("20240103000000_bad.sql:2:");
        assert_eq!(contents(db.url()), before, "{bad}");
        assert_eq!(db.count("SELECT COUNT(*) FROM db_migrations"), 0);
        assert_eq!(db.count("SELECT COUNT(*) FROM db_migrations_run"), 0);
    }
}

#[test]
fn a_check_that_fails_rolls_it_back() {
    let Some(db) = with_table("InnoDB") else { return };
    let project = project(&[ONE]).file("checks/few.sql", "SELECT x FROM t WHERE x > 1\n");
    project.run(&db, &["migrate"]).exits(3).says("returned 1 row").says("everything was rolled back");
    assert_eq!(db.count("SELECT COUNT(*) FROM t"), 0);
}

#[test]
fn no_transaction_runs_it_statement_by_statement() {
    let Some(db) = with_table("InnoDB") else { return };
    let text = "-- db-migrations: no-transaction\nINSERT INTO t VALUES (1);\n";
    let project = project(&[("20240101000000_one", text)]);
    project.run(&db, &["plan"]).ok().says("asks for `no-transaction`").does_not_say("--allow-split");
    project.run(&db, &["migrate"]).ok();
    assert_eq!(db.count("SELECT COUNT(*) FROM t"), 1);
}

#[test]
fn what_an_engine_cannot_take_back_is_named_and_not_called_rolled_back() {
    let Some(db) = with_table("MyISAM") else { return };
    let project =
        project(&[ONE, ("20240102000000_bad", "INSERT INTO t VALUES (3);\nINSERT INTO t VALUES (3);\n")]);
    let plan = project.run(&db, &["plan"]).ok().says("`t`").says("MyISAM cannot take back");
    plan.says("statement by statement").says("ENGINE = InnoDB");
    let output = project.run(&db, &["migrate"]).exits(4).does_not_say("rolled back");
    output.says("whose engine cannot take them back").says("repair --mark-done");
    assert_eq!(db.query("SELECT x FROM t ORDER BY x"), ["1", "2", "3"]);
    assert_eq!(db.query("SELECT id FROM db_migrations"), ["app::20240101000000_one"]);
}

#[test]
fn a_table_that_the_run_makes_with_such_an_engine_is_named() {
    let Some(db) = Db::mariadb() else { return };
    let text =
        "CREATE TABLE t (x INT) ENGINE = Aria;\nINSERT INTO t VALUES (1);\nALTER TABLE t ENGINE = InnoDB;\n";
    let project =
        project(&[("20240101000000_one", text), ("20240102000000_two", "INSERT INTO t VALUES (2)")]);
    let plan = project.run(&db, &["plan"]).ok();
    assert!(!plan.stderr.contains("two` changes rows"), "{plan}");
    project.run(&db, &["migrate"]).ok();
}
