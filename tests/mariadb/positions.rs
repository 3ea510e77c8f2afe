//! A failing statement in every position: what stays is what is said to stay, and the run goes on there.

use crate::common::{contents, file, project};
use crate::support::database::Db;

const NAME: &str = "20240201000000_many";
const ID: &str = "app::20240201000000_many";

/// Statements of both kinds, alone and several together.
const STATEMENTS: [&str; 9] = [
    "CREATE TABLE a (x INT PRIMARY KEY)",
    "INSERT INTO a VALUES (1)",
    "INSERT INTO a VALUES (2)",
    "ALTER TABLE a ADD COLUMN y INT",
    "CREATE INDEX by_y ON a (y)",
    "UPDATE a SET y = x * 10",
    "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW BEGIN SET NEW.y = 5; END",
    "INSERT INTO a VALUES (3, 3)",
    "CREATE VIEW v AS SELECT x FROM a",
];

fn commits(statement: &str) -> bool {
    ["CREATE", "ALTER"].iter().any(|word| statement.starts_with(word))
}

/// The database after the first statements.
fn after(n: usize) -> String {
    let db = Db::mariadb().unwrap();
    for statement in &STATEMENTS[..n] {
        db.execute(statement);
    }
    contents(db.url())
}

#[test]
fn what_is_said_to_stay_stays_and_the_rest_follows() {
    if Db::mariadb().is_none() {
        return;
    }
    let states: Vec<String> = (0..=STATEMENTS.len()).map(after).collect();
    for bad in ["ALTER TABLE a DROP COLUMN nope", "INSERT INTO nope VALUES (1)", "SELECT FROM WHERE"] {
        for at in 0..=STATEMENTS.len() {
            fails_at(at, bad, &states);
        }
    }
}

fn fails_at(at: usize, bad: &str, states: &[String]) {
    let mut statements = STATEMENTS.to_vec();
    statements.insert(at, bad);
    let db = Db::mariadb().unwrap();
    let project = project(&[
        (NAME, &(statements.join(";\n") + ";\n")),
        ("20240202000000_next", "CREATE TABLE b (x INT)"),
    ]);
    let output = project.run(&db, &["migrate"]);
    // rows that would have stood or fallen with the failing statement fell
    let kept =
        if commits(bad) { at } else { (0..at).rev().find(|n| commits(STATEMENTS[*n])).map_or(0, |n| n + 1) };
    let output = output.exits(if kept == 0 { 3 } else { 4 });
    let output =
        output.says(&format!("migration `{ID}` failed")).says(&format!("statement {} of 10", at + 1));
    let output = output.says(&format!("{}:{}:", file(NAME), at + 1)).does_not_say("rolled back");
    assert_eq!(contents(db.url()), states[kept], "{output}");
    let told = project.run(&db, &["status"]).ok();
    if kept == 0 {
        output.says("nothing of this run stayed");
        assert!(!told.stdout.contains("partial"), "{told}");
    } else {
        let output = output.says("stayed").says("not begun: `app::20240202000000_next`");
        let output = output.says(&format!("repair --mark-done {ID}")).says(&format!("repair --restart {ID}"));
        output.says(&format!("goes on at statement {}", kept + 1));
        assert!(told.stdout.contains(&format!("partial ({kept}/10)")), "{told}");
    }
    project.write(&file(NAME), STATEMENTS.join(";\n"));
    project.run(&db, &["migrate"]).ok().says("2 migrations committed");
    db.execute("DROP TABLE b");
    assert_eq!(contents(db.url()), states[STATEMENTS.len()]);
    assert_eq!(db.count("SELECT COUNT(*) FROM db_migrations_step"), 0);
}
