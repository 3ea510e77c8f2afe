//! Settings that are wrong: a usage error that names them, and nothing is waited for.

use crate::common::base;
use crate::support::project::Output;

const SERVER: &str = "cargo: off\ndatabase: { url: 'postgres://u@127.0.0.1:1/d' }\n";

#[test]
fn a_url_of_sqlite_names_a_file() {
    let project = base();
    let before = project.tree();
    for url in ["sqlite:", "sqlite://", "sqlite://?mode=rwc"] {
        let output = project.run_alone(&["migrate", "--url", url]).exits(2);
        output.says("names no database file").says("`sqlite://path/to/file.db`");
        assert_eq!(project.tree(), before);
    }
    project.run_alone(&["migrate", "--url", "sqlite::memory:"]).ok();
}

/// The server is absent: the password was taken if it is that what is said.
#[test]
#[cfg(unix)]
fn a_command_that_leaves_a_child_behind_gives_its_password() {
    let command = "password-command: [sh, -c, 'sleep 20 & echo $! > child; echo a-password']";
    let project = base().file("db-migrations.yml", SERVER.replace(" }", &format!(", {command} }}")));
    project.run_alone(&["status"]).exits(6).does_not_say("printed no password");
    let child = project.read("child");
    assert!(
        std::process::Command::new("kill").arg(child.trim()).status().unwrap().success(),
        "it was waited for"
    );
}

#[test]
fn what_is_wrong_is_named() {
    let project = base().file("db-migrations.yml", SERVER.replace(" }", ", tls: { ca: nope.pem } }"));
    let output = project.run_alone(&["status"]).exits(2);
    output.says("`database.tls.ca`").does_not_say("sslrootcert");
    project.write("db-migrations.yml", "cargo: off\ndatabase: { history-table: 1a }\n");
    project.run_alone(&["status", "--url", "sqlite:a.db"]).exits(2).says("must not begin with '1'");
    project.run_alone(&["status", "--config", "nope.yml"]).exits(2).says("does not exist").says("help: ");
}

#[test]
#[cfg(unix)]
fn what_is_no_regular_file_is_not_read() {
    let project = base().file("db-migrations.yml", SERVER);
    let fifo = project.join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    project.write("large", "x".repeat(1024 * 1024 + 1));
    for (file, why) in
        [("/dev/zero", "no regular file"), ("fifo", "no regular file"), ("large", "more than the")]
    {
        let mut command = project.command(&["status"]);
        command.env("DB_MIGRATIONS_PASSWORD_FILE", file);
        Output::of(&mut command, &["status"]).exits(2).says("`DB_MIGRATIONS_PASSWORD_FILE`").says(why);
        let url = format!("postgres://u:p@127.0.0.1:1/d?sslrootcert={file}");
        project.run_alone(&["status", "--url", &url]).exits(2).says("`sslrootcert`").says(why);
    }
}
