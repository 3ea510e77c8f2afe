//! Programs that switch it: how often they are called, and when not at all.

use crate::support::database::{Db, each_database};
use crate::support::project::Project;

/// A project whose programs write into `log`.
fn logging() -> Project {
    Project::with_config(
        "cargo: off\nschema-check: { source: off }\nmaintenance:\n  message: soon\n  command:\n\
         \x20   on: [sh, -c, 'echo \"on $DB_MIGRATIONS_MESSAGE $${#DB_MIGRATIONS_RUN}\" >> target/log']\n\
         \x20   off: [sh, -c, 'echo off >> target/log']\n",
    )
    .file("target/log", "")
    .file("migrations/20240101000000_a.sql", "CREATE TABLE a (id int);\n")
    .file("migrations/20240101000000_a.down.sql", "DROP TABLE a;\n")
}

/// What they have written since the last time.
fn taken(project: &Project) -> Vec<String> {
    let log = project.read("target/log");
    project.write("target/log", "");
    log.lines().map(str::to_owned).collect()
}

#[test]
fn of_many_that_start_together_one_switches_once() {
    each_database(|db| {
        let project = logging();
        project.remove("migrations/20240101000000_a.down.sql");
        let runs: Vec<_> = (0..4).map(|_| project.spawn(db, &["migrate"])).collect();
        for run in runs {
            run.wait().ok();
        }
        assert_eq!(taken(&project), ["on soon 16", "off"], "{}", db.dialect());
        project.run(db, &["migrate"]).ok();
        assert_eq!(taken(&project), [""; 0], "nothing was pending");
    });
}

#[test]
fn what_changes_nothing_switches_nothing() {
    let db = Db::sqlite();
    let project = logging();
    project.remove("migrations/20240101000000_a.down.sql");
    project.run(&db, &["migrate", "--dry-run"]).ok();
    project.run(&db, &["migrate", "--write-sql"]).ok();
    project.run(&db, &["migrate", "--locked"]).exits(7);
    assert_eq!(taken(&project), [""; 0]);
    project.run(&db, &["migrate", "--no-maintenance"]).ok().does_not_say("maintenance");
    assert_eq!(taken(&project), [""; 0]);
    // a clean rollback is a good end
    project.write("migrations/20240102000000_b.sql", "CREATE TABLE b (id int);\nCREATE TABLE a (id int);\n");
    project.run(&db, &["migrate"]).exits(3).says("maintenance mode is off");
    assert_eq!(taken(&project), ["on soon 16", "off"]);
    project.run(&db, &["maintenance", "status"]).exits(2).says("cannot be asked");
}

#[test]
fn what_is_undone_switches_it_too() {
    let db = Db::sqlite();
    let project = Project::with_config("x");
    for (path, text) in logging().tree() {
        project.write(&path, text);
    }
    project.remove("migrations/20240101000000_a.sql");
    project.write("migrations/20240101000000_a.up.sql", "CREATE TABLE a (id int);\n");
    project.write("target/log", "");
    for command in
        [&["migrate"][..], &["rollback", "--yes"], &["execute", "a", "--up"], &["migrate", "first", "--yes"]]
    {
        project.run(&db, command).ok();
        assert_eq!(taken(&project), ["on soon 16", "off"], "{command:?}");
    }
}

#[test]
fn a_program_that_fails_stops_the_run_or_is_said() {
    let db = Db::sqlite();
    let project = logging();
    project.remove("migrations/20240101000000_a.down.sql");
    project.edit("db-migrations.yml", "echo \"on $DB", "echo no-way >&2; echo \"on $DB");
    project.edit("db-migrations.yml", ">> target/log']\n    off", ">> target/log; exit 3']\n    off");
    project
        .run(&db, &["migrate"])
        .exits(7)
        .says("maintenance mode cannot be switched on, so nothing has run")
        .says("no-way")
        .says("`maintenance.command.off` was run after that");
    assert_eq!(taken(&project), ["on soon 16", "off"]);
    assert!(!project.exists("migrations-lock.yml"));
    project.edit("db-migrations.yml", "; exit 3']", "']");
    project.edit("db-migrations.yml", "'echo off >> target/log'", "'exit 4'");
    project
        .run(&db, &["migrate"])
        .ok()
        .says("maintenance mode could not be switched off")
        .says("`db-migrations maintenance off`");
    project.edit("db-migrations.yml", "[sh, -c, 'exit 4']\n", "[sleep, '60']\n    timeout: 1\n");
    project.run(&db, &["maintenance", "off"]).exits(2).says("took longer than 1 s");
}

/// What a program has started is ended with it: else it would switch on after all was over.
#[test]
fn a_program_that_takes_too_long_leaves_nobody_behind() {
    let db = Db::sqlite();
    let project = logging();
    project.edit(
        "db-migrations.yml",
        "[sh, -c, 'echo \"on",
        "[sh, -c, 'sh -c \"sleep 2; echo late >> target/log\"; echo \"on",
    );
    project.edit("db-migrations.yml", "    off: [", "    timeout: 1\n    off: [");
    project.run(&db, &["migrate"]).exits(7).says("took longer than 1 s");
    assert_eq!(taken(&project), ["off"]);
    std::thread::sleep(std::time::Duration::from_millis(2500));
    assert_eq!(taken(&project), [""; 0], "it came late");
}

#[test]
fn a_run_within_a_command_leaves_it_to_the_command() {
    let db = Db::sqlite();
    let project = logging();
    let program = env!("CARGO_BIN_EXE_db-migrations");
    project.run(&db, &["maintenance", "run", "--", program, "migrate"]).ok();
    assert_eq!(taken(&project), ["on soon 0", "off"]);
}
