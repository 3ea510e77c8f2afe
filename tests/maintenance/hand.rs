//! `maintenance on`, `off`, `status` and `run`.

use crate::common::{Held, Place, each_place, get, open_shop, until, waiting};
use crate::support::database::Db;
use crate::support::project::{Project, Running};

fn quick(place: &Place) -> Project {
    Project::with_config(&format!("cargo: off\n{}", place.setting(", message: soon")))
        .file("migrations/20240101000000_a.sql", "CREATE TABLE a (id int);\n")
}

#[test]
fn what_a_person_switches_on_no_run_switches_off() {
    each_place(|place| {
        let db = Db::sqlite();
        let project = quick(place);
        project.run_alone(&["maintenance", "status"]).ok().says("maintenance mode is off (the ");
        project.run_alone(&["maintenance", "off"]).ok().says("was off already");
        project.run_alone(&["maintenance", "on", "--reason", "new disks", "--message", "at 9"]).ok();
        let shop = open_shop(place);
        assert_eq!(get(shop, "/").status, 503, "an application that starts now knows it at once");
        let status = project.run_alone(&["maintenance", "status"]).exits(1);
        status.says("by hand of tester@testhost, since 2").says("reason: new disks").says("message: at 9");
        project
            .run(&db, &["migrate"])
            .ok()
            .says("maintenance mode is on already, by hand")
            .says("leaves it so");
        assert_eq!(place.mark().unwrap()["reason"], "new disks");
        let status = project.run_alone(&["maintenance", "status", "--format", "json"]).exits(1).json();
        assert_eq!((&status["outcome"], &status["mark"]["kept"]), (&"on".into(), &true.into()));
        project.run_alone(&["maintenance", "off"]).ok().says("maintenance mode is off");
        until("it is open", || get(shop, "/").status == 200);
    });
}

#[test]
fn a_held_mode_is_not_switched_off_by_hand() {
    let Some(db) = Db::postgres() else { return };
    let place = Place::file();
    let project = waiting(&place, "");
    let held = Held::open(&db);
    let run = project.spawn(&db, &["migrate"]);
    until("it is on", || place.text().is_some());
    project
        .run(&db, &["maintenance", "off"])
        .exits(7)
        .says("its next heartbeat would put it back")
        .says("by run ");
    project.run(&db, &["maintenance", "on"]).ok();
    drop(held);
    run.wait()
        .ok()
        .says("somebody else has switched maintenance mode")
        .does_not_say("maintenance mode is off");
    assert_eq!(place.mark().unwrap()["owner"], "hand", "who wants it on gets it");
}

#[test]
fn a_command_runs_in_it() {
    each_place(|place| {
        let project = quick(place);
        let output = project.run_alone(&["maintenance", "run", "--", "sh", "-c", "echo out; exit 41"]);
        output.exits(41).says("out");
        assert_eq!(place.text(), None);
        project.run_alone(&["maintenance", "run", "no-such-program"]).exits(2).says("cannot be run");
        assert_eq!(place.text(), None);
        let document = project.run_alone(&[
            "maintenance",
            "run",
            "--format",
            "json",
            "--",
            "sh",
            "-c",
            "echo out; exit 1",
        ]);
        assert_eq!(document.exits(1).json()["command_exit_code"], 1);

        // what runs within leaves it to the outer one
        let db = Db::sqlite();
        let program = env!("CARGO_BIN_EXE_db-migrations");
        let output = project.run(&db, &["maintenance", "run", "--", program, "migrate"]).ok();
        output
            .says("maintenance mode is on already, by `maintenance run`")
            .does_not_say("maintenance mode is off");
        assert_eq!(place.text(), None);
    });
}

#[test]
fn signals_go_on_to_the_command() {
    let place = Place::file();
    let project = quick(&place);
    for (signal, code) in [("TERM", 9), ("INT", 8)] {
        let script = "trap 'exit 9' TERM; trap 'exit 8' INT; echo ready >&2; while :; do sleep 0.02; done";
        let command = project.command(&["maintenance", "run", "--", "sh", "-c", script]);
        let mut run = Running::start(command, "maintenance run");
        run.wait_for_line("ready");
        assert_eq!(place.mark().unwrap()["owner"], "command");
        run.signal(signal);
        run.wait().exits(code);
        assert_eq!(place.text(), None);
    }
}

/// Any file is a mark.
#[test]
fn a_touched_file_counts() {
    let place = Place::file();
    let project = quick(&place);
    std::fs::write(place.name(), "").unwrap();
    project.run_alone(&["maintenance", "status"]).exits(1).says("switched on by hand");
    project.run(&Db::sqlite(), &["migrate"]).ok().says("leaves it so");
    assert_eq!(place.text().as_deref(), Some(""));
    project.run_alone(&["maintenance", "off"]).ok();
    assert_eq!(place.text(), None);
}

/// Without a project: what a container has.
#[test]
fn a_variable_says_how() {
    let place = Place::file();
    let project = Project::new();
    let run = |value: &str, args: &[&str]| {
        let mut command = project.command(args);
        command.env("DB_MIGRATIONS_MAINTENANCE", value);
        crate::support::project::Output::of(&mut command, args)
    };
    let value = format!("{{ file: \"{}\" }}", place.name());
    run(&value, &["maintenance", "on"]).ok();
    assert!(place.text().is_some());
    run(&value, &["maintenance", "off"]).ok();
    // from where the command runs, wherever the configuration above it is
    let above = Project::with_config("cargo: off\n").file("below/x", "");
    let mut command = above.command(&["maintenance", "on"]);
    command.current_dir(above.join("below")).env("DB_MIGRATIONS_MAINTENANCE", "{ file: flag }");
    crate::support::project::Output::of(&mut command, &["maintenance", "on"]).ok();
    assert!(above.exists("below/flag"));
    run("{ fil: x }", &["maintenance", "off"])
        .exits(2)
        .says("DB_MIGRATIONS_MAINTENANCE:1:")
        .says("did you mean `file`?");
    run("", &["maintenance", "on"]).exits(2).says("nothing says how").says("maintenance: { file:");
}
