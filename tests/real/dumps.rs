//! Our dump beside those of the databases' own tools: what either makes of an empty database is the same.

use std::collections::BTreeSet;
use std::process::Command;

use db_migrations::drift::between;
use db_migrations::snapshot::render_schema;

use crate::law::{dialect, introspect};
use crate::schemas;
use crate::support::database::Db;

/// Words of the tool's dump that ours has not: what it shows and ours does not.
fn words_of_its_own(theirs: &str, ours: &str) -> BTreeSet<String> {
    let words = |text: &str| -> BTreeSet<String> {
        let word = |c: char| !c.is_alphanumeric() && !matches!(c, '_' | '@' | '=');
        text.split(word).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
    };
    words(theirs).difference(&words(ours)).cloned().collect()
}

fn the_same(db: Option<Db>) {
    let Some(db) = db else { return };
    let schema = introspect(&db);
    let ours = render_schema(&schema, dialect(&db));
    let theirs = their_dump(&db);
    for text in [&ours, &theirs] {
        let copy = db.another();
        copy.load(text);
        let drift = between(dialect(&db), &schema, &introspect(&copy));
        assert!(drift.is_empty() && drift.notes.is_empty(), "{drift:?}\n{text}");
    }
    println!("{} objects: {:?}", schema.objects.len(), words_of_its_own(&theirs, &ours));
}

/// The schema by the tool of the database; of SQLite by its shell. That of PostgreSQL empties the search
/// path, so that a function of M1 that an index calls does not find `uuid_nil` and nothing loads.
fn their_dump(db: &Db) -> String {
    let Some(path) = db.path() else {
        return db.dump_schema().replace("SELECT pg_catalog.set_config('search_path', '', false);", "");
    };
    let output = Command::new("sqlite3").arg(path).arg(".schema --nosys").output();
    let Ok(output) = output else { return db.dump_schema() };
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn m1() {
    the_same(schemas::m1());
}

#[test]
fn m2() {
    the_same(schemas::m2());
}

#[test]
fn m3() {
    the_same(schemas::m3());
}

#[test]
fn mariadb() {
    the_same(schemas::hammerwork());
    the_same(schemas::torrust_mariadb());
}
