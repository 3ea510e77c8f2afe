//! Projects, and what is in a database, whatever server it is on.

use std::process::Command;

use crate::support::mariadb;
use crate::support::project::Project;

/// A project without Cargo, without a rehearsal unless a test asks for one.
pub(crate) fn bare() -> Project {
    Project::with_config("cargo: off\npolicy: { rehearsal: off }\n")
}

/// One with these migrations: `(name, text)`.
pub(crate) fn project(migrations: &[(&str, &str)]) -> Project {
    let project = bare();
    for (name, text) in migrations {
        project.write(&file(name), text);
    }
    project
}

pub(crate) fn file(name: &str) -> String {
    format!("migrations/{name}.sql")
}

/// Schema and rows, without our tables and without counters: equal where the same migrations ran.
pub(crate) fn contents(url: &str) -> String {
    let url = url::Url::parse(url).unwrap();
    let name = url.path().trim_start_matches('/').to_owned();
    let socket = url.query_pairs().find(|(key, _)| key == "socket").map(|(_, socket)| socket.into_owned());
    let mut command = Command::new(mariadb::program("mariadb-dump"));
    command.args([
        "--no-defaults",
        "--user=root",
        "--routines",
        "--events",
        "--skip-comments",
        "--skip-dump-date",
    ]);
    command.args(["--order-by-primary", "--skip-extended-insert"]);
    match socket {
        Some(socket) => command.arg(format!("--socket={socket}")),
        None => command.args([
            "--host",
            url.host_str().unwrap(),
            "--port",
            &url.port().unwrap_or(3306).to_string(),
        ]),
    };
    for table in ["db_migrations", "db_migrations_run", "db_migrations_step"] {
        command.arg(format!("--ignore-table={name}.{table}"));
    }
    let dump = mariadb::output(command.arg(name));
    let counter = |line: &str| {
        let Some((before, after)) = line.split_once(" AUTO_INCREMENT=") else { return line.to_owned() };
        format!("{before}{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
    };
    dump.lines().map(counter).collect::<Vec<_>>().join("\n")
}

/// A random number below a limit.
pub(crate) fn below(limit: u64) -> u64 {
    u64::from_str_radix(&crate::support::random(), 16).unwrap() % limit
}
