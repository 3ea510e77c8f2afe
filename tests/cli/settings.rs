//! Settings that are wrong: a usage error that names them, and nothing is waited for.

use crate::common::base;
use crate::support::project::Output;

const SERVER: &str = "cargo: off\ndatabase: { url: 'postgres://u@127.0.0.1:1/d' }\n";

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
