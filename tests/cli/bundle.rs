//! `bundle`, and commands that work from one: no sources, no configuration, no Cargo.

use db_migrations::bundle::parse;

use crate::common::{LOCK, add_tags, base, snapshot};
use crate::support::database::{Db, each_database};
use crate::support::project::{Output, Project};

pub(crate) const FILE: &str = "app.bundle";

/// A folder that holds nothing but the bundle of this project.
pub(crate) fn moved(project: &Project) -> Project {
    project.run_alone(&["bundle", "-o", FILE]).ok();
    Project::new().file(FILE, project.read(FILE))
}

/// Runs from the bundle, with nothing on the path.
pub(crate) fn from_bundle(place: &Project, url: &str, args: &[&str]) -> Output {
    let args = [args, &["--bundle", FILE]].concat();
    let mut command = place.command(&args);
    command.env("PATH", "").env_remove("CARGO_HOME").env("DATABASE_URL", url);
    Output::of(&mut command, &args)
}

#[test]
fn a_bundle_runs_where_nothing_else_is() {
    each_database(|db| {
        let project = base().file("checks/names.sql", "SELECT * FROM users WHERE name = '';\n");
        project.run(db, &["migrate"]).ok();
        let place = moved(&project);
        drop(project);
        let other = db.another();
        let before = place.tree();
        from_bundle(&place, other.url(), &["plan"]).ok().says("app::20240102000000_posts");
        assert!(other.is_empty(), "a plan writes nothing");
        from_bundle(&place, other.url(), &["lock", "--check"]).ok();
        from_bundle(&place, other.url(), &["migrate"]).ok().says("schema check: passed");
        from_bundle(&place, other.url(), &["migrate"]).ok().says("nothing to do");
        from_bundle(&place, other.url(), &["status"]).ok().says("2 applied");
        from_bundle(&place, other.url(), &["schema", "check"]).ok().says("passed");
        assert_eq!(other.dump_schema(), db.dump_schema());
        assert_eq!(place.tree(), before, "nothing is written beside the database");
    });
}

#[test]
fn a_failure_shows_the_bundled_text() {
    let project = base();
    project.run_alone(&["lock"]).ok();
    let db = Db::sqlite();
    project.run(&db, &["migrate"]).ok();
    let place = moved(&project);
    let other = db.another();
    other.execute("CREATE TABLE posts (a int)");
    from_bundle(&place, other.url(), &["migrate"])
        .exits(3)
        .says("--> migrations/20240102000000_posts.sql:1:1")
        .says("CREATE TABLE posts (id integer PRIMARY KEY");
}

#[test]
fn what_was_not_consented_is_not_bundled() {
    let db = Db::sqlite();
    let project = base();
    project.run(&db, &["migrate"]).ok();
    add_tags(&project);
    project.run(&db, &["bundle", "-o", FILE]).exits(7).says("`app::20240103000000_tags` is new");
    project.run(&db, &["plan", "--locked"]).exits(1).says("`--locked` forbids to change it");
    project.run(&db, &["plan"]).ok();
    project.run_alone(&["lock"]).ok();
    project.run(&db, &["bundle", "-o", FILE]).ok();
    project.remove(&snapshot(&db));
    project.run(&db, &["bundle", "-o", FILE]).exits(7).says("is missing");
    project.run_alone(&["bundle", "-o", FILE]).exits(7).says("there is no snapshot");
}

#[test]
fn every_changed_byte_is_refused() {
    let db = Db::sqlite();
    let project = base();
    project.run(&db, &["migrate"]).ok();
    let place = moved(&project);
    let bytes = place.read(FILE).into_bytes();
    parse(FILE, &bytes).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        for other in [bytes[at] ^ 1, bytes[at] ^ 0x20, b' ', b'0'] {
            changed[at] = other;
            assert_eq!(parse(FILE, &changed).is_err(), other != bytes[at], "byte {at}");
        }
        assert!(parse(FILE, &bytes[..at]).is_err(), "cut off at {at}");
        assert!(parse(FILE, &[&bytes[..at], &bytes[at + 1..]].concat()).is_err(), "without byte {at}");
    }
    for tail in [" ", "\n", "{}", "\0"] {
        assert!(parse(FILE, &[&bytes, tail.as_bytes()].concat()).is_err(), "{tail:?} behind");
    }
    let other = db.another();
    place.edit(FILE, "INSERT INTO users VALUES (1, 'ann')", "INSERT INTO users VALUES (2, 'ann')");
    from_bundle(&place, other.url(), &["migrate"]).exits(2).says("was changed or damaged");
    place
        .write(FILE, String::from_utf8(bytes).unwrap().replace("format_version\": 1", "format_version\": 7"));
    from_bundle(&place, other.url(), &["migrate"]).exits(2).says("a bundle of format 7");
    assert!(other.is_empty());
}

#[test]
fn the_same_project_gives_the_same_bytes_and_no_secret() {
    let db = Db::sqlite();
    let project = base().file("checks/names.sql", "SELECT * FROM users\nWHERE name = '';\n");
    project.run(&db, &["migrate"]).ok();
    let config = "cargo: off\ndatabase:\n  url: postgres://me:canary-a@host/x\n  scratch-url: ${SCRATCH}\n";
    project.write("db-migrations.yml", config);
    project.write(".env", "DATABASE_URL=sqlite://canary-b.db\nSCRATCH=postgres://canary-c@host/y\n");
    let bundle = |project: &Project| {
        project.run(&db, &["bundle", "-o", FILE]).ok();
        project.read(FILE)
    };
    let first = bundle(&project);
    assert_eq!(bundle(&project), first);
    assert!(!first.contains("canary") && !first.contains(&project.path().display().to_string()));
    let windows = Project::new();
    for (path, text) in project.tree() {
        windows.write(&path, if path == FILE { String::new() } else { text.replace('\n', "\r\n") });
    }
    assert!(windows.read(LOCK).contains("\r\n"));
    assert_eq!(bundle(&windows), first);
    let config = format!("{config}  history-table: ${{TABLE}}\n");
    project.write("db-migrations.yml", config);
    let refused = Output::of(project.command(&["bundle", "-o", FILE]).env("TABLE", "h"), &["bundle"]);
    refused.exits(7).says("takes `${TABLE}` from the environment");
}

#[test]
fn what_a_bundle_cannot_do_is_said() {
    let db = Db::sqlite();
    let project = base();
    project.run(&db, &["migrate"]).ok();
    let place = moved(&project);
    let url = db.url();
    from_bundle(&place, url, &["lock"]).exits(2).says("the lock of a bundle cannot be changed");
    from_bundle(&place, url, &["repair"]).exits(2).says("unexpected argument '--bundle'");
    from_bundle(&place, url, &["migrate", "--config", "x.yml"]).exits(2).says("do not go together");
    place.run_alone(&["migrate", "--bundle", FILE]).exits(2).says("a bundle holds none");
    let wrong = "0".repeat(64);
    from_bundle(&place, url, &["status", "--bundle-digest", &wrong]).exits(2).says("found ");
}

/// The commands of a page's code blocks of one language.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let start = format!("```{language}\n");
    page.split(start.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn the_recipes_run_and_name_the_same_commands() {
    let page = include_str!("../../docs/deploy.md");
    let shell: Vec<&str> = blocks(page, "sh").into_iter().flat_map(str::lines).collect();
    assert_eq!(shell.len(), 5);
    each_database(|db| {
        let project = base();
        project.run(&db.another(), &["migrate"]).ok();
        for line in &shell {
            let args: Vec<&str> = line.split(' ').skip(1).collect();
            project.run(db, &args).ok();
        }
        assert_eq!(db.count("SELECT count(*) FROM users"), 1);
    });
    let known = |line: &str| shell.iter().any(|command| *command == line.replace("/opt/app/", ""));
    for yaml in blocks(page, "yaml") {
        let value: serde_json::Value = serde_saphyr::from_str(yaml).unwrap();
        assert!(value.is_object());
        let runs = yaml.lines().map(|line| line.trim().trim_start_matches("- ").trim_start_matches("run: "));
        let runs: Vec<&str> = runs.filter(|line| line.starts_with("db-migrations ")).collect();
        assert!(runs.iter().all(|line| known(line)), "{runs:?}");
    }
    let words = "\"db-migrations\", \"migrate\", \"--bundle\", \"/app.bundle\"";
    assert!(page.contains(words) && page.contains(&words.replace('"', "")));
    for (_, line) in page.lines().filter_map(|line| line.split_once("ExecStart=/usr/local/bin/")) {
        assert!(known(line), "{line}");
    }
    let docker = blocks(page, "dockerfile")[0];
    let runs =
        docker.lines().filter_map(|line| line.strip_prefix("RUN ")).filter(|run| run.starts_with("db-"));
    assert!(runs.inspect(|run| assert!(known(run), "{run}")).count() == 1);
}
