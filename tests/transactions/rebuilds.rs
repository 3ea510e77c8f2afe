//! Table rebuilds on SQLite over generated schemas: parents with children and grandchildren that cascade,
//! set null or restrict, by one column or two, to others or to itself. However a migration rebuilds a
//! table, through the built program no row is lost; or nothing has happened, and it says so.

use std::fmt::Write;

use crate::support::database::Db;
use crate::support::measured::measured;
use crate::support::project::Project;

/// The same numbers from the same seed, on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.roll(n) == 0
    }
}

/// A table of a generated schema.
struct Table {
    name: String,
    composite: bool,
    /// Its definition, from the parenthesis on.
    definition: String,
    columns: String,
    rows: Vec<String>,
}

/// One to four levels, one or two tables on each; every table but the first refers to one of a level above.
fn schema(dice: &mut Dice) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for level in 0..=1 + dice.roll(4) {
        for n in 0..=usize::from(level > 0) * dice.roll(2) {
            let parent = (level > 0).then(|| dice.roll(tables.len()));
            let table = table(dice, &format!("t{level}_{n}"), parent.map(|at| &tables[at]));
            tables.push(table);
        }
    }
    tables
}

fn table(dice: &mut Dice, name: &str, parent: Option<&Table>) -> Table {
    let composite = dice.one_in(3);
    let without_rowid = dice.one_in(4);
    let has_self = dice.one_in(4) && !composite;
    let action = [
        "ON DELETE CASCADE",
        "ON DELETE CASCADE",
        "ON DELETE SET NULL",
        "ON DELETE RESTRICT",
        "",
        "ON DELETE CASCADE ON UPDATE CASCADE",
        "ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED",
    ][dice.roll(7)];
    let mut parts = vec!["a INTEGER NOT NULL", "b INTEGER NOT NULL", "word TEXT"]
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<_>>();
    let mut columns = "a, b, word".to_owned();
    if let Some(parent) = parent {
        let quoted = if dice.one_in(3) { format!("\"{}\"", parent.name) } else { parent.name.clone() };
        if parent.composite {
            parts.extend(["pa INTEGER".to_owned(), "pb INTEGER".to_owned()]);
            parts.push(format!("FOREIGN KEY (pa, pb) REFERENCES {quoted} (a, b) {action}"));
            columns.push_str(", pa, pb");
        } else {
            parts.push(format!("pa INTEGER REFERENCES {quoted} (a) {action}"));
            columns.push_str(", pa");
        }
    }
    if has_self {
        parts.insert(3, format!("up INTEGER REFERENCES {name} (a) ON DELETE CASCADE"));
        columns = columns.replacen("a, b, word", "a, b, word, up", 1);
    }
    // constraints of a table stand behind its columns
    parts.sort_by_key(|part| part.starts_with("FOREIGN"));
    parts.push(if composite { "PRIMARY KEY (a, b)".to_owned() } else { "PRIMARY KEY (a)".to_owned() });
    let definition = format!("({}){}", parts.join(", "), if without_rowid { " WITHOUT ROWID" } else { "" });
    let rows = (1..=2 + dice.roll(3)).map(|n| {
        let mut row = format!("{n}, {n}, 'w{n}'");
        if has_self {
            write!(row, ", {}", if n == 1 { "NULL".to_owned() } else { (n - 1).to_string() }).unwrap();
        }
        if let Some(parent) = parent {
            let to = 1 + dice.roll(parent.rows.len());
            write!(row, ", {to}").unwrap();
            if parent.composite {
                write!(row, ", {to}").unwrap();
            }
        }
        row
    });
    let rows = rows.collect();
    Table { name: name.to_owned(), composite, definition, columns, rows }
}

fn create(tables: &[Table], dice: &mut Dice) -> String {
    let mut text = String::new();
    for table in tables {
        writeln!(text, "CREATE TABLE {} {};", table.name, table.definition).unwrap();
        for row in &table.rows {
            writeln!(text, "INSERT INTO {} ({}) VALUES ({row});", table.name, table.columns).unwrap();
        }
    }
    if dice.one_in(3) {
        let last = &tables[tables.len() - 1].name;
        writeln!(text, "CREATE TABLE log (x);\nCREATE TRIGGER watch AFTER DELETE ON {last} BEGIN INSERT INTO log VALUES (OLD.a); END;").unwrap();
    }
    if dice.one_in(4) {
        writeln!(text, "CREATE VIEW seen AS SELECT count(*) AS n FROM {};", tables[0].name).unwrap();
    }
    text
}

/// A rebuild of one table: the form of SQLite's manual, or one that people write instead.
fn rebuild(table: &Table, form: usize) -> String {
    let Table { name, definition, columns, .. } = table;
    // a new column, so that the rebuild has a purpose; a table that refers to itself keeps its own name there
    let definition = definition.replacen("word TEXT", "word TEXT NOT NULL DEFAULT ''", 1);
    let copy = |to: &str, from: &str| format!("INSERT INTO {to} ({columns}) SELECT {columns} FROM {from};\n");
    let fresh = format!("new_{name}");
    let documented = format!(
        "CREATE TABLE {fresh} {definition};\n{}DROP TABLE {name};\nALTER TABLE {fresh} RENAME TO {name};\n",
        copy(&fresh, name)
    );
    match form {
        0 => documented,
        // with the PRAGMAs that do nothing inside of a transaction
        1 => format!("PRAGMA foreign_keys = OFF;\n{documented}PRAGMA foreign_keys = ON;\n"),
        2 => format!("PRAGMA defer_foreign_keys = ON;\n{documented}"),
        3 => format!("PRAGMA legacy_alter_table = ON;\n{documented}PRAGMA legacy_alter_table = OFF;\n"),
        // the old one out of the way first: keys of children follow it
        4 => format!(
            "ALTER TABLE {name} RENAME TO old_{name};\nCREATE TABLE {name} {definition};\n{}DROP TABLE old_{name};\n",
            copy(name, &format!("old_{name}"))
        ),
        5 => format!(
            "PRAGMA legacy_alter_table = ON;\nALTER TABLE {name} RENAME TO old_{name};\nCREATE TABLE {name} {definition};\n{}DROP TABLE old_{name};\n",
            copy(name, &format!("old_{name}"))
        ),
        // through a copy of the rows
        6 => format!(
            "CREATE TABLE kept_{name} AS SELECT * FROM {name};\nDROP TABLE {name};\nCREATE TABLE {name} {definition};\n{}DROP TABLE kept_{name};\n",
            copy(name, &format!("kept_{name}"))
        ),
        7 => format!(
            "CREATE TEMP TABLE kept_{name} AS SELECT * FROM {name};\nDROP TABLE IF EXISTS main.{name};\nCREATE TABLE {name} {definition};\n{}DROP TABLE kept_{name};\n",
            copy(name, &format!("kept_{name}"))
        ),
        // emptied and filled again
        8 => format!(
            "CREATE TABLE kept_{name} AS SELECT * FROM {name};\nDELETE FROM {name};\n{}DROP TABLE kept_{name};\n",
            copy(name, &format!("kept_{name}"))
        ),
        _ => format!("-- db-migrations: no-transaction\nPRAGMA foreign_keys = OFF;\n{documented}"),
    }
}

const FORMS: usize = 10;

/// How it ended: the rows are all there, or it was refused and nothing has happened.
fn one(seed: u64, tally: &mut [usize; 3]) -> Result<(), String> {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let tables = schema(&mut dice);
    let db = Db::sqlite();
    let project = Project::with_config("cargo: off\npolicy: { allow-split: true }\n");
    let made = create(&tables, &mut dice);
    // the tables are there already, or come in the same run
    let separate = !dice.one_in(3);
    project.write("migrations/20240101000000_made.sql", &made);
    if separate {
        project.run(&db, &["migrate"]).ok();
    }
    let mut told = String::new();
    let mut emptied = false;
    for n in 0..=dice.roll(3) {
        let table = &tables[dice.roll(tables.len())];
        let form = dice.roll(FORMS);
        emptied |= form == 8;
        let text = rebuild(table, form);
        write!(told, "-- {n}: form {form}\n{text}").unwrap();
        project.write(&format!("migrations/2024020{n}000000_rebuild.sql"), text);
    }
    let before = if separate { db.dump() } else { String::new() };
    let output = project.run(&db, &["migrate", "--schema-check", "off", "--reason", "test"]);
    let lost = |what: &str| Err(format!("seed {seed}: {what}\n{made}{told}{output}"));
    if output.code == 0 {
        for table in &tables {
            let rows = db.query(&format!(
                "SELECT {} FROM {}",
                table.columns.split(", ").collect::<Vec<_>>().join("||', '||"),
                table.name
            ));
            // what people delete themselves cascades, as they wrote it
            if !emptied && rows.len() != table.rows.len() {
                return lost(&format!("rows of {} are gone", table.name));
            }
            for row in &table.rows {
                let null = row.contains("NULL");
                if !emptied && !null && !rows.contains(&row.replace('\'', "")) {
                    return lost(&format!("`{row}` of {} is not there", table.name));
                }
            }
        }
        if !emptied && db.query("PRAGMA foreign_key_check") != [""; 0] {
            return lost("rows point nowhere");
        }
        tally[usize::from(emptied)] += 1;
        return Ok(());
    }
    tally[2] += 1;
    let same = if separate { db.dump() == before } else { db.is_empty() };
    match (output.code, same) {
        (3 | 7, true) => Ok(()),
        (4, _)
            if output.stderr.contains("stayed") && !output.stderr.contains("everything was rolled back") =>
        {
            Ok(())
        }
        _ => lost("it is not as it was"),
    }
}

fn over(test: &str, seeds: std::ops::Range<u64>) {
    let mut tally = [0; 3];
    let schemas = seeds.end - seeds.start;
    let wrong: Vec<String> = seeds.filter_map(|seed| one(seed, &mut tally).err()).collect();
    assert!(wrong.is_empty(), "{} lost rows:\n{}", wrong.len(), wrong[..wrong.len().min(3)].join("\n"));
    assert!(tally[0] > tally[1] + tally[2], "most rebuilds work: {tally:?}");
    let [whole, emptied, refused] = tally;
    measured(
        &format!("rebuilds::{test}"),
        &format!(
            "{schemas} schemas: {whole} rebuilt and whole, {emptied} emptied by their author, {refused} refused or undone, 0 rows lost untold"
        ),
    );
}

/// How many more schemas than the usual ones.
fn more() -> u64 {
    std::env::var("DB_MIGRATIONS_REBUILDS").map_or(0, |number| number.parse().unwrap())
}

#[test]
fn no_rebuild_loses_a_row() {
    over("no_rebuild_loses_a_row", 0..110);
}

#[test]
fn no_rebuild_loses_a_row_in_the_other_half() {
    over("no_rebuild_loses_a_row_in_the_other_half", 1000..1110 + more());
}
