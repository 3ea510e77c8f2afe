//! Bodies through the built program: one migration that has run, the body behind a change of the schema and
//! one of the rows, one that fails. What is said behind it is what a dump shows.

use crate::cases::{self, Case, Class, all};
use crate::fence::everything;
use crate::support::database::Db;
use crate::support::measured::measured;
use crate::support::project::{Output, Project};

const BODY: &str = "migrations/20240102000000_body.sql";
const FAILS: &str = "migrations/20240103000000_fails.sql";

fn begun(db: &Db) -> Project {
    let project = Project::with_config("cargo: off\npolicy: { allow-split: true }\n").file(
        "migrations/20240101000000_good.sql",
        "CREATE TABLE kept (id INTEGER PRIMARY KEY);\nINSERT INTO kept VALUES (1);\n",
    );
    project.run(db, &["migrate"]).ok();
    project
}

fn embedded(case: &Case) -> String {
    format!(
        "CREATE TABLE made (x INT);\nINSERT INTO kept VALUES (2);\n{}\n;INSERT INTO kept VALUES (3);\n",
        case.body
    )
}

/// What the program says of the database must be so.
fn truth(same: bool, case: &Case, output: &Output) -> Result<(), String> {
    let says = |text: &str| output.stderr.contains(text);
    let undone = says("everything was rolled back") || says("nothing of this run stayed");
    let fits = match output.code {
        7 | 3 => same && (output.code == 7 || undone),
        4 => !undone && (says("stayed") || says("stays") || says("committed")),
        8 => !undone,
        _ => false,
    };
    let read = matches!(case.class, Class::Control | Class::Unreadable | Class::Client | Class::Otherwise);
    if fits && (!read || output.code == 7) {
        return Ok(());
    }
    let how = if same { "" } else { "not " };
    Err(format!("{}: exit {}, {how}as before\n{output}", case.name, output.code))
}

/// Every so manyth body of those that the lexer refuses, and all others.
fn chosen(db: &Db) -> Vec<Case> {
    let mut refused = 0;
    let keep = |case: &Case| {
        let control = case.class == Class::Control;
        refused += usize::from(control);
        !control || refused % 12 == 0
    };
    all(cases::dialect(db)).into_iter().filter(keep).collect()
}

fn judge(first: &Db) {
    let mut codes = std::collections::BTreeMap::<i32, usize>::new();
    let mut wrong = Vec::new();
    let mut db = first.another();
    let mut project = begun(&db);
    let mut before = everything(&db);
    for case in chosen(first) {
        project.write(BODY, embedded(&case));
        project.write(FAILS, "SELECT * FROM does_not_exist;\n");
        let args: &[&str] = if db.is_mariadb() { &["migrate", "--rehearsal", "off"] } else { &["migrate"] };
        let output = project.run(&db, args);
        *codes.entry(output.code).or_default() += 1;
        let same = everything(&db) == before;
        wrong.extend(truth(same, &case, &output).err());
        if !same {
            db = first.another();
            project = begun(&db);
            before = everything(&db);
        }
    }
    println!("{}: exit codes {codes:?}", first.dialect());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let (dialect, bodies) = (first.dialect(), codes.values().sum::<usize>());
    measured(
        &format!("program::the_program_tells_the_truth_on_{dialect}"),
        &format!("{dialect}: {bodies} bodies, 0 lies"),
    );
}

#[test]
fn the_program_tells_the_truth_on_postgres() {
    let Some(db) = Db::postgres() else { return };
    judge(&db);
}

#[test]
fn the_program_tells_the_truth_on_sqlite() {
    judge(&Db::sqlite());
}

#[test]
fn the_program_tells_the_truth_on_mariadb() {
    let Some(db) = Db::mariadb() else { return };
    judge(&db);
}
