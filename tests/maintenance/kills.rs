//! Kill −9 in the middle, signals, and a panic: what becomes of the mark, and what a person sees.

use crate::common::{Held, Place, each_place, get, open_shop, until, waiting};
use crate::support::database::Db;
use crate::support::project::Project;

#[test]
fn after_a_kill_the_heartbeat_stops_and_it_opens_again() {
    let Some(db) = Db::postgres() else { return };
    each_place(|place| {
        let db = db.another();
        let project = waiting(place, "");
        let shop = open_shop(place);
        let held = Held::open(&db);
        let run = project.spawn(&db, &["migrate"]);
        until("it is shut", || get(shop, "/").status == 503);
        run.kill();
        assert_eq!(get(shop, "/").status, 503, "nobody knows at once that nobody is there");
        until("it opens", || get(shop, "/").status == 200);
        let status = project.run(&db, &["maintenance", "status"]).ok().says("maintenance mode is off");
        match place {
            Place::File(_) => status.says("heartbeat has stopped").says("by run "),
            Place::Redis(_) => status.does_not_say("heartbeat"),
        };
        drop(held);
        project.run(&db, &["migrate"]).ok().says("maintenance mode is on (the ");
        assert_eq!(place.text(), None);
        project.run(&db, &["maintenance", "status"]).ok().does_not_say("heartbeat");
    });
}

#[test]
fn a_signal_switches_it_off() {
    let Some(db) = Db::postgres() else { return };
    for signal in ["INT", "TERM"] {
        let db = db.another();
        let place = Place::file();
        let project = waiting(&place, "");
        let held = Held::open(&db);
        let run = project.spawn(&db, &["migrate"]);
        until("it is on", || place.text().is_some());
        run.signal(signal);
        run.wait().exits(130).says("interrupted").says("maintenance mode is off");
        assert_eq!(place.text(), None);
        drop(held);
    }
}

/// Statements that have finished stay.
#[test]
fn a_signal_keeps_it_on_where_something_stays() {
    let Some(db) = Db::postgres() else { return };
    let place = Place::file();
    let project = waiting(&place, "");
    project.edit("db-migrations.yml", "cargo: off", "cargo: off\npolicy: { allow-split: true }");
    project.edit("migrations/20240101000000_slow.sql", "CREATE", "-- db-migrations: no-transaction\nCREATE");
    let held = Held::open(&db);
    let run = project.spawn(&db, &["migrate"]);
    until("the first statement is done", || {
        db.count("SELECT count(*) FROM pg_class WHERE relname = 'slow'") == 1 && place.text().is_some()
    });
    run.signal("INT");
    run.wait().exits(4).says("maintenance mode stays on");
    assert_eq!(place.mark().unwrap()["kept"], true);
    drop(held);
}

/// Between two tries it is the same mark.
#[test]
fn it_stays_on_between_two_tries() {
    let Some(db) = Db::postgres() else { return };
    let place = Place::file();
    let project = Project::with_config(&format!(
        "cargo: off\nschema-check: {{ source: off }}\ndatabase: {{ lock-timeout: 1 }}\n{}",
        place.setting("")
    ))
    .file("migrations/20240101000000_a.sql", "ALTER TABLE busy ADD b int;\n");
    db.execute("CREATE TABLE busy (a int)");
    let held = Held::with(&db, "BEGIN; LOCK TABLE busy");
    let mut run = project.spawn(&db, &["migrate"]);
    until("it is on", || place.text().is_some());
    let token = || place.mark().map(|mark| mark["token"].clone());
    let first = token();
    run.wait_for_line("tried again");
    assert_eq!(token(), first);
    drop(held);
    let output = run.wait().ok();
    assert_eq!(output.stderr.matches("maintenance mode is off").count(), 1, "{output}");
    assert_eq!(place.text(), None);
}

#[cfg(feature = "faults")]
#[test]
fn a_panic_switches_it_off_unless_something_may_stay() {
    use crate::support::project::Output;
    for (moment, kept) in [("check.begin", false), ("commit.files", true)] {
        let db = Db::sqlite();
        let place = Place::file();
        let project = Project::with_config(&format!("cargo: off\n{}", place.setting("")))
            .file("migrations/20240101000000_a.sql", "CREATE TABLE a (id int);\n");
        let mut command = project.command(&["migrate"]);
        command.env("DATABASE_URL", db.url()).env("DB_MIGRATIONS_FAULT", format!("{moment}:panic"));
        Output::of(&mut command, &["migrate"]).exits(70);
        let is_kept = place.mark().is_some_and(|mark| mark["kept"] == true);
        assert_eq!((is_kept, place.text().is_some()), (kept, kept), "{moment}");
    }
}
