//! The program with little memory and a limit of time: what would read without end fails the test.

use std::process::Command;

use crate::support::project::{Output, Project};

/// Address space in KiB: far less than the files of these tests, enough for the program.
const MEMORY: u32 = 700_000;

/// Runs the program so.
pub(crate) fn confined(project: &Project, args: &[&str]) -> Output {
    let command = project.command(args);
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -v {MEMORY}; exec timeout 60 \"$0\" \"$@\"")]);
    shell.arg(command.get_program()).args(command.get_args());
    shell.current_dir(project.path()).stdin(std::process::Stdio::null()).env_clear();
    for (name, value) in command.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    let output = Output::of(&mut shell, args);
    assert!(![124, 134, 137, -1].contains(&output.code), "it hung, or took all memory: {output}");
    output
}

/// A project with one migration, and a database for commands that need one.
pub(crate) fn project() -> Project {
    Project::with_config("cargo: off\ndatabase: { url: sqlite://app.db }\n")
        .file("migrations/1_a.sql", "CREATE TABLE a (id int);\n")
}
