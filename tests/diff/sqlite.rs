//! The law on SQLite, without rows and with them.

use std::cell::Cell;
use std::fmt::Write;

use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::common::{Choices, both_ways, carry_out, cases, dialect, introspect, rest, text};
use crate::support::database::Db;
use crate::support::measured::measured;
use db_migrations::diff::{Style, script};

/// Choices for one table, and how many tables there are at most.
const CHOICES: usize = 48;
const TABLES: [&str; 4] = ["alpha", "Beta", "\"odd name\"", "gamma"];
const COLUMNS: [&str; 5] = ["c1", "C2", "\"c 3\"", "c4", "c5"];

/// A schema, and statements that fill its tables with three rows each.
struct Generated {
    schema: String,
    rows: String,
}

struct Column {
    name: &'static str,
    text: String,
    generated: bool,
}

fn column(choices: &mut Choices<'_>, name: &'static str, strict: bool) -> Option<Column> {
    if choices.one_in(4) {
        return None;
    }
    let types = if strict {
        ["INTEGER", "TEXT", "REAL", "ANY", "INT", "TEXT"]
    } else {
        ["INTEGER", "TEXT", "REAL", "BLOB", "VARCHAR(10)", ""]
    };
    let mut text = format!("{name} {}", choices.of(&types));
    let generated = choices.one_in(7);
    if generated {
        write!(
            text,
            " {}",
            choices.of(&["AS (id + 1)", "GENERATED ALWAYS AS (id || 'x') STORED", "AS (1) VIRTUAL"])
        )
        .unwrap();
    }
    if choices.one_in(3) {
        text.push_str(" NOT NULL");
    }
    let default = choices.of(&[
        "",
        "",
        " DEFAULT 7",
        " DEFAULT '8'",
        " DEFAULT (4 + 5)",
        " DEFAULT CURRENT_TIMESTAMP",
        " DEFAULT NULL",
        " DEFAULT +3",
    ]);
    // a time is no number
    if !(generated || strict && default.contains("CURRENT")) {
        text.push_str(default);
    }
    text.push_str(choices.of(&["", "", "", " COLLATE NOCASE"]));
    if choices.one_in(6) {
        text.push_str(" UNIQUE");
    }
    if choices.one_in(5) {
        write!(text, " CHECK ({name} <> -1)").unwrap();
    }
    let parent = choices.of(&TABLES);
    if choices.one_in(5) && !generated {
        write!(
            text,
            " REFERENCES {parent} (id){}",
            choices.of(&[" ON DELETE CASCADE", "", " ON DELETE SET NULL DEFERRABLE"])
        )
        .unwrap();
    }
    text.push_str(choices.of(&["", "", "", " -- a comment, with ( and '\n"]));
    Some(Column { name, text, generated })
}

fn table(choices: &mut Choices<'_>, at: usize, out: &mut Generated) {
    let name = TABLES[at];
    let options = choices.of(&["", "", "", " STRICT", " WITHOUT ROWID"]);
    let id = choices.of(&[
        "id INTEGER PRIMARY KEY",
        "id INTEGER PRIMARY KEY AUTOINCREMENT",
        "id INT NOT NULL UNIQUE",
        "id TEXT NOT NULL PRIMARY KEY",
        "id INTEGER NOT NULL",
    ]);
    let id = match (id, options) {
        ("id INTEGER PRIMARY KEY AUTOINCREMENT" | "id INT NOT NULL UNIQUE", " WITHOUT ROWID") => {
            "id INT PRIMARY KEY"
        }
        _ => id,
    };
    let columns: Vec<_> =
        COLUMNS.iter().filter_map(|name| column(choices, name, options == " STRICT")).collect();
    let has = |name: &str| columns.iter().any(|column| column.name == name);
    let mut parts = vec![id.to_owned()];
    parts.extend(columns.iter().map(|column| column.text.clone()));
    if id == "id INTEGER NOT NULL" {
        parts.push("PRIMARY KEY (id)".to_owned());
    }
    if choices.one_in(4) && has("c1") && has("C2") {
        parts.push(
            choices.of(&["UNIQUE (c1, c2)", "CONSTRAINT pair UNIQUE (c1, C2) ON CONFLICT IGNORE"]).to_owned(),
        );
    }
    if choices.one_in(4) && has("c4") {
        parts.push(
            choices.of(&["CHECK (c4 IS NULL OR c4 <> 99)", "CONSTRAINT lim CHECK (c4 <> 98)"]).to_owned(),
        );
    }
    let parent = choices.of(&TABLES);
    if choices.one_in(4) && has("c5") {
        parts.push(format!("FOREIGN KEY (c5) REFERENCES {parent} (id) ON DELETE CASCADE"));
    }
    writeln!(out.schema, "CREATE TABLE {name} ({}\n){options};", parts.join(", ")).unwrap();
    let filled: Vec<_> =
        columns.iter().filter(|column| !column.generated).map(|column| column.name).collect();
    for n in [2, 3, 5] {
        let values = format!(", {n}").repeat(filled.len());
        let names = [&["id"], &filled[..]].concat().join(", ");
        writeln!(out.rows, "INSERT INTO {name} ({names}) VALUES ({n}{values});").unwrap();
    }
    around(choices, at, &columns, &mut out.schema);
}

/// Indexes, views and triggers of a table.
fn around(choices: &mut Choices<'_>, at: usize, columns: &[Column], schema: &mut String) {
    let name = TABLES[at];
    let has = |name: &str| columns.iter().any(|column| column.name == name);
    if choices.one_in(3) && has("c1") {
        let what =
            choices.of(&["(c1)", "(c1 DESC, id)", "(lower(c1)) WHERE c1 > 0", "(id) WHERE c1 IS NOT NULL"]);
        writeln!(schema, "CREATE {} i{at} ON {name} {what};", choices.of(&["INDEX", "UNIQUE INDEX"]))
            .unwrap();
    }
    if choices.one_in(3) && has("\"c 3\"") {
        writeln!(schema, "CREATE INDEX \"of 3 {at}\" ON {name} (\"c 3\");").unwrap();
    }
    if choices.one_in(3) {
        let what = if has("c4") { choices.of(&["id, c4", "*", "count(*) AS id"]) } else { "id" };
        writeln!(schema, "CREATE VIEW v{at} AS SELECT {what} FROM {name};").unwrap();
        if choices.one_in(2) {
            writeln!(schema, "CREATE VIEW a_v{at} AS SELECT v.id FROM v{at} v;").unwrap();
        }
        if choices.one_in(2) {
            writeln!(
                schema,
                "CREATE TRIGGER on_v{at} INSTEAD OF INSERT ON v{at} BEGIN SELECT NEW.id; SELECT 1; END;"
            )
            .unwrap();
        }
    }
    let other = choices.of(&["log", "gone"]);
    if choices.one_in(3) {
        let when = choices.of(&["AFTER DELETE", "BEFORE DELETE"]);
        writeln!(
            schema,
            "CREATE TRIGGER t{at} {when} ON {name} BEGIN INSERT INTO {other} VALUES (OLD.id); END;"
        )
        .unwrap();
    }
    if choices.one_in(5) {
        writeln!(
            schema,
            "CREATE TRIGGER u{at} AFTER INSERT ON log BEGIN DELETE FROM {name} WHERE id = NEW.x; END;"
        )
        .unwrap();
    }
}

fn generate(bytes: &[u8]) -> Generated {
    let mut out = Generated { schema: String::new(), rows: String::new() };
    out.schema.push_str("CREATE TABLE log (x); CREATE TABLE gone (x);\n");
    for (at, bytes) in bytes.chunks(CHOICES).enumerate() {
        let mut choices = Choices::new(bytes);
        if choices.one_in(4) {
            if choices.one_in(3) {
                writeln!(
                    out.schema,
                    "CREATE VIRTUAL TABLE {} USING fts5(id, {});",
                    TABLES[at],
                    choices.of(&["a", "b"])
                )
                .unwrap();
            }
        } else {
            table(&mut choices, at, &mut out);
        }
    }
    out
}

/// Two schemas that have much in common.
fn pair() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let size = TABLES.len() * CHOICES;
    let bytes = prop::collection::vec(any::<u8>(), size);
    let changes = prop::collection::vec((0..size, any::<u8>()), 0..20);
    (bytes, changes).prop_map(|(a, changes)| {
        let mut b = a.clone();
        for (at, byte) in changes {
            b[at] = byte;
        }
        (a, b)
    })
}

#[test]
fn the_law() {
    let config =
        Config { cases: cases(64), failure_persistence: None, max_shrink_iters: 300, ..Config::default() };
    proptest!(config, |((a, b) in pair())| {
        let (a, b) = (generate(&a), generate(&b));
        let done = both_ways(&Db::sqlite(), &a.schema, &b.schema);
        prop_assert!(done.is_ok(), "{}", done.unwrap_err());
    });
}

/// What is in the columns that both schemas have, as numbers: types may differ.
fn rows(db: &Db, columns: &[(String, String)]) -> Vec<String> {
    let row = |(table, column): &(String, String)| {
        let rows = db.query(&format!("SELECT CAST({column} AS REAL) FROM {table} ORDER BY CAST(id AS REAL)"));
        format!("{table}.{column}: {rows:?}")
    };
    columns.iter().map(row).collect()
}

/// Columns with a value of their own, as `(table, column)`.
fn columns(db: &Db) -> Vec<(String, String)> {
    let names = db.query(
        "SELECT '\"'||m.name||'\" \"'||lower(c.name)||'\"' FROM sqlite_schema m, pragma_table_xinfo(m.name) c
         WHERE m.type = 'table' AND m.sql LIKE 'CREATE TABLE%' AND c.hidden = 0
         AND m.name IN ('alpha', 'Beta', 'odd name', 'gamma')",
    );
    names
        .iter()
        .map(|name| name.split_once("\" ").map(|(a, b)| (format!("{a}\""), b.to_owned())).unwrap())
        .collect()
}

/// Goes from a to b over three rows in each table: whether it went well, or was refused as announced.
/// Nothing if the rows are none that a takes, such as equal ones in a unique column.
fn over_rows(a: &Generated, b: &Generated) -> Result<Option<bool>, String> {
    let (from, wanted) = (Db::sqlite(), Db::sqlite());
    from.execute(&a.schema);
    wanted.execute(&b.schema);
    if from.try_query(&format!("PRAGMA foreign_keys = OFF; {}", a.rows)).is_err() {
        return Ok(None);
    }
    let (before, to) = (introspect(&from), introspect(&wanted));
    let way = script(dialect(&from), &before, &to, Style::default());
    let theirs = columns(&wanted);
    let both: Vec<_> = columns(&from).into_iter().filter(|column| theirs.contains(column)).collect();
    let expected = rows(&from, &both);
    let text = text(dialect(&from), &way);
    let told = || format!("-- from\n{}-- to\n{}-- script\n{text}", a.schema, b.schema);
    match carry_out(&from, &way) {
        Ok(()) => {
            let rest = rest(dialect(&from), &to, &introspect(&from));
            // triggers write there when rows go, and none may
            let gone = from.count("SELECT (SELECT count(*) FROM log) + (SELECT count(*) FROM gone)");
            let is_well = rows(&from, &both) == expected && rest.is_empty() && gone == 0;
            if is_well { Ok(Some(true)) } else { Err(format!("{rest}{expected:?}\n{}", told())) }
        }
        Err(_) if !way.hints.is_empty() => Ok(Some(false)),
        Err(error) => Err(format!("{error}\n{}", told())),
    }
}

#[test]
fn rows_stay() {
    let config =
        Config { cases: cases(64), failure_persistence: None, max_shrink_iters: 300, ..Config::default() };
    let counts = Cell::new((0, 0));
    proptest!(config, |((a, b) in pair())| {
        let done = over_rows(&generate(&a), &generate(&b));
        prop_assert!(done.is_ok(), "{}", done.unwrap_err());
        let (kept, refused) = counts.get();
        match done.unwrap() {
            None => {}
            Some(true) => counts.set((kept + 1, refused)),
            Some(false) => counts.set((kept, refused + 1)),
        }
    });
    let (kept, refused) = counts.get();
    let result = format!("{kept} scripts went well over rows, {refused} were refused as announced");
    measured("diff::sqlite::rows_stay", &result);
    assert!(kept > refused, "{result}");
}
