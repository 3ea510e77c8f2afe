//! Texts that are small and mean much: nested, repeated, endless.

use std::fmt::Write;

use db_migrations::config;
use db_migrations::lock::Document;

use crate::confined::{confined, project};

fn refusal(text: &str) -> String {
    let faults = Document::parse("migrations-lock.yml", text).unwrap_err();
    assert!(!faults[0].frames.is_empty(), "no line is named: {faults:?}");
    faults[0].message.clone()
}

/// Each line holds the one before it ten times.
fn laughs(first: &str) -> String {
    let mut text = format!("{first}: &a0 [x]\n");
    for n in 1..30 {
        let ten = vec![format!("*a{}", n - 1); 10].join(", ");
        writeln!(text, "k{n}: &a{n} [{ten}]").unwrap();
    }
    text
}

#[test]
fn aliases_that_multiply() {
    assert!(refusal(&laughs("a::1")).contains("an entry is a map"));
    let faults = config::parse("db-migrations.yml", &laughs("session"), &|_| None).unwrap_err();
    assert!(!faults[0].frames.is_empty(), "{faults:?}");
    let project = project();
    for place in ["db-migrations.yml", "migrations-lock.yml"] {
        let before = project.exists(place).then(|| project.read(place));
        project.write(place, laughs("modules"));
        confined(&project, &["lock"]).exits(2).says(place);
        match before {
            Some(text) => project.write(place, text),
            None => project.remove(place),
        }
    }
}

#[test]
fn deep_nesting() {
    for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")] {
        let text = format!("a::1: {}{}\n", open.repeat(100_000), close.repeat(100_000));
        refusal(&text);
        refusal(&format!("a::1:\n {}\n", open.repeat(100_000)));
        let text = format!("session: {}{}\n", open.repeat(100_000), close.repeat(100_000));
        assert!(config::parse("db-migrations.yml", &text, &|_| None).is_err());
    }
    assert_eq!(
        refusal(&format!("a::1: {}{}\n", "[".repeat(20), "]".repeat(20))),
        "the lock is nested too deeply"
    );
}

#[test]
fn giant_scalars() {
    let long = "x".repeat(8 * 1024 * 1024);
    for text in [
        format!("a::{long}: {{ skip: false }}\n"),
        format!("a::1: {{ skip: {long} }}\n"),
        format!("a::1: {{ checksum: \"{long}\" }}\n"),
        format!("a::1: {{ {long}: 1 }}\n"),
    ] {
        refusal(&text);
    }
    // a comment may be long
    Document::parse("migrations-lock.yml", &format!("# {long}\na::1: {{}}\n")).unwrap();
}

#[test]
fn a_hundred_thousand_entries_are_fine() {
    let mut text = String::new();
    for n in 0..100_000 {
        writeln!(text, "app::{n:06}_x: {{ skip: {} }}", n % 2 == 0).unwrap();
    }
    let document = Document::parse("migrations-lock.yml", &text).unwrap();
    assert_eq!(document.lock().entries.len(), 100_000);
    let mut wanted = document.lock().clone();
    wanted.entries[50_000].skip = false;
    let edited = document.edit(&wanted).unwrap();
    assert_eq!(edited, text.replace("app::050000_x: { skip: true }", "app::050000_x: { skip: false }"));
}

/// Faults in every line are told, and telling them does not take a pass over the text for each.
#[test]
fn a_hundred_thousand_faults() {
    let text = "a::1: &x { skip: no }\n".repeat(100_000);
    assert!(Document::parse("migrations-lock.yml", &text).unwrap_err().len() >= 100_000);
}
