//! `--compensate`: down scripts of whole migrations, in reverse, and what is said of it.

use crate::common::{bare, contents};
use crate::support::database::Db;
use crate::support::project::Project;

fn with_downs(bad: &str) -> Project {
    bare()
        .file("migrations/1_a.up.sql", "CREATE TABLE a (x INT);\nINSERT INTO a VALUES (1);\n")
        .file("migrations/1_a.down.sql", "DROP TABLE a;\n")
        .file("migrations/2_b.up.sql", "CREATE TABLE b (x INT);\nALTER TABLE a ADD y INT;\n")
        .file("migrations/2_b.down.sql", "ALTER TABLE a DROP y;\nDROP TABLE b;\n")
        .file("migrations/3_c.up.sql", bad)
        .file("migrations/3_c.down.sql", "SELECT 1;\n")
}

#[test]
fn whole_migrations_are_undone_in_reverse() {
    let Some(db) = Db::mariadb() else { return };
    db.execute("CREATE TABLE old (x INT)");
    let before = contents(db.url());
    let project = with_downs("INSERT INTO nope VALUES (1);\n");
    let output =
        project.run(&db, &["migrate", "--compensate"]).exits(3).says("2 of this run's 2 whole migrations");
    let output = output
        .says("rolled back: the schema is the one before the run")
        .says("only tables that are gone again got rows");
    let (b, a) =
        (output.stderr.find("undone app::2_b").unwrap(), output.stderr.find("undone app::1_a").unwrap());
    assert!(b < a, "{output}");
    assert_eq!(contents(db.url()), before);
    assert_eq!(db.count("SELECT COUNT(*) FROM db_migrations"), 0);
    assert_eq!(db.count("SELECT COUNT(*) FROM db_migrations_step"), 0);
}

#[test]
fn the_half_applied_one_is_left_and_nothing_is_called_rolled_back() {
    let Some(db) = Db::mariadb() else { return };
    let project = with_downs("CREATE TABLE c (x INT);\nINSERT INTO nope VALUES (1);\n");
    let output = project.run(&db, &["migrate", "--compensate"]).exits(4).does_not_say("rolled back");
    output.says("`app::3_c` is half-applied, and was left as it is").says("not the one before the run");
    assert_eq!(db.query("SHOW TABLES LIKE '_'"), ["c"]);
    assert_eq!(db.count("SELECT COUNT(*) FROM db_migrations"), 0);
    project.run(&db, &["status"]).ok().says("partial (1/2)");
    project.write("migrations/3_c.up.sql", "CREATE TABLE c (x INT);\n");
    project.run(&db, &["migrate"]).ok();
}

#[test]
fn it_stops_where_a_down_script_is_missing_or_fails() {
    let Some(db) = Db::mariadb() else { return };
    let project = with_downs("INSERT INTO nope VALUES (1);\n");
    project.remove("migrations/1_a.down.sql");
    let output =
        project.run(&db, &["migrate", "--compensate"]).exits(4).says("`app::1_a` has no down script");
    output.says("1 of this run's 2").does_not_say("rolled back");
    assert_eq!(db.query("SELECT id FROM db_migrations"), ["app::1_a"]);

    let db = db.another();
    let project = with_downs("INSERT INTO nope VALUES (1);\n");
    project.write("migrations/2_b.down.sql", "ALTER TABLE a DROP y;\nDROP TABLE b, nope;\n");
    let output = project.run(&db, &["migrate", "--compensate"]).exits(4);
    let output = output.says("the down script of `app::2_b` failed").says("statement 2 of 2");
    output.does_not_say("rolled back");
    let status = project.run(&db, &["status"]).ok().says("its down script stopped after 1 statement");
    status.says("repair --mark-done app::2_b");
    project.run(&db, &["migrate"]).exits(7).says("the down script of `app::2_b` stopped half-way");
    project.run(&db, &["repair", "--mark-done", "app::2_b", "--yes"]).ok();
    assert_eq!(db.query("SELECT id FROM db_migrations"), ["app::1_a"]);
}

#[test]
fn drift_after_the_run_is_compensated_too() {
    let Some(db) = Db::mariadb() else { return };
    let project = with_downs("SELECT 1;\n").file("checks/none.sql", "SELECT x FROM a\n");
    let before = contents(db.url());
    project
        .run(&db, &["migrate", "--compensate"])
        .exits(3)
        .says("returned 1 row")
        .says("rolled back: the schema");
    assert_eq!(contents(db.url()), before);
}

#[test]
fn a_run_that_only_checks_again_says_that_nothing_ran() {
    let Some(db) = Db::mariadb() else { return };
    let project = with_downs("SELECT 1;\n").file("checks/none.sql", "SELECT x FROM a\n");
    project.run(&db, &["migrate"]).exits(4);
    project.run(&db, &["migrate"]).exits(3).says("nothing ran").does_not_say("everything was rolled back");
}

#[test]
fn a_setting_that_takes_the_transactions_away_is_refused() {
    let Some(db) = Db::mariadb() else { return };
    let project = bare().file("migrations/1_a.sql", "-- db-migrations: session autocommit = 0\nSELECT 1;\n");
    project.run(&db, &["lock"]).ok();
    project.run(&db, &["migrate"]).exits(7).says("`autocommit`").says("migrations/1_a.sql");
}

#[test]
fn rows_of_older_tables_are_not_called_rolled_back() {
    let Some(db) = Db::mariadb() else { return };
    db.execute("CREATE TABLE keep (v INT); INSERT INTO keep VALUES (1)");
    let project = with_downs("INSERT INTO nope VALUES (1);\n");
    project.write("migrations/1_a.up.sql", "CREATE TABLE a (x INT);\nUPDATE keep SET v = 99;\n");
    let output = project.run(&db, &["migrate", "--compensate"]).exits(4).does_not_say("rolled back");
    output.says("statement 2 of `app::1_a` may have changed").does_not_say("committed before, and stayed");
}

#[test]
fn rows_that_go_by_other_ways_are_not_called_rolled_back() {
    let Some(db) = Db::mariadb() else { return };
    for (up, down, place) in [
        ("TRUNCATE keep;", "SELECT 1;", "statement 1 of `app::1_a`"),
        ("DROP TABLE keep;", "CREATE TABLE keep (v INT);", "statement 1 of `app::1_a`"),
        ("CREATE TABLE n (a INT); CALL add_row();", "DROP TABLE n;", "statement 2 of `app::1_a`"),
        ("CREATE TABLE n AS SELECT empty_it() AS a;", "DROP TABLE n;", "statement 1 of `app::1_a`"),
        (
            "CREATE TABLE n (a INT);",
            "DROP TABLE n; DELETE FROM keep;",
            "statement 2 of the down script of `app::1_a`",
        ),
    ] {
        let db = db.another();
        db.execute("CREATE TABLE keep (v INT); INSERT INTO keep VALUES (1)");
        db.execute("CREATE PROCEDURE add_row() INSERT INTO keep VALUES (2)");
        db.execute("CREATE FUNCTION empty_it() RETURNS INT BEGIN DELETE FROM keep; RETURN 1; END");
        let project = bare()
            .file("migrations/1_a.up.sql", up)
            .file("migrations/1_a.down.sql", down)
            .file("migrations/2_b.sql", "INSERT INTO nope VALUES (1);\n");
        project.run(&db, &["lock"]).ok();
        let run = project.run(&db, &["migrate", "--rehearsal", "off", "--compensate"]).exits(4);
        run.says(place).does_not_say("rolled back");
    }
}
