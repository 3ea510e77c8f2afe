//! Schemas of databases, scripts between them, and the judgement of the check.

use std::fmt::Write;

use db_migrations::dialect::Dialect;
use db_migrations::diff::{Script, Style, script};
use db_migrations::drift::{Policy, compare};
use db_migrations::schema::Schema;
use db_migrations::sql::split;

use crate::support::block_on;
use crate::support::connect::connect_to;
use crate::support::database::Db;

pub(crate) fn dialect(db: &Db) -> Dialect {
    Dialect::from_alias(db.dialect()).unwrap()
}

pub(crate) fn introspect(db: &Db) -> Schema {
    block_on(async {
        let mut database = connect_to(db.url()).connect().await.unwrap();
        let schema = database.introspect().await.unwrap();
        database.close().await;
        schema
    })
}

/// The script as the engine would write it: every step is statements of the database's splitter.
pub(crate) fn text(dialect: Dialect, script: &Script) -> String {
    let mut text = String::new();
    for step in &script.steps {
        assert!(step.sql.ends_with(';'), "{}", step.sql);
        assert!(!step.alone, "{}", step.sql);
        assert_eq!(split(dialect, &step.sql).unwrap().len(), 1, "{}", step.sql);
        writeln!(text, "{}", step.sql).unwrap();
    }
    let statements = split(dialect, &text).unwrap();
    assert_eq!(statements.len(), script.steps.len(), "{text}");
    text
}

/// Carries a script out; what the database says if it fails.
pub(crate) fn carry_out(db: &Db, script: &Script) -> Result<(), String> {
    let text = text(dialect(db), script);
    if text.is_empty() {
        return Ok(());
    }
    let whole = match (db.is_sqlite(), script.foreign_keys_off) {
        (true, true) => format!("PRAGMA foreign_keys = OFF; BEGIN; {text} COMMIT; PRAGMA foreign_keys = ON;"),
        (true, false) => format!("BEGIN; {text} COMMIT;"),
        (false, _) if db.is_postgres() => format!("BEGIN; {text} COMMIT;"),
        (false, _) => text,
    };
    db.try_query(&whole).map(|_| ()).map_err(|error| format!("{error}"))
}

/// What the check still finds; nothing if both are the same to it.
pub(crate) fn rest(dialect: Dialect, expected: &Schema, actual: &Schema) -> String {
    let policy = Policy::exact(dialect);
    let drift = compare(expected, actual, &policy);
    drift.differences.iter().map(|difference| difference.describe() + "\n").collect()
}

/// What a generated schema that the database does not take is answered with.
pub(crate) const NOT_LOADED: &str = "not loaded";

/// The law for one pair: loads both, goes from a to b and back. Answers with both scripts.
pub(crate) fn both_ways(empty: &Db, a: &str, b: &str) -> Result<[Script; 2], String> {
    let (from, wanted) = (empty.another(), empty.another());
    for (db, text) in [(&from, a), (&wanted, b)] {
        db.try_query(text).map_err(|error| format!("{NOT_LOADED}: {error}\n{text}"))?;
    }
    let (before, to) = (introspect(&from), introspect(&wanted));
    let there = one_way(&from, &before, &to).map_err(|error| format!("{error}\n-- from\n{a}\n-- to\n{b}"))?;
    let back = one_way(&from, &introspect(&from), &before)
        .map_err(|error| format!("back: {error}\n-- from\n{b}\n-- to\n{a}"))?;
    Ok([there, back])
}

/// Goes from what is in the database to a schema.
pub(crate) fn one_way(db: &Db, from: &Schema, to: &Schema) -> Result<Script, String> {
    let dialect = dialect(db);
    let way = script(dialect, from, to, Style::default());
    let told = || format!("\n-- script\n{}", text(dialect, &way));
    if !way.not_generated.is_empty() {
        return Err(format!("not generated: {:?}{}", way.not_generated, told()));
    }
    carry_out(db, &way).map_err(|error| format!("{error}{}", told()))?;
    let rest = rest(dialect, to, &introspect(db));
    if rest.is_empty() { Ok(way) } else { Err(format!("{rest}{}", told())) }
}

/// How many generated pairs: the usual number, or what the environment says.
pub(crate) fn cases(usual: u32) -> u32 {
    std::env::var("DB_MIGRATIONS_DIFFS").map_or(usual, |number| number.parse().unwrap())
}

/// Bytes that say what to generate: zero is the simplest.
pub(crate) struct Choices<'a>(std::slice::Iter<'a, u8>);

impl<'a> Choices<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.iter())
    }

    pub(crate) fn of<T: Copy>(&mut self, options: &[T]) -> T {
        options[usize::from(self.0.next().copied().unwrap_or_default()) % options.len()]
    }

    /// True once in so many.
    pub(crate) fn one_in(&mut self, n: u8) -> bool {
        self.0.next().copied().unwrap_or_default() % n == n - 1
    }
}
