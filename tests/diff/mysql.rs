//! The law on MariaDB.

use std::cell::Cell;
use std::fmt::Write;

use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::common::{Choices, NOT_LOADED, both_ways, carry_out, cases, dialect, introspect, text};
use crate::support::database::Db;
use crate::support::measured::measured;
use db_migrations::diff::{Style, script};

/// Choices for one table; the last chunk is for what is no table.
const CHOICES: usize = 72;
const TABLES: [&str; 4] = ["alpha", "`Odd ``name`", "beta", "parted"];

/// Types that can be in a primary key.
const SHORT: [&str; 6] = [
    "INT",
    "VARCHAR(20)",
    "BIGINT",
    "INT UNSIGNED",
    "VARCHAR(20) CHARACTER SET latin1",
    "VARCHAR(20) COLLATE utf8mb4_bin",
];
const ANY: [&str; 10] = [
    "INT",
    "VARCHAR(30)",
    "DECIMAL(10,2)",
    "ENUM('a','b;')",
    "ENUM('a','c')",
    "DATETIME",
    "TIMESTAMP",
    "TEXT",
    "BINARY(4)",
    "JSON",
];

/// The type of the column `id` of each table, so that others can refer to it.
fn id_type(bytes: &[u8], at: usize) -> &'static str {
    ["INT", "BIGINT UNSIGNED", "VARCHAR(20)", "INT"][usize::from(bytes[at * CHOICES]) % 4]
}

fn is_there(bytes: &[u8], at: usize) -> bool {
    bytes[at * CHOICES + 1] % 5 != 4
}

/// A schema, and statements that fill its tables with three rows each.
#[derive(Default)]
struct Generated {
    schema: String,
    rows: String,
}

/// A value of a type for one of three rows.
fn value(column: &str, n: u8) -> String {
    let kind = column
        .trim_start_matches("`c 3` ")
        .split([' ', '('])
        .find(|word| word.chars().all(|c| c.is_ascii_uppercase()));
    match kind.unwrap_or_default() {
        "ENUM" => "'a'".to_owned(),
        "DATETIME" | "TIMESTAMP" => format!("'2024-01-0{n}'"),
        "JSON" => format!("'{{\"a\": {n}}}'"),
        "BINARY" | "VARCHAR" | "TEXT" => format!("'{n}'"),
        _ => n.to_string(),
    }
}

fn column(choices: &mut Choices<'_>, name: &str, types: &[&str]) -> Option<String> {
    if choices.one_in(5) {
        return None;
    }
    let kind = choices.of(types);
    let mut text = format!("{name} {kind}");
    let generated = choices.of(&[
        "",
        "",
        "",
        "",
        " AS (n + 1)",
        " AS (n + 2) STORED",
        " AS (n * 3) VIRTUAL",
        " AS (g + 1)",
    ]);
    let (not_null, comment) = (choices.one_in(3), choices.of(&["", "", " COMMENT 'it''s; a ) comment'"]));
    let default = choices.one_in(2);
    if kind == "INT" && !generated.is_empty() {
        return Some(format!("{text}{generated}{comment}"));
    }
    if not_null {
        text.push_str(" NOT NULL");
    }
    let value = match kind.split(['(', ' ']).next().unwrap() {
        "INT" | "BIGINT" | "DECIMAL" => choices.of(&["7", "(1 + 2)", "0", "(n + 5)"]),
        "VARCHAR" | "CHAR" | "JSON" | "TEXT" => choices.of(&["'1'", "'2'", "(concat('1', '2'))"]),
        "ENUM" => "'a'",
        "DATETIME" | "TIMESTAMP" => choices.of(&[
            "current_timestamp()",
            "'2024-01-01'",
            "current_timestamp() ON UPDATE current_timestamp()",
        ]),
        _ => "NULL",
    };
    if default && !(not_null && value == "NULL") {
        write!(text, " DEFAULT {value}").unwrap();
    }
    if choices.one_in(7) && !not_null && name != "c1" {
        text.push_str(" INVISIBLE");
    }
    text.push_str(comment);
    if choices.one_in(6) {
        write!(text, " CHECK ({name} IS NOT NULL)").unwrap();
    }
    Some(text)
}

fn table(bytes: &[u8], at: usize, out: &mut Generated) {
    let mut choices = Choices::new(&bytes[at * CHOICES + 2..(at + 1) * CHOICES]);
    let (name, id) = (TABLES[at], id_type(bytes, at));
    let counted = choices.one_in(3) && id != "VARCHAR(20)";
    let mut parts =
        vec![format!("id {id} NOT NULL{}", if counted { " AUTO_INCREMENT" } else { "" }), "n INT".to_owned()];
    let (plus, kind) = (choices.of(&["", " + 1"]), choices.of(&["VIRTUAL", "STORED", "VIRTUAL"]));
    parts.push(format!("g INT AS (n{plus}) {kind}"));
    let c1 = column(&mut choices, "c1", &SHORT).filter(|c1| !c1.contains(" AS "));
    let others = [("C2", &ANY[..]), ("`c 3`", &SHORT[..]), (choices.of(&["c4", "c4", "C4"]), &ANY[..])];
    let others = others.map(|(name, types)| column(&mut choices, name, types));
    let has_c1 = c1.is_some();
    let listed = keys(&mut choices, has_c1, &others);
    parts.extend(c1.into_iter().chain(others.into_iter().flatten()));
    if choices.one_in(3) {
        // at other places, which is nothing to the check
        parts[3..].reverse();
    }
    parts.extend(listed);
    if at == 0 {
        parts.push(choices.of(&["KEY ni (n, id)", "UNIQUE KEY ni (n, id)", "KEY ni (n, id, g)"]).to_owned());
    }
    let refers = references(&mut choices, bytes, at, &mut parts);
    // keys of text must have one character set on both sides
    let charset = choices.of(&["", " CHARACTER SET latin1", " COLLATE utf8mb4_unicode_ci", ""]);
    let charset = if id == "VARCHAR(20)" || refers { "" } else { charset };
    let comment = choices.of(&["", "", " COMMENT 'a; table'"]);
    let format = choices.of(&["", "", " ROW_FORMAT=COMPACT", " STATS_PERSISTENT=1"]);
    let parted =
        choices.of(&["", "PARTITION BY KEY (id) PARTITIONS 2", "PARTITION BY KEY (id) PARTITIONS 3"]);
    let parted = if at == 3 && !parts.iter().any(|part| part.starts_with("UNIQUE")) { parted } else { "" };
    let engine = if at == 3 { choices.of(&["", "", " ENGINE=MyISAM"]) } else { "" };
    fill(name, &parts, &mut out.rows);
    let out = &mut out.schema;
    writeln!(out, "CREATE TABLE {name} ({}){engine}{charset}{comment}{format} {parted};", parts.join(", "))
        .unwrap();
    programs(&mut choices, at, has_c1, out);
}

/// Keys and conditions over the columns that are there.
fn keys(choices: &mut Choices<'_>, has_c1: bool, others: &[Option<String>; 3]) -> Vec<String> {
    let has = others.each_ref().map(Option::is_some);
    let is_text = others[0].as_ref().is_some_and(|c2| c2.contains("TEXT") || c2.contains("JSON"));
    let primary = if choices.one_in(3) && has_c1 { "PRIMARY KEY (id, c1)" } else { "PRIMARY KEY (id)" };
    let mut parts = vec![primary.to_owned()];
    let mut keys = |condition: bool, options: &[&str]| {
        if choices.one_in(3) && condition {
            parts.push(choices.of(options).to_owned());
        }
    };
    keys(has_c1, &["KEY k1 (c1)", "UNIQUE KEY k1 (c1)", "KEY k1 (c1, n)", "KEY (c1)", "UNIQUE KEY (c1)"]);
    keys(has[0] && !is_text, &["KEY k2 (C2)", "KEY k2 (c2, n)"]);
    keys(has[0] && is_text, &["KEY k2 (c2(10))", "KEY k2 (n, C2(5))"]);
    keys(has[0] && is_text, &["FULLTEXT KEY ft (C2)"]);
    keys(true, &["KEY by_g (g)", "KEY by_g (g, n)", "UNIQUE KEY by_g (g)"]);
    keys(has[1], &["KEY `k 3` (`c 3`)", "KEY `k 3` (n, `c 3`)", "UNIQUE `k 3` (n, `c 3`)"]);
    keys(has_c1, &["CONSTRAINT lim CHECK (c1 <> 99)", "CHECK (c1 <> 98)", "CONSTRAINT lim CHECK (n > 0)"]);
    keys(true, &["CHECK (n <> 97)", "CHECK (n > -9)", "CHECK (g <> 96)"]);
    keys(has[0], &["KEY k4 (n) IGNORED", "KEY k4 (n)", "KEY k4 (n) COMMENT 'n;'"]);
    parts
}

/// Foreign keys to tables that are there, with their columns; whether there are any.
fn references(choices: &mut Choices<'_>, bytes: &[u8], at: usize, parts: &mut Vec<String>) -> bool {
    let before = parts.len();
    for (column, name) in [("p", "own_p"), ("q", "own_q")] {
        let (parent, wanted) = (choices.of(&[0, 1, 2]), choices.one_in(2));
        let comment = choices.of(&["", "", " COMMENT 'p'"]);
        let constraint = if choices.one_in(3) { format!("CONSTRAINT {name}_{at} ") } else { String::new() };
        let action = choices.of(&["", " ON DELETE CASCADE", " ON DELETE SET NULL ON UPDATE CASCADE"]);
        let two = choices.one_in(3) && parent == 0;
        let key = choices.of(&["", "", "KEY (p)", "KEY pn (p, n)", "KEY (p), KEY pn (p, n)"]);
        if !wanted || at == 3 || !is_there(bytes, parent) {
            continue;
        }
        let kind = id_type(bytes, parent);
        let same =
            if kind.starts_with('V') { " CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci" } else { "" };
        // what stored columns are made of may not be set by the server
        let action = if two && action.contains("SET NULL") { "" } else { action };
        let (own, theirs) = if two { (format!("n, {column}"), "n, id") } else { (column.to_owned(), "id") };
        let parent = TABLES[parent];
        parts.push(format!("{column} {kind}{same}{comment}"));
        parts.push(format!("{constraint}FOREIGN KEY ({own}) REFERENCES {parent} ({theirs}){action}"));
        if column == "p" && !key.is_empty() {
            parts.push(key.to_owned());
        }
    }
    parts.len() > before
}

/// Three rows: keys and what refers to them are the same numbers.
fn fill(name: &str, parts: &[String], rows: &mut String) {
    let is_column = |part: &&String| {
        let first = part.split(' ').next().unwrap();
        !part.contains(" AS (")
            && (first.starts_with('`') || first.len() <= 2 || first.eq_ignore_ascii_case("c4"))
    };
    let columns: Vec<_> = parts.iter().filter(is_column).collect();
    let names: Vec<_> = columns
        .iter()
        .map(|column| if column.starts_with("`c 3`") { "`c 3`" } else { column.split(' ').next().unwrap() })
        .collect();
    for n in 1..4 {
        let values: Vec<_> = columns.iter().map(|column| value(column, n)).collect();
        writeln!(rows, "INSERT INTO {name} ({}) VALUES ({});", names.join(", "), values.join(", ")).unwrap();
    }
}

fn programs(choices: &mut Choices<'_>, at: usize, has_c1: bool, out: &mut String) {
    let name = TABLES[at];
    if choices.one_in(3) {
        let what = if has_c1 { choices.of(&["id, c1", "count(*) AS id", "id, n"]) } else { "id" };
        writeln!(out, "CREATE VIEW v{at} AS SELECT {what} FROM {name};").unwrap();
        if choices.one_in(2) {
            writeln!(out, "CREATE VIEW a{at} AS SELECT v.id FROM v{at} v;").unwrap();
        }
    }
    for trigger in ["z", "a", "m"] {
        let body = choices.of(&[
            "SET NEW.n = 1",
            "BEGIN SET NEW.n = 2; SET @a = ';'; END",
            "IF NEW.n THEN SET NEW.n = 3; END IF",
        ]);
        if choices.one_in(3) {
            writeln!(out, "CREATE TRIGGER {trigger}{at} BEFORE INSERT ON {name} FOR EACH ROW {body};")
                .unwrap();
        }
    }
}

fn others(bytes: &[u8], out: &mut String) {
    let mut choices = Choices::new(bytes);
    if choices.one_in(2) {
        writeln!(out, "CREATE SEQUENCE s {};", choices.of(&["", "INCREMENT BY 2", "MAXVALUE 1000 CYCLE"]))
            .unwrap();
        if choices.one_in(2) {
            writeln!(
                out,
                "CREATE TABLE numbered (id INT DEFAULT nextval(s), x {});",
                choices.of(&["INT", "TEXT"])
            )
            .unwrap();
        }
    }
    if choices.one_in(2) {
        let body = choices.of(&["RETURN a", "RETURN a + 1", "BEGIN DECLARE b INT; SET b = a; RETURN b; END"]);
        writeln!(out, "CREATE FUNCTION f(a INT) RETURNS INT DETERMINISTIC {body};").unwrap();
        if choices.one_in(2) {
            writeln!(out, "CREATE VIEW calls AS SELECT f({}) AS x;", choices.of(&["1", "2"])).unwrap();
        }
    }
    if choices.one_in(2) {
        writeln!(out, "CREATE PROCEDURE p() BEGIN SELECT {}; END;", choices.of(&["1", "2"])).unwrap();
    }
    if choices.one_in(2) {
        writeln!(out, "CREATE EVENT e ON SCHEDULE EVERY {} HOUR DO SELECT 1;", choices.of(&["1", "2"]))
            .unwrap();
    }
}

fn generate(bytes: &[u8]) -> Generated {
    let mut out = Generated { schema: "SET foreign_key_checks = 0;\n".to_owned(), rows: String::new() };
    for at in (0..TABLES.len()).filter(|at| is_there(bytes, *at)) {
        table(bytes, at, &mut out);
    }
    others(&bytes[TABLES.len() * CHOICES..], &mut out.schema);
    out
}

/// Two schemas that have much in common.
fn pair() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let size = (TABLES.len() + 1) * CHOICES;
    let bytes = prop::collection::vec(any::<u8>(), size);
    let changes = prop::collection::vec((0..size, any::<u8>()), 0..25);
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
    let Some(empty) = Db::mariadb() else { return };
    let config =
        Config { cases: cases(24), failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let not_loaded = Cell::new(0);
    proptest!(config, |((a, b) in pair())| {
        let done = both_ways(&empty, &generate(&a).schema, &generate(&b).schema);
        match done {
            Err(error) if error.starts_with(NOT_LOADED) => not_loaded.set(not_loaded.get() + 1),
            done => prop_assert!(done.is_ok(), "{}", done.unwrap_err()),
        }
    });
    let result = format!("{} pairs, of which {} were not loaded", cases(24), not_loaded.get());
    measured("diff::mysql::the_law", &result);
    assert!(not_loaded.get() * 2 < cases(24), "{} schemas were not loaded", not_loaded.get());
    assert!(introspect(&empty).is_empty());
}

/// Columns with values of their own, each as a query of what is in it, and their types.
fn columns(db: &Db) -> Vec<(String, String)> {
    let columns = |what: &str| {
        db.query(&format!(
            "SELECT {what} FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
             WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' AND table_name <> 'numbered'
             AND generation_expression IS NULL ORDER BY table_name, lower(column_name)"
        ))
    };
    let queries = columns(
        "concat('SELECT `', lower(column_name), '` FROM `', replace(table_name, '`', '``'), '` ORDER BY id')",
    );
    queries.into_iter().zip(columns("column_type")).collect()
}

/// Goes from a to b over three rows in each table: whether it went well, or was refused as announced.
/// Nothing if a schema was not loaded.
fn over_rows(empty: &Db, a: &Generated, b: &Generated) -> Result<Option<bool>, String> {
    let (from, wanted) = (empty.another(), empty.another());
    let without_triggers: Vec<_> = a.schema.lines().filter(|line| !line.contains("TRIGGER")).collect();
    let loaded = from.try_query(&format!("{}\n{}", without_triggers.join("\n"), a.rows));
    if loaded.and_then(|_| wanted.try_query(&b.schema)).is_err() {
        return Ok(None);
    }
    let theirs = columns(&wanted);
    let both: Vec<_> = columns(&from).into_iter().filter(|column| theirs.contains(column)).collect();
    let rows = || both.iter().map(|(query, _)| (query, from.query(query))).collect::<Vec<_>>();
    let expected = rows();
    let way = script(dialect(&from), &introspect(&from), &introspect(&wanted), Style::default());
    let text = text(dialect(&from), &way);
    let told = || format!("-- from\n{}{}-- to\n{}-- script\n{text}", a.schema, a.rows, b.schema);
    match carry_out(&from, &way) {
        Ok(()) if rows() == expected => Ok(Some(true)),
        Ok(()) => Err(format!("{expected:?} became {:?}\n{}", rows(), told())),
        Err(_) if !way.hints.is_empty() => Ok(Some(false)),
        Err(error) => Err(format!("{error}\n{}", told())),
    }
}

#[test]
fn rows_stay() {
    let Some(empty) = Db::mariadb() else { return };
    let config =
        Config { cases: cases(24), failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let counts = Cell::new((0, 0));
    proptest!(config, |((a, b) in pair())| {
        let done = over_rows(&empty, &generate(&a), &generate(&b));
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
    measured("diff::mysql::rows_stay", &result);
    assert!(kept > refused, "{result}");
}
