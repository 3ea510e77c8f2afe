//! What `diff` asks on a terminal, which `script` of util-linux makes.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::common::bare;
use crate::support::database::Db;
use crate::support::project::Project;

/// Runs `diff` on a terminal, and types when it asks; answers with all that was shown.
fn on_a_terminal(project: &Project, db: &Db, keys: &str) -> Option<String> {
    let program = env!("CARGO_BIN_EXE_db-migrations");
    let mut command = Command::new("script");
    command.args(["-qefc", &format!("'{program}' diff; echo ended $?"), "/dev/null"]);
    command.current_dir(project.path()).env("DATABASE_URL", db.url()).env("TERM", "xterm");
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    assert!(child.is_ok() || std::env::var_os("CI").is_none(), "`script` is missing");
    let mut child = child.ok()?;
    let (mut stdout, mut stdin) = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
    let (mut shown, mut typed, mut byte) = (Vec::new(), false, [0]);
    while std::io::Read::read(&mut stdout, &mut byte).unwrap() == 1 {
        shown.push(byte[0]);
        if !typed && String::from_utf8_lossy(&shown).contains("(--no-rename users.image)\r\n") {
            stdin.write_all(keys.as_bytes()).unwrap();
            stdin.flush().unwrap();
            typed = true;
        }
    }
    drop(stdin);
    child.wait().unwrap();
    Some(String::from_utf8_lossy(&shown).into_owned())
}

fn asked(keys: &str) -> Option<(String, Project)> {
    let project = bare()
        .file("migrations/20240101000000_a.sql", "CREATE TABLE users (id integer PRIMARY KEY, image text);\n")
        .file("schema.sql", "CREATE TABLE users (id integer PRIMARY KEY, poster text);\n");
    Some((on_a_terminal(&project, &Db::sqlite(), keys)?, project))
}

fn written(project: &Project) -> String {
    project.tree().into_iter().filter(|(path, _)| path.ends_with(".up.sql")).map(|(_, text)| text).collect()
}

#[test]
fn a_rename_is_chosen() {
    let Some((shown, project)) = asked("\r") else { return };
    assert!(
        shown.contains("`users.image` went and `users.poster` came") && shown.contains("ended 0"),
        "{shown}"
    );
    assert!(!shown.contains("0/0"), "nothing is counted: {shown}");
    assert!(written(&project).contains("RENAME COLUMN image TO poster"), "{shown}");
}

#[test]
fn the_other_reading_is_chosen() {
    let Some((shown, project)) = asked("\u{1b}[B\r") else { return };
    assert!(shown.contains("ended 0"), "{shown}");
    let written = written(&project);
    assert!(written.contains("ADD COLUMN poster") && !written.contains("RENAME"), "{written}");
}

#[test]
fn nothing_is_chosen() {
    let Some((shown, project)) = asked("\u{1b}") else { return };
    assert!(shown.contains("nothing was written") && shown.contains("ended 9"), "{shown}");
    assert_eq!(written(&project), "");
}
