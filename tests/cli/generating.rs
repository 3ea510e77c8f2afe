//! `generate`, and `modules` with crates of a workspace that needs no network.

use std::process::Command;

use crate::common::{bare, locked};
use crate::support::database::Db;
use crate::support::project::{Output, Project};

/// An application with two crates beside it, one of which says that it has migrations.
fn workspace() -> Project {
    let package = |name: &str, rest: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"1.2.3\"\nedition = \"2021\"\n{rest}")
    };
    let project = Project::with_config("# mine\nmodules: {}\n")
        .file(
            "Cargo.toml",
            package("shop", "[dependencies]\nusers = { path = \"users\" }\njobs = { path = \"jobs\" }\n[workspace]\nmembers = [\"users\", \"jobs\"]\n"),
        )
        .file("src/main.rs", "fn main() {}\n")
        .file("users/Cargo.toml", package("users", "[package.metadata.db-migrations]\n"))
        .file("users/src/lib.rs", "")
        .file("users/migrations/20240101000000_users.sql", "CREATE TABLE users (id int);\n")
        .file("jobs/Cargo.toml", package("jobs", "[dependencies]\nusers = { path = \"../users\" }\n"))
        .file("jobs/src/lib.rs", "")
        .file("jobs/migrations/20230101000000_jobs.sql", "CREATE TABLE jobs (id int);\n")
        .file("migrations/20240201000000_own.sql", "CREATE TABLE own (id int);\n");
    generate_lockfile(&project);
    project
}

fn generate_lockfile(project: &Project) {
    let mut cargo = Command::new("cargo");
    cargo.args(["generate-lockfile", "--offline", "--quiet"]).current_dir(project.path());
    assert!(cargo.status().unwrap().success());
}

/// The one file that a run of `generate` wrote.
#[track_caller]
fn wrote(output: &Output) -> Vec<String> {
    output.stdout.lines().map(|line| line.strip_prefix("wrote ").unwrap().to_owned()).collect()
}

#[test]
fn a_candidate_runs_nothing_until_it_is_enabled() {
    let project = workspace();
    let db = Db::sqlite();
    let output = project.run_alone(&["modules"]).ok().says("candidate").says("modules enable CRATE");
    let row = |output: &Output, name: &str| -> Vec<String> {
        let line = output.stdout.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
        line.split_whitespace().map(str::to_owned).collect()
    };
    assert_eq!(
        row(&output, "users"),
        ["users", "crate", "users", "1.2.3", "users/migrations", "native", "1", "enabled"]
    );
    assert_eq!(row(&output, "jobs")[..4], ["jobs", "crate", "jobs", "1.2.3"]);
    project.run(&db, &["migrate"]).ok();
    assert_eq!(locked(&project), ["users::20240101000000_users", "app::20240201000000_own"]);
    let output = project.run_alone(&["modules", "enable", "jobs"]).ok();
    assert!(output.stdout.contains("+    jobs:"), "{output}");
    assert!(project.read("db-migrations.yml").starts_with("# mine\n"));
    project.run(&db, &["migrate"]).ok().says("applied jobs::20230101000000_jobs");
    let tree = project.tree();
    project.run_alone(&["modules", "enable", "nobody"]).exits(2).says("nobody");
    project.run_alone(&["modules", "enable", "jobs", "--path", "nowhere"]).exits(2);
    assert_eq!(project.tree(), tree, "what does not work is not written");
    let output = project.run_alone(&["modules", "disable", "users"]).ok();
    assert!(output.stdout.contains("users"), "{output}");
    project.run_alone(&["modules"]).ok().says("disabled");
    project.run_alone(&["lock", "--check"]).exits(1).says("its whole module is gone");
    project.run(&db, &["migrate"]).ok().says("has run here, but its file is gone");
    project.run(&Db::sqlite(), &["migrate"]).exits(7);
}

#[test]
fn only_the_application_or_the_named_module_gets_a_migration() {
    let project = workspace();
    let files = wrote(&project.run_alone(&["generate", "Add users' names!"]).ok());
    assert_eq!(files.len(), 1);
    assert!(files[0].starts_with("migrations/20") && files[0].ends_with("_add_users_names.sql"), "{files:?}");
    assert_eq!(project.read(&files[0]), "", "the order of the application is the lock's");
    let files = wrote(&project.run_alone(&["generate", "more", "--module", "users"]).ok());
    assert!(files[0].starts_with("users/migrations/20"), "{files:?}");
    assert_eq!(project.read(&files[0]), "");
    let files = wrote(&project.run_alone(&["generate", "x", "--module", "app"]).ok());
    assert!(files[0].starts_with("migrations/20"), "{files:?}");
    project.run_alone(&["generate", "more", "--module", "user"]).exits(2).says("did you mean `users`");
    project.run_alone(&["generate", "!!"]).exits(2);
    assert_eq!(project.tree().iter().filter(|(path, _)| crate::common::is_sql(path)).count(), 6);
}

#[test]
fn a_crate_module_names_what_it_needs() {
    let project = workspace();
    project.run_alone(&["modules", "enable", "jobs"]).ok();
    let files = wrote(&project.run_alone(&["generate", "queue", "--module", "jobs"]).ok());
    assert!(files[0].starts_with("jobs/migrations/20"), "{files:?}");
    assert_eq!(project.read(&files[0]), "-- db-migrations: depends-on users::20240101000000_users\n\n");
    project.run_alone(&["lock"]).ok();
}

#[test]
fn a_crate_of_a_registry_gets_none() {
    let project = workspace();
    // a registry that is a folder: the crate looks as if it came from the registry
    let manifest = "[package]\nname = \"faraway\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[package.metadata.db-migrations]\n";
    project.write("vendor/faraway/Cargo.toml", manifest);
    project.write("vendor/faraway/src/lib.rs", "");
    project.write("vendor/faraway/migrations/1_far.sql", "CREATE TABLE far (id int);\n");
    project.write(
        "vendor/faraway/.cargo-checksum.json",
        format!("{{\"files\":{{}},\"package\":\"{}\"}}", "0".repeat(64)),
    );
    project.write(
        ".cargo/config.toml",
        "[source.crates-io]\nreplace-with = \"vendored\"\n[source.vendored]\ndirectory = \"vendor\"\n",
    );
    project.edit("Cargo.toml", "[dependencies]\n", "[dependencies]\nfaraway = \"0.1\"\n");
    generate_lockfile(&project);
    project.run_alone(&["modules"]).ok().says("faraway");
    let tree = project.tree();
    let output = project.run_alone(&["generate", "mine", "--module", "faraway"]).exits(2);
    output.says("not of this workspace").says("depends-on");
    assert_eq!(project.tree(), tree);
    project.run_alone(&["lock"]).ok().says("added faraway::1_far");
}

#[test]
fn each_format_gets_its_files() {
    let project = bare().file("migrations/2020-01-01-000000_a/up.sql", "SELECT 1;\n");
    project.write("migrations/2020-01-01-000000_a/down.sql", "SELECT 1;\n");
    let files = wrote(&project.run_alone(&["generate", "b"]).ok());
    assert_eq!(files.len(), 2);
    assert!(files[0].ends_with("_b/up.sql") && files[1].ends_with("_b/down.sql"), "{files:?}");
    project.run_alone(&["lock"]).ok().says("2 entries");

    let project =
        bare().file("migrations/1_a.up.sql", "SELECT 1;\n").file("migrations/1_a.down.sql", "SELECT 1;\n");
    let files = wrote(&project.run_alone(&["generate", "b"]).ok());
    assert_eq!(files, ["migrations/2_b.up.sql", "migrations/2_b.down.sql"]);
    project.run_alone(&["lock"]).ok().says("2 entries");

    let project = bare().file("migrations/V7__a.sql", "SELECT 1;\n");
    let files = wrote(&project.run_alone(&["generate", "b"]).ok());
    assert_eq!(files, ["migrations/V8__b.sql"]);

    let project = bare().file("migrations/0009_a.sql", "SELECT 1;\n");
    let files = wrote(&project.run_alone(&["generate", "b"]).ok());
    assert!(matches!(files[0].as_str(), "migrations/0010_b.sql" | "migrations/10_b.sql"), "{files:?}");

    let project = bare();
    let files = wrote(&project.run_alone(&["generate", "b", "--down"]).ok());
    assert!(files[0].ends_with("_b.up.sql") && files[1].ends_with("_b.down.sql"), "{files:?}");
    project.run_alone(&["lock"]).ok().says("(1 entr");
}

#[test]
fn a_generated_migration_runs_last() {
    let project = bare().file("migrations/20240101000000_a.sql", "CREATE TABLE a (id int);\n");
    let db = Db::sqlite();
    project.run(&db, &["migrate"]).ok();
    let files = wrote(&project.run_alone(&["generate", "b"]).ok());
    project.write(&files[0], "ALTER TABLE a ADD COLUMN n int;\n");
    project.run(&db, &["migrate"]).ok().says("1 migration committed").does_not_say("late");
    assert!(locked(&project)[1].ends_with("_b"));
}
