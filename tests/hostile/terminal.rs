//! Whatever others wrote, the terminal gets text: no byte below 0x20 but line breaks and tabs, no
//! other control character, none that turns the direction of writing or cannot be seen.

use db_migrations::diagnostic::{Diagnostic, Frame};
use db_migrations::report::human::{Weight, render};
use db_migrations::report::json;
use proptest::prelude::*;

use crate::support::database::each_database;
use crate::support::project::{Output, Project};

const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;x\u{7}\u{9b}31m\r\u{8}\u{202e}\u{2066}\u{200b}\u{61c}\u{2028}";

fn is_harmless(c: char) -> bool {
    matches!(c, '\n' | '\t') || !(c.is_control() || db_migrations::id::is_deceptive(c))
}

/// Neither stream has anything else.
#[track_caller]
pub(crate) fn harmless(output: &Output) {
    for text in [&output.stdout, &output.stderr] {
        if let Some(c) = text.chars().find(|c| !is_harmless(*c)) {
            panic!("{c:?} reached the terminal: {text:?}");
        }
    }
}

/// Both formats, with colours forced: else the printer takes escapes out, and hides what is let through.
#[track_caller]
fn both(project: &Project, url: &str, args: &[&str]) {
    for format in ["human", "json"] {
        let args = [args, &["--format", format]].concat();
        let mut command = project.command(&args);
        let mut output = Output::of(command.env("DATABASE_URL", url).env("CLICOLOR_FORCE", "1"), &args);
        output.stdout = without_colours(&output.stdout);
        output.stderr = without_colours(&output.stderr);
        harmless(&output);
        if format == "json" && !output.stdout.is_empty() {
            output.json();
        }
    }
}

/// Our own colours.
fn without_colours(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("\u{1b}[") {
        let code = &rest[at + 2..];
        let end = code.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(code.len());
        let is_colour = code[end..].starts_with('m');
        kept.push_str(&rest[..if is_colour { at } else { at + 2 }]);
        rest = if is_colour { &code[end + 1..] } else { code };
    }
    kept + rest
}

#[test]
fn words_of_the_server() {
    each_database(|db| {
        let raise = match db.dialect() {
            "postgres" => {
                format!("DO $$ BEGIN RAISE EXCEPTION '{HOSTILE}' USING HINT = '{HOSTILE}'; END $$;\n")
            }
            "sqlite" => format!("SELECT * FROM \"{HOSTILE}\";\n"),
            _ => format!("SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{HOSTILE}';\n"),
        };
        let project = Project::with_config("cargo: off\n").file("migrations/1_a.sql", raise);
        for command in ["plan", "migrate", "status"] {
            both(&project, db.url(), &[command]);
        }
    });
}

#[test]
fn names_and_definitions_of_the_schema() {
    each_database(|db| {
        let mark = if db.is_mariadb() { '`' } else { '"' };
        let name = HOSTILE.replace('\r', "");
        let text = format!("CREATE TABLE {mark}t{name}{mark} (id int, {mark}c{name}{mark} int);\n");
        let project = Project::with_config("cargo: off\n").file("migrations/1_a.sql", &text);
        both(&project, db.url(), &["migrate"]);
        db.execute(&format!("ALTER TABLE {mark}t{name}{mark} ADD COLUMN {mark}d{name}{mark} int"));
        db.execute(&format!("CREATE TABLE {mark}u{name}{mark} (id int)"));
        for args in [&["schema", "check"][..], &["status"], &["plan"], &["schema", "check", "--strict"]] {
            both(&project, db.url(), args);
        }
    });
}

#[test]
fn texts_of_files() {
    let places = [
        "db-migrations.yml",
        "migrations-lock.yml",
        "migrations/1_a.sql",
        "plugins/p/module.yml",
        "plugins/p/Cargo.toml",
        "checks/a.sql",
        "migrations-schema.sqlite.sql",
    ];
    for place in places {
        for text in [
            format!("{HOSTILE}: [{HOSTILE}\n"),
            format!("-- db-migrations: {HOSTILE}\n"),
            format!("path: \"{HOSTILE}\"\n"),
            format!("'{HOSTILE}\n"),
            format!("path = \"{HOSTILE}\"\n[package]\nname = \"{HOSTILE}\"\n"),
        ] {
            let project = Project::with_config("cargo: off\nmodules: { paths: [plugins/*] }\n")
                .file("plugins/p/migrations/1_p.sql", "")
                .file(place, text);
            let url = format!("sqlite://{}", project.join("a.db").display());
            for command in ["lock", "migrate", "modules"] {
                both(&project, &url, &[command]);
            }
        }
    }
}

#[test]
fn words_of_the_command_line() {
    let project = Project::with_config("cargo: off\n");
    for args in [
        &["migrate", "--to", HOSTILE][..],
        &["lock", "--accept", HOSTILE],
        &["migrate", "--url", HOSTILE],
        &["status", "--config", HOSTILE],
    ] {
        let mut output = project.run_alone(args);
        output.stderr = without_colours(&output.stderr);
        harmless(&output);
    }
}

proptest! {
    #[test]
    fn any_diagnostic(message in any::<String>(), source in any::<String>(), start in 0usize..40, length in 0usize..40, label in "\\PC*|[\\x00-\\x9f]*") {
        let frame = Frame::new(label.clone(), source.clone(), start..start + length).label(label.clone());
        let diagnostic = Diagnostic::new(message).frame(frame).cause(&source).note(label.clone()).help(label);
        for text in [render(&diagnostic, Weight::Error, false), json::text(&json::diagnostic(&diagnostic))] {
            prop_assert!(text.chars().all(is_harmless), "{text:?}");
        }
        let read: serde_json::Value = serde_json::from_str(&json::text(&json::diagnostic(&diagnostic))).unwrap();
        prop_assert_eq!(read, json::diagnostic(&diagnostic), "escapes say what was meant");
    }
}
