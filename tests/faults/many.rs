//! Fifty instances start at once on an empty database: each migration is applied once, and every one of them ends
//! well. `DB_MIGRATIONS_ROUNDS` says how many rounds; by default 1.

use std::time::{Duration, Instant};

use crate::scene::{self, state};
use crate::support::database::Db;
use crate::support::measured::measured;
use crate::support::project::{Output, Project, Running};

const INSTANCES: usize = 50;

fn rounds() -> usize {
    std::env::var("DB_MIGRATIONS_ROUNDS").map_or(1, |text| text.parse().unwrap())
}

fn project(db: &Db, concurrently: bool) -> Project {
    let project = Project::with_config("cargo: off\npolicy: { allow-split: true, rehearsal: off }\n");
    for n in 1..=5 {
        project.write(
            &format!("migrations/2024010{n}000000_t{n}.sql"),
            format!("CREATE TABLE t{n} (id integer PRIMARY KEY, name varchar(20));\nINSERT INTO t{n} VALUES (1, 'a');\n"),
        );
    }
    if concurrently && db.is_postgres() {
        let text = "-- db-migrations: no-transaction\nCREATE INDEX CONCURRENTLY t1_name ON t1 (name);\n";
        project.write("migrations/20240103120000_index.sql", text);
    }
    let other = db.another();
    project.run(&other, &["migrate"]).ok();
    project
}

fn at_once(db: Option<Db>, concurrently: bool) {
    let Some(db) = db else { return };
    let project = project(&db, concurrently);
    let expected = if concurrently && db.is_postgres() { 6 } else { 5 };
    for _ in 0..rounds() {
        let db = db.another();
        let runs: Vec<Running> =
            (0..INSTANCES).map(|_| project.spawn(&db, &["migrate", "--locked"])).collect();
        let outputs: Vec<Output> = runs.into_iter().map(|run| run.wait().ok()).collect();
        let committed = format!("{expected} migrations committed");
        assert_eq!(outputs.iter().filter(|output| output.stdout.contains(&committed)).count(), 1);
        let calm = outputs.iter().filter(|output| output.stdout.contains("nothing to do")).count();
        assert_eq!(calm, INSTANCES - 1, "{outputs:?}");
        assert_eq!(db.count("SELECT count(*) FROM db_migrations"), expected);
        assert_eq!(db.count("SELECT count(*) FROM db_migrations_run"), 1);
        if db.is_postgres() {
            assert_eq!(db.count("SELECT count(*) FROM pg_index WHERE NOT indisvalid"), 0);
        }
        assert!(state(&db).essence.contains("t5: "), "{}", state(&db).essence);
    }
    let index = if concurrently { "_with_an_index_that_is_made_concurrently" } else { "" };
    measured(
        &format!("many::on_{}{index}", db.dialect()),
        &format!("{INSTANCES} processes × {} rounds: all ended with 0, each migration once", rounds()),
    );
}

#[test]
fn on_sqlite() {
    at_once(Some(Db::sqlite()), false);
}

#[test]
fn on_postgres() {
    at_once(Db::postgres(), false);
}

#[test]
fn on_postgres_with_an_index_that_is_made_concurrently() {
    at_once(Db::postgres(), true);
}

#[test]
fn on_mariadb() {
    at_once(Db::mariadb(), false);
}

/// Who dies with the guard leaves it free: idle at once, inside of a statement when the server notices.
#[test]
fn the_guard_of_a_dead_holder_is_free() {
    let mut took = Vec::new();
    for db in [Some(Db::sqlite()), Db::postgres(), Db::mariadb()].into_iter().flatten() {
        let project = project(&db, false);
        let run = scene::start(&project, &db, "run.exclusive:sleep");
        while !scene::has_reached(&project, "run.exclusive", 1) {
            std::thread::sleep(Duration::from_millis(2));
        }
        assert_eq!(project.run(&db, &["migrate", "--locked", "--guard-wait", "0"]).code, 5);
        run.kill();
        let since = Instant::now();
        project.run(&db, &["migrate", "--locked"]).ok().says("5 migrations committed");
        took.push(format!("{} {:.1} s", db.dialect(), since.elapsed().as_secs_f64()));
    }
    let what = format!("the next run began and ended within: {}", took.join(", "));
    measured("many::the_guard_of_a_dead_holder_is_free", &what);
}

/// PostgreSQL looks at its client now and then while a statement runs, since it is asked to.
#[test]
fn the_guard_of_a_holder_that_died_in_a_statement_is_free() {
    let Some(db) = Db::postgres() else { return };
    let slow = Project::with_config("cargo: off\nschema-check: { source: off }\n");
    slow.write("migrations/20240101000000_slow.sql", "SELECT pg_sleep(600);\n");
    let run = slow.spawn(&db, &["migrate"]);
    let asleep = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND state = 'active' \
                  AND pid <> pg_backend_pid() AND datname = current_database()";
    while db.count(asleep) == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    run.kill();
    let since = Instant::now();
    slow.write("migrations/20240101000000_slow.sql", "SELECT 1;\n");
    slow.run(&db, &["migrate"]).ok();
    let what = format!("PostgreSQL: the next run ended after {:.1} s", since.elapsed().as_secs_f64());
    measured("many::the_guard_of_a_holder_that_died_in_a_statement_is_free", &what);
}
