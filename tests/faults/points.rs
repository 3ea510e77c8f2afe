//! Kill -9, a panic and an error at every moment that a run reaches; at those only whose names begin with
//! `DB_MIGRATIONS_FAULTS`, where that is set.

use crate::scene::{Mode, Scene, fresh, is_true, recovers, settle, start, state};
use crate::support::database::Db;
use crate::support::measured::measured;

/// The first, a middle and the last time that a moment is reached.
fn times(count: usize) -> Vec<usize> {
    let mut times = vec![1, count.div_ceil(2), count];
    times.dedup();
    times
}

fn each_point(db: Option<Db>, fault: &str) {
    let Some(db) = db else { return };
    let test = match fault {
        "kill" => "killed",
        "error" => "an_error",
        _ => "a_panic",
    };
    let mut ran = 0;
    for (mode, count) in arrangements(fault, &db) {
        let scene = Scene { mode, count };
        let stage = scene.stage(&db);
        let undisturbed = stage.undisturbed(&db);
        let only = std::env::var("DB_MIGRATIONS_FAULTS").unwrap_or_default();
        for (name, reached) in
            undisturbed.reached.iter().filter(|(name, _)| name.starts_with(&only) && is_own(mode, name))
        {
            for time in times(*reached) {
                let fresh = fresh(&db);
                let db = fresh.as_ref().unwrap_or(&db);
                let project = stage.set(db);
                let before = state(db);
                let output = start(&project, db, &format!("{name}#{time}:{fault}")).wait();
                let shown = format!("{scene:?} {}:\n{output}", db.dialect());
                settle(db);
                let now = state(db);
                is_true(&output, &before, &now, &undisturbed.after);
                let is_whole = mode == Mode::Contract && !db.is_mariadb();
                if is_whole || matches!(mode, Mode::Whole | Mode::First) {
                    let whole = now == before || now.essence == undisturbed.after;
                    assert!(whole, "neither before nor after: {shown}\n{}\n{}", now.essence, now.own);
                }
                recovers(&project, db, &undisturbed, &shown);
                ran += 1;
            }
        }
    }
    measured(&format!("points::{test}_on_{}", db.dialect()), &format!("{ran} moments of runs, 0 bad"));
}

/// What a contract phase has of its own; the rest is as in any run.
fn is_own(mode: Mode, name: &str) -> bool {
    mode != Mode::Contract || ["catch-up.", "group.", "step."].iter().any(|of| name.starts_with(of))
}

const ALL: [(Mode, usize); 7] = [
    (Mode::Whole, 1),
    (Mode::Whole, 5),
    (Mode::Apart, 1),
    (Mode::Apart, 5),
    (Mode::Split, 2),
    (Mode::First, 1),
    (Mode::Contract, 1),
];

/// The arrangements for a kind of fault: every one for a kill, which leaves the most to chance, and for all kinds
/// where `DB_MIGRATIONS_ROUNDS` asks for the full size; else those that differ in more than their number.
fn arrangements(fault: &str, db: &Db) -> Vec<(Mode, usize)> {
    let full = fault == "kill" || std::env::var_os("DB_MIGRATIONS_ROUNDS").is_some();
    // MariaDB keeps our own tables from the first run on
    let fits = |mode| mode != Mode::First || !db.is_mariadb();
    let differs = |(mode, count): (Mode, usize)| {
        matches!((mode, count), (Mode::Whole | Mode::Apart, 1) | (Mode::Split | Mode::Contract, _))
    };
    ALL.into_iter().filter(|scene| fits(scene.0) && (full || differs(*scene))).collect()
}

#[test]
fn killed_on_sqlite() {
    each_point(Some(Db::sqlite()), "kill");
}

#[test]
fn killed_on_postgres() {
    each_point(Db::postgres(), "kill");
}

#[test]
fn killed_on_mariadb() {
    each_point(Db::mariadb(), "kill");
}

#[test]
fn an_error_on_sqlite() {
    each_point(Some(Db::sqlite()), "error");
}

#[test]
fn an_error_on_postgres() {
    each_point(Db::postgres(), "error");
}

#[test]
fn an_error_on_mariadb() {
    each_point(Db::mariadb(), "error");
}

#[test]
fn a_panic_on_sqlite() {
    each_point(Some(Db::sqlite()), "panic");
}

#[test]
fn a_panic_on_postgres() {
    each_point(Db::postgres(), "panic");
}

#[test]
fn a_panic_on_mariadb() {
    each_point(Db::mariadb(), "panic");
}
