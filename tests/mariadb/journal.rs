//! The journal: what was cut off, what cannot be decided, and what a person tells it.

use std::time::Duration;

use crate::common::{contents, file, project};
use crate::support::database::Db;
use crate::support::project::Project;

const NAME: &str = "20240101000000_one";
const ID: &str = "app::20240101000000_one";

fn one(text: &str) -> Project {
    project(&[(NAME, text)])
}

/// Runs until the statement with this text is at work, then kills our process and that statement.
fn cut_off(project: &Project, db: &Db, text: &str) {
    let run = project.spawn(db, &["migrate"]);
    let find = format!(
        "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID <> CONNECTION_ID() AND INFO LIKE '%{text}%'"
    );
    let id = (0..3000)
        .find_map(|_| {
            std::thread::sleep(Duration::from_millis(20));
            db.query(&find).pop()
        })
        .unwrap();
    run.kill();
    db.execute(&format!("KILL {id}"));
    while !db.query(&find).is_empty() {
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_statement_that_was_cut_off_is_decided_by_the_schema() {
    let Some(db) = Db::mariadb() else { return };
    let project =
        one("CREATE TABLE a (x INT);\nCREATE TABLE b AS SELECT SLEEP(600) AS x;\nCREATE TABLE c (x INT);\n");
    cut_off(&project, &db, "SLEEP(600)");
    let status = project.run(&db, &["status"]).ok().says("partial (1/3)");
    status.says("stopped after 1 statement; statement 2 was begun, and its end is not known");
    // the same statement, quicker; its text is another one, so a person has to say what happened
    project.write(
        &file(NAME),
        "CREATE TABLE a (x INT);\nCREATE TABLE b AS SELECT 1 AS x;\nCREATE TABLE c (x INT);\n",
    );
    project.run(&db, &["migrate"]).exits(7).says("statement 2").says("was cut off, and was edited since");
    db.execute("DROP TABLE a");
    project.run(&db, &["repair", "--restart", ID, "--yes"]).ok().says("will run from its beginning");
    project.run(&db, &["migrate"]).ok();
    assert_eq!(db.query("SHOW TABLES LIKE '_'"), ["a", "b", "c"]);
}

#[test]
fn what_no_definition_tells_is_asked_of_a_person() {
    let Some(db) = Db::mariadb() else { return };
    db.execute("CREATE PROCEDURE p() BEGIN CREATE TABLE made (x INT); DO SLEEP(600); END");
    let project = one("CREATE TABLE a (x INT);\nCALL p();\nCREATE TABLE b (x INT);\n");
    cut_off(&project, &db, "SLEEP(600)");
    let before = db.dump();
    let output = project.run(&db, &["migrate"]).exits(7).says("no definition tells whether it has happened");
    output.says(&format!("repair --mark-done {ID}")).says(&format!("{}:2:", file(NAME)));
    assert_eq!(db.dump(), before);
    db.execute("CREATE TABLE b (x INT)");
    project.run(&db, &["repair", "--mark-done", ID, "--yes"]).ok().says("is marked as done");
    assert_eq!(db.query("SELECT kind FROM db_migrations"), ["marked"]);
    project.run(&db, &["migrate"]).ok().does_not_say("applied");
    project.run(&db, &["status"]).ok().says("applied (marked)");
}

#[test]
fn a_call_that_only_changes_rows_is_undone_with_its_row() {
    let Some(db) = Db::mariadb() else { return };
    db.execute("CREATE TABLE t (x INT); CREATE TABLE wait_for (x INT); INSERT INTO wait_for VALUES (600);
        CREATE PROCEDURE p() BEGIN INSERT INTO t VALUES (1); DO (SELECT SLEEP(x) FROM wait_for); INSERT INTO t VALUES (2); END");
    let project = one("CREATE TABLE a (x INT);\nCALL p();\n");
    cut_off(&project, &db, "SLEEP(x)");
    assert_eq!(db.count("SELECT COUNT(*) FROM t"), 0);
    db.execute("UPDATE wait_for SET x = 0");
    project.run(&db, &["migrate"]).ok();
    assert_eq!(db.query("SELECT x FROM t ORDER BY x"), ["1", "2"]);
}

#[test]
fn a_drop_of_several_that_was_cut_off_between_them_is_completed() {
    let Some(db) = Db::mariadb() else { return };
    db.execute("CREATE TABLE a (x INT); CREATE TABLE b (x INT)");
    let text = "CREATE TABLE c (x INT);\nDROP TABLE a, b;\nCREATE TABLE d (x INT);\n";
    let project = one(text);
    // our tables, and the row that a run would have left
    project.write(&file(NAME), "CREATE TABLE c (x INT);\nDROP TABLE a, nope;\n");
    project.run(&db, &["migrate"]).exits(4).says("left a part of its changes");
    assert_eq!(db.query("SHOW TABLES LIKE '_'"), ["b", "c"]);
    let hash = crate::support::sha256("CREATE TABLE c (x INT);\nDROP TABLE a, b");
    db.execute(&format!("UPDATE db_migrations_step SET error = NULL, prefix_hash = '{hash}' WHERE n = 1"));
    project.write(&file(NAME), text);
    project.run(&db, &["migrate"]).ok();
    assert_eq!(db.query("SHOW TABLES LIKE '_'"), ["c", "d"]);
}

#[test]
fn what_is_gone_with_the_session_is_not_guessed() {
    let Some(db) = Db::mariadb() else { return };
    let text = "CREATE TABLE p (id INT AUTO_INCREMENT PRIMARY KEY);\nINSERT INTO p VALUES ();\nSET @id = LAST_INSERT_ID();\n\
         CREATE TABLE c (p INT);\nINSERT INTO nope VALUES (1);\nINSERT INTO c VALUES (@id);\n";
    let project = one(text);
    project.run(&db, &["migrate"]).exits(4).says("statement 5 of 6");
    project.write(&file(NAME), text.replace("INSERT INTO nope VALUES (1);\n", ""));
    let output = project.run(&db, &["migrate"]).exits(7).says("`@id`, which is gone with its session");
    output.says(":3:").says(":5:").says("repair --mark-done");
    db.execute("INSERT INTO c VALUES (1)");
    project.run(&db, &["repair", "--mark-done", ID, "--yes"]).ok();
    project.run(&db, &["migrate"]).ok();
}

#[test]
fn settings_are_made_again_where_they_can_be() {
    let Some(db) = Db::mariadb() else { return };
    let text = "SET @who = 'ann', foreign_key_checks = 0;\nCREATE TABLE t (who TEXT, checked INT);\nINSERT INTO nope VALUES (1);\n\
         INSERT INTO t VALUES (@who, @@foreign_key_checks);\n";
    let project = one(text);
    project.run(&db, &["migrate"]).exits(4);
    project.write(&file(NAME), text.replace("INSERT INTO nope VALUES (1);\n", ""));
    project.run(&db, &["migrate"]).ok();
    assert_eq!(db.query("SELECT CONCAT(who, checked) FROM t"), ["ann0"]);
}

#[test]
fn repair_says_what_there_is_and_refuses_what_is_not() {
    let Some(db) = Db::mariadb() else { return };
    let project = one("CREATE TABLE a (x INT);\nINSERT INTO nope VALUES (1);\n");
    project.run(&db, &["repair"]).ok().says("nothing to repair");
    project.run(&db, &["migrate"]).exits(4);
    let list =
        project.run(&db, &["repair"]).exits(1).says("stopped after 1 statement; statement 2 failed: Table");
    list.says(&format!("--mark-done {ID}")).says(&format!("--restart {ID}"));
    let json = project.run(&db, &["repair", "--format", "json"]).exits(1).json();
    assert_eq!(json["half_applied"][0]["finished"], 1);
    project.run(&db, &["repair", "--mark-done", ID]).exits(2).says("--yes");
    project
        .run(&db, &["repair", "--mark-done", "app::20240101000000_on", "--yes"])
        .exits(7)
        .says("did you mean");
    let before = contents(db.url());
    project.run(&db, &["repair", "--mark-done", ID, "--yes"]).ok();
    assert_eq!(contents(db.url()), before, "nothing of it ran");
    project.run(&db, &["repair", "--restart", ID, "--yes"]).exits(7).says("it has run");
}

#[test]
fn a_procedure_with_ddl_runs_where_it_stands() {
    let Some(db) = Db::mariadb() else { return };
    let text = "DELIMITER $$\nCREATE PROCEDURE add_it() BEGIN\n  IF NOT EXISTS (SELECT * FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND COLUMN_NAME = 'y')\n\
         THEN ALTER TABLE a ADD y INT; END IF;\nEND$$\nDELIMITER ;\nCREATE TABLE a (x INT);\nCALL add_it();\nDROP PROCEDURE add_it;\n\
         SET @s = 'CREATE TABLE b (x INT)';\nPREPARE s FROM @s;\nEXECUTE s;\nDEALLOCATE PREPARE s;\n";
    let project = one(text);
    project.run(&db, &["migrate"]).ok().says("schema check: passed");
    assert!(db.dump_schema().contains("`y`"));
    assert_eq!(db.query("SHOW TABLES LIKE '_'"), ["a", "b"]);
}

#[test]
fn a_swap_of_equal_tables_is_not_done_twice() {
    let Some(db) = Db::mariadb() else { return };
    db.execute("CREATE TABLE live (x INT); INSERT INTO live VALUES (1); CREATE TABLE nxt (x INT); INSERT INTO nxt VALUES (2)");
    let project = one(
        "CREATE TABLE before_it (x INT);\nRENAME TABLE live TO tmp, nxt TO live, tmp TO nxt;\nDROP TABLE nxt;\n",
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut other = runtime.block_on(crate::support::mariadb::connect(db.url())).unwrap();
    runtime.block_on(async {
        sqlx::raw_sql("START TRANSACTION; SELECT * FROM nxt").execute(&mut other).await.unwrap();
    });
    cut_off(&project, &db, "RENAME TABLE live");
    drop(other);
    project.run(&db, &["migrate"]).exits(7).says("no definition tells whether it has happened");
    assert_eq!(db.query("SELECT x FROM live"), ["1"]);
}

#[test]
fn several_statements_between_two_delimiters_run_once_each() {
    let Some(db) = Db::mariadb() else { return };
    let project = one(
        "DELIMITER //\nCREATE TABLE a (x INT); CREATE TABLE b (x INT)//\nINSERT INTO a VALUES (1); INSERT INTO b VALUES (2); //\n",
    );
    project.run(&db, &["migrate"]).ok().says("schema check: passed");
    assert_eq!(db.query("SELECT x FROM a UNION ALL SELECT x FROM b"), ["1", "2"]);
}

#[test]
fn what_is_too_long_for_the_server_is_said() {
    let Some(db) = Db::mariadb() else { return };
    let long =
        format!("CREATE TABLE a (x LONGTEXT);\nINSERT INTO a VALUES ('{}');\n", "x".repeat(17_000_000));
    let output = one(&long).run(&db, &["migrate"]).exits(4).says("`max_allowed_packet`");
    output.says("its first statement stayed");
}

#[test]
fn rows_that_an_engine_keeps_behind_our_back_are_said() {
    let Some(db) = Db::mariadb() else { return };
    db.execute(
        "CREATE TABLE i (x INT); CREATE TABLE m (x INT) ENGINE = MyISAM;
        CREATE TRIGGER t AFTER INSERT ON i FOR EACH ROW INSERT INTO m VALUES (NEW.x)",
    );
    let project = one("INSERT INTO i VALUES (1);\nINSERT INTO nope VALUES (1);\n");
    let output = project.run(&db, &["migrate"]).exits(4).does_not_say("rolled back");
    output.says("whose engine cannot take them back");
    assert_eq!((db.count("SELECT COUNT(*) FROM i"), db.count("SELECT COUNT(*) FROM m")), (0, 1));
}

#[test]
fn a_journal_that_is_gone_comes_back_empty() {
    let Some(db) = Db::mariadb() else { return };
    let project = one("CREATE TABLE a (x INT);\n");
    project.run(&db, &["migrate"]).ok();
    db.execute("DROP TABLE db_migrations_step");
    project.run(&db, &["status"]).ok().says("1 applied");
    project.write(&file("20240102000000_two"), "CREATE TABLE b (x INT);\n");
    project.run(&db, &["migrate"]).ok().says("1 migration committed");
    assert_eq!(db.query("SELECT id FROM db_migrations ORDER BY position").len(), 2);
}

#[test]
fn the_newest_failure_is_told() {
    let Some(db) = Db::mariadb() else { return };
    let text = |third: &str, fourth: &str| {
        format!("CREATE TABLE a (x INT);\nINSERT INTO a VALUES (1);\n{third};\n{fourth};\n")
    };
    let project = one(&text("INSERT INTO a VALUES (2)", "INSERT INTO late VALUES (1)"));
    project.run(&db, &["migrate"]).exits(4);
    project.run(&db, &["status"]).ok().says("statement 4 failed");
    project.write(&file(NAME), text("INSERT INTO early VALUES (1)", "SELECT 1"));
    project.run(&db, &["migrate"]).exits(4);
    project.run(&db, &["status"]).ok().says("statement 3 failed").does_not_say("statement 4 failed");
}

#[test]
fn the_servers_own_databases_are_refused() {
    let Some(db) = Db::mariadb() else { return };
    let system = db.url().replace(url::Url::parse(db.url()).unwrap().path(), "/mysql");
    one("SELECT 1;\n").run_at(&system, &["reset", "--yes"]).exits(2).says("the server's own database");
}

#[test]
fn a_function_that_writes_leaves_traces_of_a_failing_select() {
    let Some(db) = Db::mariadb() else { return };
    db.execute("CREATE TABLE i (x INT)");
    db.execute("CREATE FUNCTION fi(v INT) RETURNS INT BEGIN INSERT INTO i VALUES (v); RETURN v; END");
    let create = "CREATE TABLE n (PRIMARY KEY (a)) AS SELECT fi(1) AS a UNION ALL SELECT 1;\n";
    let project = one(create);
    project.run(&db, &["migrate", "--rehearsal", "off"]).exits(4).says("may have left traces");
}

#[test]
fn a_second_try_does_not_forget_what_the_first_has_left() {
    let Some(db) = Db::mariadb() else { return };
    db.execute("CREATE TABLE a (x INT)");
    let project = one("DROP TABLE a, nope;\n");
    project.run(&db, &["migrate", "--rehearsal", "off"]).exits(4).says("left a part of its changes");
    project.run(&db, &["migrate", "--rehearsal", "off"]).exits(3);
    project.run(&db, &["status"]).ok().says("partial (0/1)");
    project.run(&db, &["repair", "--restart", &format!("app::{NAME}"), "--yes"]).ok();
    project.run(&db, &["status"]).ok().does_not_say("partial");
}
