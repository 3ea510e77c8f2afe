//! `docs/coming-from.md` names only commands and options that exist.

use crate::support::project::Project;

const PAGE: &str = include_str!("../../docs/coming-from.md");

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The commands of the middle columns, and of the last paragraph.
fn commands() -> Vec<&'static str> {
    let rows = PAGE.lines().filter(|line| line.starts_with("| `") || line.starts_with("| -"));
    let columns = rows.map(|row| row.split(" | ").nth(1).unwrap_or_else(|| panic!("{row}")));
    let (_, last) = PAGE.split_once("## What none of them has").unwrap();
    columns.chain([last]).flat_map(quoted).collect()
}

/// The words of a command, with something of the right kind for each placeholder.
fn words(command: &str) -> Vec<String> {
    command.split(' ').map(|word| word.replace("FILE", "x.sql").replace("ID", "app::1")).collect()
}

#[test]
fn every_command_of_ours_exists() {
    let project = Project::new();
    let commands = commands();
    assert!(commands.len() > 90, "{}", commands.len());
    for command in commands {
        let words = words(command);
        let words: Vec<&str> = words.iter().map(String::as_str).chain(["--help"]).collect();
        project.run_alone(&words).ok().says("Usage: db-migrations");
    }
}

#[test]
fn a_command_that_does_not_exist_is_found() {
    let project = Project::new();
    for words in [["undo", "--help"], ["--nope", "--help"]] {
        project.run_alone(&words).exits(2);
    }
    project.run_alone(&["migrate", "--nope", "--help"]).exits(2);
    project.run_alone(&["lock", "nope", "--help"]).exits(2);
    project.run_alone(&["rollback", "--steps", "x", "--help"]).exits(2);
}
