//! The house keeps itself: floors, purity, sizes, exit codes, variables of the environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Each row is a floor; a module imports from floors below, and from modules to its left in its row.
const FLOORS: [&[&str]; 6] = [
    &["run_id", "id", "dialect", "diagnostic", "schema", "history", "tool", "tls", "secret"],
    &["migration", "module", "sql", "config", "database"],
    &[
        "catalogue",
        "adopt",
        "lock",
        "review",
        "plan",
        "snapshot",
        "drift",
        "diff",
        "generate",
        "event",
        "bundle",
        "squash",
        "lint",
    ],
    &["fault", "program", "lockfile", "git", "maintenance", "discover", "backend"],
    &["engine"],
    &["report", "cli"],
];

/// Floors 0 to 2 touch no file, environment, clock, network or terminal.
const IMPURE: [&str; 10] = [
    "std::fs",
    "fs_err",
    "std::env",
    "std::net",
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "println!",
    "std::process::Command",
    "sqlx::",
];

fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source");
                found.push((path.strip_prefix(&root).expect("below src").to_owned(), text));
            }
        }
    }
    found.sort();
    found
}

fn module(path: &Path) -> String {
    let first = path.iter().next().expect("a name").to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// (floor, place in its row) of each module.
fn places() -> BTreeMap<&'static str, (usize, usize)> {
    let row =
        |(floor, row): (usize, &'static &[&str])| row.iter().enumerate().map(move |(i, m)| (*m, (floor, i)));
    FLOORS.iter().enumerate().flat_map(row).collect()
}

fn code(text: &str) -> String {
    let before_tests = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    before_tests.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn imports_only_go_down() {
    let places = places();
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let from = module(&path);
        let Some(here) = places.get(from.as_str()) else {
            assert!(["lib", "main"].contains(&from.as_str()), "`{from}` stands on no floor");
            continue;
        };
        let code = code(&text);
        for (at, _) in code.match_indices("crate::") {
            let name: String =
                code[at + 7..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let Some(there) = places.get(name.as_str()).filter(|_| name != from) else { continue };
            if there.0 > here.0 || (there.0 == here.0 && there.1 > here.1) {
                wrong.push(format!("{} imports `{name}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "upward imports:\n{}", wrong.join("\n"));
}

#[test]
fn the_lower_floors_are_pure() {
    let places = places();
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let from = module(&path);
        if places.get(from.as_str()).is_none_or(|(floor, _)| *floor > 2) || from == "run_id" {
            continue;
        }
        let code = code(&text);
        wrong.extend(
            IMPURE.iter().filter(|w| code.contains(**w)).map(|w| format!("{} uses {w}", path.display())),
        );
    }
    assert!(wrong.is_empty(), "I/O where none may be:\n{}", wrong.join("\n"));
}

#[test]
fn the_engine_does_not_ask_which_database_it_is() {
    for (path, text) in sources().iter().filter(|(path, _)| module(path) == "engine") {
        let code = code(text);
        for name in ["Dialect::Postgres", "Dialect::Sqlite =>", "Dialect::MySql", "Dialect::MariaDb"] {
            assert!(!code.contains(name), "{} names {name}: ask the table of facts", path.display());
        }
    }
}

#[test]
fn every_file_says_what_it_is_for_and_stays_small() {
    for (path, text) in sources() {
        assert!(text.starts_with("//!"), "{} opens with no module doc", path.display());
        let lines = text.lines().count();
        assert!(lines <= 560, "{} has {lines} lines: is it still one thing?", path.display());
        for word in ["todo!(", "unimplemented!(", "dbg!("] {
            assert!(!code(&text).contains(word), "{} has {word}", path.display());
        }
    }
}

/// Names in capitals between quotes, in a source that reads the environment.
fn variables(text: &str) -> Vec<&str> {
    let is_name = |word: &&str| {
        word.len() > 2
            && word.starts_with(|c: char| c.is_ascii_uppercase())
            && word.chars().all(|c| c.is_ascii_uppercase() || c == '_')
    };
    let lines = text.lines().filter(|line| !line.contains("value_name"));
    lines.flat_map(|line| line.split('"').skip(1).step_by(2)).filter(is_name).collect()
}

#[test]
fn every_variable_of_the_environment_is_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/configuration.md")).expect("docs/configuration.md");
    let sources = sources();
    let sources =
        sources.iter().filter(|(path, _)| !path.ends_with("tests.rs") && !path.ends_with("fault.rs"));
    let reading = sources.filter(|(_, text)| text.contains("env::var") || text.contains(".variable("));
    let read: Vec<&str> = reading.flat_map(|(_, text)| variables(text)).collect();
    for name in ["DATABASE_URL", "DB_MIGRATIONS_SCRATCH_URL", "CARGO", "CARGO_HOME", "USER"] {
        assert!(read.contains(&name), "`{name}` is not read any more: {read:?}");
    }
    for name in read {
        assert!(page.contains(&format!("`{name}`")), "docs/configuration.md does not say what `{name}` is");
    }
}

#[test]
fn the_page_of_exit_codes_is_complete() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/exit-codes.md")).expect("docs/exit-codes.md");
    let source = std::fs::read_to_string(root.join("src/cli/exit.rs")).expect("src/cli/exit.rs");
    let mut in_code: Vec<u8> = source
        .lines()
        .filter_map(|line| {
            line.trim().strip_prefix("Self::")?.split_once(" => ")?.1.trim_end_matches(',').parse().ok()
        })
        .collect();
    let mut in_docs: Vec<u8> =
        page.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok()).collect();
    in_code.sort_unstable();
    in_docs.sort_unstable();
    assert!(!in_code.is_empty());
    assert_eq!(in_code, in_docs);
}
