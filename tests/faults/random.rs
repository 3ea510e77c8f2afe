//! Kill -9 at random moments: of the program, and of a PostgreSQL server under it (MariaDB's are in `tests/mariadb`).
//! `DB_MIGRATIONS_KILLS` and `DB_MIGRATIONS_SERVER_KILLS` say how many; by default 100 and 20.

use std::time::Duration;

use crate::scene::{Mode, Scene, fresh, recovers, settle, state};
use crate::support::database::Db;
use crate::support::measured::measured;
use crate::support::postgres::Private;

fn how_many(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

fn below(limit: u64) -> u64 {
    u64::from_str_radix(&crate::support::random()[..15], 16).unwrap() % limit
}

fn killed(db: Option<Db>) {
    let Some(db) = db else { return };
    let kills = how_many("DB_MIGRATIONS_KILLS", 100);
    for mode in [Mode::Whole, Mode::Apart] {
        let stage = Scene { mode, count: 5 }.stage(&db);
        let undisturbed = stage.undisturbed(&db);
        for _ in 0..kills / 2 {
            let fresh = fresh(&db);
            let db = fresh.as_ref().unwrap_or(&db);
            let project = stage.set(db);
            let before = state(db);
            let run = project.spawn(db, &["migrate"]);
            std::thread::sleep(Duration::from_micros(below(120_000)));
            let output = run.kill();
            settle(db);
            let now = state(db);
            let whole = now == before || now.essence == undisturbed.after;
            assert!(mode == Mode::Apart || whole, "a third state:\n{output}\n{}\n{}", now.essence, now.own);
            recovers(&project, db, &undisturbed, &format!("{output}"));
        }
    }
    measured(&format!("random::killed_on_{}", db.dialect()), &format!("{kills} kills, 0 bad"));
}

#[test]
fn killed_on_sqlite() {
    killed(Some(Db::sqlite()));
}

#[test]
fn killed_on_postgres() {
    killed(Db::postgres());
}

#[test]
fn the_postgres_server_is_killed() {
    let Some(db) = Db::postgres() else { return };
    let Some(mut server) = Private::start() else { return };
    let kills = how_many("DB_MIGRATIONS_SERVER_KILLS", 20);
    for mode in [Mode::Whole, Mode::Apart] {
        let stage = Scene { mode, count: 5 }.stage(&db);
        let undisturbed = stage.undisturbed(&db);
        for _ in 0..kills / 2 {
            let db = Db::on(&server.url("postgres"));
            let project = stage.set(&db);
            let before = state(&db);
            let run = project.spawn(&db, &["migrate", "--guard-wait", "5"]);
            std::thread::sleep(Duration::from_micros(20_000 + below(150_000)));
            server.kill9();
            let output = run.wait();
            server.restart();
            assert!([0, 3, 4, 6, 8].contains(&output.code), "{output}");
            let now = state(&db);
            if mode == Mode::Whole {
                let whole = now == before || now.essence == undisturbed.after;
                assert!(whole, "a third state:\n{output}\n{}\n{}", now.essence, now.own);
                // 8 is the truth where nobody could be asked
                assert!(output.code != 3 || now == before, "{output}");
                assert!(output.code != 0 || now.essence == undisturbed.after, "{output}");
            }
            recovers(&project, &db, &undisturbed, &format!("{output}"));
        }
    }
    measured("random::the_postgres_server_is_killed", &format!("{kills} kills of the server, 0 bad"));
}
