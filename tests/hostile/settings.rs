//! Names in settings that hold more than a name: refused, or no object appears beside the wanted ones.

use crate::support::database::{Db, each_database};
use crate::support::project::Project;

const NAMES: [&str; 12] = [
    "a\"; CREATE TABLE evil (a int); --",
    "a`; CREATE TABLE evil (a int); -- ",
    "a'; CREATE TABLE evil (a int); --",
    "a); CREATE TABLE evil (a int); --",
    "a.b",
    "a b",
    "a\0b",
    "gr\u{fc}\u{df}e",
    "\u{1f98a}",
    "1a",
    "",
    "a\nb",
];

fn quoted(name: &str) -> String {
    serde_json::to_string(name).unwrap()
}

/// Whether a table of that name is there: a name that holds the whole text is only a name.
fn has_evil(db: &Db) -> bool {
    let tables = if db.is_sqlite() {
        "SELECT count(*) FROM sqlite_schema WHERE name = 'evil'"
    } else {
        "SELECT count(*) FROM information_schema.tables WHERE table_name = 'evil'"
    };
    db.count(tables) > 0
}

fn project(more: &str) -> Project {
    Project::with_config(&format!("cargo: off\n{more}"))
        .file("migrations/1_a.sql", "CREATE TABLE a (id int);\n")
}

#[test]
fn names_of_the_history() {
    each_database(|db| {
        let long = "x".repeat(65);
        for name in NAMES.into_iter().chain([long.as_str()]) {
            for key in ["history-table", "history-schema"] {
                let project = project(&format!("database: {{ {key}: {} }}\n", quoted(name)));
                let output = project.run(db, &["migrate"]).exits(2);
                crate::terminal::harmless(&output);
                assert!(db.is_empty(), "{key} {name:?}: {output}");
            }
        }
    });
}

#[test]
fn names_of_other_tools_tables() {
    each_database(|db| {
        for name in NAMES {
            let texts = [
                format!("adopt: [{{ from: sqlx, module: app, table: {0}, schema: {0} }}]\n", quoted(name)),
                format!("mirror: sqlx\nmirror-table: {}\n", quoted(name)),
            ];
            for text in texts {
                let db = db.another();
                let project = project(&text);
                let output = project.run(&db, &["migrate"]);
                crate::terminal::harmless(&output);
                assert!(!has_evil(&db), "{text}: {output}");
            }
        }
    });
}

#[test]
fn values_of_session_settings() {
    each_database(|db| {
        let setting = match db.dialect() {
            "postgres" => "application_name",
            "sqlite" => "cache_size",
            _ => "group_concat_max_len",
        };
        for value in
            ["1; CREATE TABLE evil (a int)", "x'; CREATE TABLE evil (a int); --", "1 --", "a\"b", "\u{1b}[2J"]
        {
            let db = db.another();
            let project = project(&format!("session: {{ {setting}: {} }}\n", quoted(value)));
            let output = project.run(&db, &["migrate"]);
            crate::terminal::harmless(&output);
            assert!(!has_evil(&db), "{value}: {output}");
        }
    });
}
