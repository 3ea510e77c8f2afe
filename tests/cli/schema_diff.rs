//! `schema diff`, and what `schema check` shows, leaves out and annotates.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::common::{base, lose_index, snapshot};
use crate::support::database::{Db, each_database};
use crate::support::project::Output;

/// A database with a long table, a view and an index.
fn left(db: &Db) -> Db {
    let other = db.another();
    other.execute(
        "CREATE TABLE users (id integer PRIMARY KEY, name varchar(20) NOT NULL, mail varchar(20), age integer);
         CREATE TABLE gone (id integer); CREATE VIEW names AS SELECT name FROM users;
         CREATE INDEX users_mail ON users (mail)",
    );
    other
}

/// The same with a column of another type, a table less and one more.
fn right(db: &Db) -> Db {
    let other = db.another();
    other.execute(
        "CREATE TABLE users (id integer PRIMARY KEY, name varchar(20) NOT NULL, mail varchar(99), age integer);
         CREATE TABLE fresh (id integer); CREATE VIEW names AS SELECT name FROM users;
         CREATE INDEX users_mail ON users (mail)",
    );
    other
}

#[test]
fn two_databases_that_are_the_same_or_not() {
    each_database(|db| {
        let (a, b) = (left(db), right(db));
        let project = base();
        let before = (a.dump(), b.dump());
        let same = project.run_alone(&["schema", "diff", a.url(), left(db).url()]).ok();
        same.says("the same schema: ");
        let output =
            project.run_alone(&["schema", "diff", a.url(), b.url()]).exits(1).says("3 differences between");
        let output = output.says("column mail is different").says("gone` is missing").says("fresh` is extra");
        assert!(!output.stdout.contains("names"), "{output}");
        assert_eq!((a.dump(), b.dump()), before, "nobody writes");
        let document =
            project.run_alone(&["schema", "diff", a.url(), b.url(), "--format", "json"]).exits(1).json();
        assert_eq!((&document["outcome"], &document["verdict"]), (&"different".into(), &"drift: 3".into()));
        let patch = document["patch"].as_str().unwrap();
        assert!(output.stdout.starts_with(patch), "{patch}");
        let changes: Vec<_> = document["drift"]["differences"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["change"].clone())
            .collect();
        assert_eq!(changes, ["different", "missing", "extra"]);
    });
}

/// What is printed is a unified diff: `patch` makes the second definition of the first.
#[test]
fn patch_takes_it() {
    each_database(|db| {
        let (a, b) = (left(db), right(db));
        let project = base();
        let output =
            project.run_alone(&["schema", "diff", a.url(), b.url(), "--filter", "table *users"]).exits(1);
        let definition = |db: &Db| {
            let document = project.run(db, &["schema", "dump", "--format", "json"]).ok().json();
            let objects = document["objects"].as_array().unwrap().clone();
            let table = objects.into_iter().find(|object| {
                object["kind"] == "table" && object["name"].as_str().unwrap().ends_with("users")
            });
            format!("{}\n", table.unwrap()["definition"].as_str().unwrap())
        };
        project.write("it.sql", definition(&a));
        let mut patch = Command::new("patch")
            .args(["--quiet", "it.sql"])
            .current_dir(project.path())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        patch.stdin.take().unwrap().write_all(output.stdout.as_bytes()).unwrap();
        assert!(patch.wait().unwrap().success(), "{output}");
        assert_eq!(project.read("it.sql"), definition(&b));
    });
}

#[test]
fn filters_say_what_counts() {
    each_database(|db| {
        let (a, b) = (left(db), right(db));
        let project = base();
        let diff =
            |more: &[&str]| project.run_alone(&[&["schema", "diff", a.url(), b.url()][..], more].concat());
        diff(&["--filter", "view *"]).ok();
        diff(&["--filter", "table *gone"]).exits(1).says("1 difference between");
        diff(&["--filter", "!table *gone", "--filter", "!* *fresh", "--filter", "!*users"]).ok();
        diff(&["--filter", "a["]).exits(2).says("`--filter`: `a[` is no pattern");
        project.write("db-migrations.yml", "cargo: off\nschema-check: { filter: [\"!table *\"] }\n");
        diff(&[]).ok();
        diff(&["--filter", "table *gone"]).ok();
        project.write("db-migrations.yml", "cargo: off\nschema-check: { filter: [\"a[\"] }\n");
        diff(&[]).exits(2).says("`schema-check.filter`: `a[` is no pattern");
        project.write("db-migrations.yml", "cargo: off\n");
        if db.is_postgres() {
            b.execute("CREATE SCHEMA side; CREATE TABLE side.t (id integer)");
            diff(&["--schema", "side"])
                .exits(1)
                .says("2 differences between")
                .says("table `side.t` is extra");
            diff(&["--schema", "public"]).exits(1).says("3 differences between");
        } else {
            diff(&["--schema", "public"]).exits(2).says("`--schema` means nothing on");
        }
    });
}

#[test]
fn different_kinds_are_not_compared_and_passwords_not_shown() {
    let Some(postgres) = Db::postgres() else { return };
    let sqlite = left(&Db::sqlite());
    let project = base();
    let output = project.run_alone(&["schema", "diff", sqlite.url(), postgres.url()]).exits(2);
    output.says("the schemas of SQLite and of PostgreSQL cannot be compared");
    let closed = "postgres://me:hidden-word@127.0.0.1:1/x";
    for args in [[closed, sqlite.url()], [sqlite.url(), closed]] {
        let output = project.run_alone(&["schema", "diff", args[0], args[1]]).exits(6);
        output.says("`ps` shows to everybody").does_not_say("hidden-word");
        let names = args.map(|url| if url == closed { "${OTHER}" } else { url });
        let mut command = project.command(&["schema", "diff", names[0], names[1]]);
        let output = Output::of(command.env("OTHER", closed), &[]).exits(6).does_not_say("hidden-word");
        output.says("127.0.0.1").does_not_say("`ps`");
    }
    project
        .run_alone(&["schema", "diff", "${NOBODY}", sqlite.url()])
        .exits(2)
        .says("the variable `NOBODY` is not set");
}

#[test]
fn a_check_shows_whole_objects_and_annotates() {
    each_database(|db| {
        let project = base();
        project.run(db, &["migrate"]).ok();
        project.run(db, &["schema", "check", "--annotations", "github"]).ok().does_not_say("::error");
        db.execute(lose_index(db));
        let output = project.run(db, &["schema", "check", "--annotations", "github"]).exits(1);
        let output = output.says("::error title=schema drift%3A ").says("posts_user");
        assert!(output.stdout.contains("\n::error"), "{output}");
        if db.is_mariadb() {
            output.says("--- expected/table posts\t\n+++ actual/table posts\t\n@@ ").says("-  KEY");
        } else {
            output.says("--- expected/index ").says("+++ /dev/null").says("-CREATE INDEX");
        }
        let args = ["schema", "check", "--annotations", "github", "--format", "json"];
        let output = project.run(db, &args).exits(1);
        assert!(output.stderr.contains("::error"), "{output}");
        let document = output.json();
        assert_eq!(document["against"], "snapshot");
        assert!(document["patch"].as_str().unwrap().contains("posts_user"));
        let filter = if db.is_mariadb() { "!table posts" } else { "!index *" };
        project.run(db, &["schema", "check", "--filter", filter]).ok();
        // the configuration's filter counts in a run, too
        project
            .write("db-migrations.yml", format!("cargo: off\nschema-check: {{ filter: [\"{filter}\"] }}\n"));
        project.write("migrations/20240109000000_x.sql", "CREATE TABLE x (id integer);\n");
        project.run(db, &["migrate"]).ok().says("schema check: passed");
        assert!(project.read(&snapshot(db)).contains("posts_user"), "the snapshot is whole");
    });
}

#[test]
fn a_file_that_is_not_there_is_no_empty_database() {
    let there = left(&Db::sqlite());
    let project = base();
    let tree = project.tree();
    for pair in [["sqlite:nope.db", there.url()], [there.url(), "sqlite:nope.db"], ["sqlite:nope.db"; 2]] {
        let output = project.run_alone(&["schema", "diff", pair[0], pair[1]]).exits(6);
        output.says("there is no database `nope.db`").does_not_say("the same schema");
    }
    assert_eq!(project.tree(), tree, "nothing was made");
}

#[test]
fn a_filter_that_matches_nothing_is_said() {
    each_database(|db| {
        let (a, b) = (left(db), right(db));
        let project = base();
        let diff =
            |more: &[&str]| project.run_alone(&[&["schema", "diff", a.url(), b.url()][..], more].concat());
        diff(&["--filter", "tabel *"]).ok().says("warning: `--filter` matches no object");
        let output =
            diff(&["--filter", "tabel *", "--format", "json"]).ok().says("`--filter` matches no object");
        assert_eq!(output.json()["outcome"], "same");
        // on one side there is one
        diff(&["--filter", "table *gone"]).exits(1).does_not_say("no object");
        diff(&["--filter", "view *"]).ok().does_not_say("no object");
        let empty = db.another();
        empty.execute("CREATE TABLE x (id integer); DROP TABLE x");
        let output =
            project.run_alone(&["schema", "diff", empty.url(), empty.url(), "--filter", "view *"]).ok();
        output.does_not_say("no object");
        project.run(db, &["migrate"]).ok();
        let check = |more: &[&str]| project.run(db, &[&["schema", "check"][..], more].concat()).ok();
        check(&["--filter", "tabel *"]).says("warning: `--filter` matches no object");
        check(&["--filter", "table *"]).does_not_say("no object");
        if db.is_postgres() {
            check(&["--schema", "nope"]).says("warning: `--schema` matches no object");
            check(&["--schema", "public"]).does_not_say("no object");
            let output = check(&["--schema", "public", "--filter", "view *"]);
            output.says("warning: `--filter`, `--schema` together match no object");
        }
        project.write("db-migrations.yml", "cargo: off\nschema-check: { filter: [\"tabel *\"] }\n");
        check(&[]).says("warning: `schema-check.filter` matches no object");
        diff(&[]).ok().says("warning: `schema-check.filter` matches no object");
    });
}
