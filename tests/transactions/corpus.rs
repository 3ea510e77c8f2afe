//! Migrations of published crates, whatever of them Cargo has on this machine: how many are refused when
//! they are read, each named. It says what it found, so a person can judge; nothing is fetched.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use db_migrations::dialect::Dialect;
use db_migrations::sql::{self, Boundary};

/// Test data of parsers, which are meant to be anything.
const NO_MIGRATIONS: [&str; 3] = ["squawk-", "es-entity-macros-", "sqlx-macros"];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "sql") {
            found.push(path);
        }
    }
}

fn dialect(path: &str) -> Dialect {
    let has = |words: &[&str]| words.iter().any(|word| path.contains(word));
    if has(&[
        "sqlite",
        "mostro-",
        "atuin-client",
        "ockam_node",
        "openmls",
        "cdk-sql-common-0.18.3/src/wallet/migrations/sqlite",
    ]) && !has(&["postgres"])
    {
        Dialect::Sqlite
    } else if has(&["mysql", "mariadb"]) {
        Dialect::MariaDb
    } else {
        Dialect::Postgres
    }
}

fn refused(dialect: Dialect, text: &str) -> Option<String> {
    let statements = match sql::split(dialect, text) {
        Ok(statements) => statements,
        Err(error) => return Some(format!("cannot be read: {error} at {:?}", error.span)),
    };
    for statement in &statements {
        let one = &text[statement.span.clone()];
        if let kind @ (Boundary::TransactionControl(_) | Boundary::Client(_)) = sql::boundary(dialect, one) {
            return Some(format!("{kind:?} in line {}: {}", statement.line, one.lines().next().unwrap()));
        }
    }
    if let Err(error) = sql::directives(Some(dialect), text) {
        return Some(format!("a directive: {error}"));
    }
    let otherwise = sql::reads_otherwise(dialect, text, &statements, &BTreeMap::new());
    otherwise.map(|found| format!("reads otherwise: {found:?}"))
}

#[test]
#[ignore = "it measures what this machine has of other crates"]
fn refusals_of_published_migrations() {
    let home = std::env::var("CARGO_HOME")
        .map_or_else(|_| PathBuf::from(std::env::var("HOME").unwrap()).join(".cargo"), PathBuf::from);
    let mut found = Vec::new();
    files(&home.join("registry/src"), &mut found);
    found.sort();
    let (mut read, mut statements, mut counts) = (0, 0, BTreeMap::<Dialect, usize>::new());
    let mut refusals = Vec::new();
    for path in found {
        let name = path.display().to_string();
        if NO_MIGRATIONS.iter().any(|prefix| name.contains(prefix))
            || !(name.contains("migration") || name.contains("/sql/"))
        {
            continue;
        }
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let text = text.replace("\r\n", "\n");
        let dialect = dialect(&name);
        read += 1;
        *counts.entry(dialect).or_default() += 1;
        statements += sql::split(dialect, &text).map_or(0, |found| found.len());
        if let Some(why) = refused(dialect, &text) {
            refusals.push(format!("{dialect:?} {}: {why}", name.split("registry/src/").last().unwrap()));
        }
    }
    println!("{read} files {counts:?}, {statements} statements, {} refused", refusals.len());
    println!("{}", refusals.join("\n"));
}
