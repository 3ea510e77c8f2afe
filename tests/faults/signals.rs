//! SIGINT and SIGTERM at every moment that a run reaches: what was open is rolled back, and the program ends. A moment
//! waits for ten minutes, so a run that ends at all was interrupted.

use std::time::{Duration, Instant};

use crate::scene::{
    Mode, Scene, Stage, State, Undisturbed, fresh, has_reached, is_true, recovers, settle, start, state,
};
use crate::support::database::Db;
use crate::support::measured::measured;
use crate::support::project::{Output, Project};

fn each_point(db: Option<Db>) {
    let Some(db) = db else { return };
    let (mut ran, mut slowest) = (0, Duration::ZERO);
    for (mode, count) in [(Mode::Whole, 1), (Mode::Apart, 1)] {
        let stage = Scene { mode, count }.stage(&db);
        let undisturbed = stage.undisturbed(&db);
        let only = std::env::var("DB_MIGRATIONS_FAULTS").unwrap_or_default();
        for (name, times) in undisturbed.reached.iter().filter(|(name, _)| name.starts_with(&only)) {
            let fresh = fresh(&db);
            let db = fresh.as_ref().unwrap_or(&db);
            let signal = if ran % 2 == 0 { "INT" } else { "TERM" };
            slowest = slowest.max(interrupted(db, &stage, &undisturbed, (name, *times), signal));
            ran += 1;
        }
    }
    let slowest = slowest.as_secs_f64();
    let what = format!("{ran} moments, 0 bad; the slowest ended after {slowest:.1} s");
    measured(&format!("signals::on_{}", db.dialect()), &what);
}

fn interrupted(
    db: &Db,
    stage: &Stage,
    undisturbed: &Undisturbed,
    (name, times): (&str, usize),
    signal: &str,
) -> Duration {
    let project = stage.set(db);
    let before = state(db);
    let mut run = start(&project, db, &format!("{name}#{times}:sleep"));
    while !has_reached(&project, name, times) {
        std::thread::sleep(Duration::from_millis(2));
    }
    run.signal(signal);
    let since = Instant::now();
    if let Some((_, note)) = ENDING.iter().find(|(ending, _)| *ending == name) {
        run.wait_for_line(note); // the end of this wait would come in ten minutes
        run.signal(signal);
    }
    let output = run.wait();
    let took = since.elapsed();
    check(db, &output, &before, undisturbed);
    recovers(&project, db, undisturbed, &format!("{output}"));
    took
}

fn check(db: &Db, output: &Output, before: &State, undisturbed: &Undisturbed) {
    let claims = output.stderr.contains("the database has rolled back what was open");
    // what was said to be over is over at once
    if !claims {
        settle(db);
    }
    let now = state(db);
    is_true(output, before, &now, &undisturbed.after);
    let expected = [0, 4, 8, 130];
    assert!(expected.contains(&output.code), "{output}");
    if output.code == 130 && !db.is_sqlite() {
        assert!(claims, "{output}");
    }
}

/// Moments at which the last commit was sent: the run is not given up then before a second signal.
const ENDING: [(&str, &str); 5] = [
    ("session.commit", "waiting for its answer"),
    ("session.committed", "waiting for its answer"),
    ("commit.files", "the run ends in good order"),
    ("guard.free", "the run ends in good order"),
    ("guard.freed", "the run ends in good order"),
];

#[test]
fn on_sqlite() {
    each_point(Some(Db::sqlite()));
}

#[test]
fn on_postgres() {
    each_point(Db::postgres());
}

#[test]
fn on_mariadb() {
    each_point(Db::mariadb());
}

/// While the answer of a commit is awaited, the first signal waits with it; the second does not.
#[test]
fn a_second_signal_ends_at_once() {
    for db in [Some(Db::sqlite()), Db::postgres(), Db::mariadb()].into_iter().flatten() {
        let stage = Scene { mode: Mode::Whole, count: 1 }.stage(&db);
        let undisturbed = stage.undisturbed(&db);
        let project = stage.set(&db);
        let mut run =
            start(&project, &db, "session.commit#LAST:sleep".replace("LAST", &last(&undisturbed)).as_str());
        while !has_reached(&project, "session.commit", undisturbed.reached["session.commit"]) {
            std::thread::sleep(Duration::from_millis(2));
        }
        run.signal("INT");
        run.wait_for_line("waiting for its answer");
        run.signal("TERM");
        let output = run.wait().exits(8).says("nobody waited for its answer").says("db-migrations status");
        settle(&db);
        recovers(&project, &db, &undisturbed, &format!("{output}"));
    }
}

fn last(undisturbed: &Undisturbed) -> String {
    undisturbed.reached["session.commit"].to_string()
}

/// A statement at work is ended at the server, not only left alone.
#[test]
fn a_statement_at_work_is_ended() {
    for db in [Db::postgres(), Db::mariadb()].into_iter().flatten() {
        let project =
            Project::with_config("cargo: off\npolicy: { rehearsal: off }\nschema-check: { source: off }\n");
        // a server that never looks whether its client is still there
        let deaf = "SET client_connection_check_interval = 0;\nSELECT pg_sleep(600)";
        let sleep = if db.is_postgres() { deaf } else { "SELECT SLEEP(600)" };
        project.write("migrations/20240101000000_slow.sql", format!("{sleep};\n"));
        let run = project.spawn(&db, &["migrate"]);
        while !at_work(&db) {
            std::thread::sleep(Duration::from_millis(5));
        }
        run.signal("TERM");
        run.wait().exits(130).says("the database has rolled back what was open");
        assert!(!at_work(&db), "said to be over, and is not");
    }
}

fn at_work(db: &Db) -> bool {
    let query = if db.is_postgres() {
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%sleep(600)%' AND pid <> pg_backend_pid() AND state = 'active'"
    } else {
        "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND INFO LIKE '%SLEEP(600)%' AND ID <> CONNECTION_ID()"
    };
    db.count(query) > 0
}
