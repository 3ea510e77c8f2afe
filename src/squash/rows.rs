//! Rows of two databases, column by column: what must be equal, and what differs each time.
//!
//! A value is a text of hexadecimal digits, or `NULL`; the order of rows means nothing. What reads them is
//! not known here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::diagnostic::count;
use crate::schema::{Kind, Object, Schema};

/// What a table holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// The names of its columns.
    pub columns: Vec<String>,
    /// The values of each row, in the order of the columns.
    pub rows: Vec<Vec<String>>,
}

/// The tables that hold rows, by name.
pub type Rows = BTreeMap<String, Sight>;

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Column {
    /// The table.
    pub table: String,
    /// Its column.
    pub column: String,
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.table, self.column)
    }
}

impl Sight {
    /// The values of these columns, row by row, sorted.
    fn only(&self, columns: &[&String]) -> Vec<Vec<&str>> {
        let places: Vec<Option<usize>> =
            columns.iter().map(|name| self.columns.iter().position(|one| one == *name)).collect();
        let value = |row: &[String], place: Option<usize>| -> Option<usize> {
            place.filter(|place| *place < row.len())
        };
        let mut rows: Vec<Vec<&str>> = self
            .rows
            .iter()
            .map(|row| {
                places.iter().map(|place| value(row, *place).map_or("", |at| row[at].as_str())).collect()
            })
            .collect();
        rows.sort_unstable();
        rows
    }
}

/// The columns that differ between two runs of the same migrations.
pub fn volatile(first: &Rows, second: &Rows) -> BTreeSet<Column> {
    let empty = Sight::default();
    let mut found = BTreeSet::new();
    for (table, sight) in first.iter().chain(second) {
        let (a, b) = (first.get(table).unwrap_or(&empty), second.get(table).unwrap_or(&empty));
        for column in &sight.columns {
            if a.only(&[column]) != b.only(&[column]) {
                found.insert(Column { table: table.clone(), column: column.clone() });
            }
        }
    }
    found
}

/// What differs beside the volatile columns, one line for each table.
pub fn differences(old: &Rows, new: &Rows, volatile: &BTreeSet<Column>) -> Vec<String> {
    let empty = Sight::default();
    let tables: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let mut differences = Vec::new();
    for table in tables {
        let (a, b) = (old.get(table).unwrap_or(&empty), new.get(table).unwrap_or(&empty));
        let known = if a.columns.is_empty() { &b.columns } else { &a.columns };
        let is_volatile =
            |column: &String| volatile.contains(&Column { table: table.clone(), column: column.clone() });
        let columns: Vec<&String> = known.iter().filter(|column| !is_volatile(column)).collect();
        let (was, is) = (a.only(&columns), b.only(&columns));
        if was != is {
            differences.push(difference(table, &columns, &was, &is));
        }
    }
    differences
}

/// Cells of volatile columns that all old runs agree on and the new one has not, one line for each column. Rows
/// belong together where all their other columns are equal.
pub fn unsteady(old: &[&Rows], new: &Rows, volatile: &BTreeSet<Column>) -> Vec<String> {
    let mut lines = Vec::new();
    for one in volatile {
        let Some(mut steady) = cells(old.first().copied(), one, volatile) else { continue };
        for run in old.iter().skip(1) {
            let others = cells(Some(run), one, volatile).unwrap_or_default();
            for (cell, count) in &mut steady {
                *count = (*count).min(others.get(cell).copied().unwrap_or_default());
            }
        }
        let is = cells(Some(new), one, volatile).unwrap_or_default();
        let lost = |(cell, count): &(&Cell<'_>, &usize)| is.get(*cell).copied().unwrap_or_default() < **count;
        if let Some(((_, value), _)) = steady.iter().find(lost) {
            lines.push(format!("`{one}` lacks {}, which it has each time", readable(value)));
        }
    }
    lines
}

/// The other columns of a row, and the value of one that varies.
type Cell<'a> = (Vec<&'a str>, &'a str);

/// How often a column has each value beside the same others; `None` where there is no such table.
fn cells<'a>(
    rows: Option<&'a Rows>,
    column: &Column,
    volatile: &BTreeSet<Column>,
) -> Option<BTreeMap<Cell<'a>, usize>> {
    let sight = rows?.get(&column.table)?;
    let at = sight.columns.iter().position(|name| *name == column.column)?;
    let varies =
        |name: &String| volatile.contains(&Column { table: column.table.clone(), column: name.clone() });
    // by name: the order of columns means nothing
    let mut others: Vec<(&String, usize)> =
        sight.columns.iter().zip(0..).filter(|(n, _)| !varies(n)).collect();
    others.sort_unstable();
    let mut cells = BTreeMap::new();
    for row in &sight.rows {
        let value = |at: usize| row.get(at).map_or("", String::as_str);
        let key = others.iter().map(|(_, at)| value(*at)).collect();
        *cells.entry((key, value(at))).or_default() += 1;
    }
    Some(cells)
}

fn difference(table: &str, columns: &[&String], was: &[Vec<&str>], is: &[Vec<&str>]) -> String {
    let only = |these: &[Vec<&str>], those: &[Vec<&str>]| {
        let others: BTreeSet<&Vec<&str>> = those.iter().collect();
        let row = these.iter().find(|row| !others.contains(row))?;
        let pairs = columns.iter().zip(row).map(|(name, value)| format!("{name} = {}", readable(value)));
        Some(format!("({})", pairs.collect::<Vec<_>>().join(", ")))
    };
    let had = count(was.len(), "row", "rows");
    let has = count(is.len(), "row", "rows");
    match (only(was, is), only(is, was)) {
        _ if was.is_empty() => format!("`{table}` has {has}, where it had none"),
        _ if is.is_empty() => format!("`{table}` is empty, where it had {had}"),
        (Some(lost), Some(new)) => format!("`{table}` has {new}, and not {lost}"),
        (Some(lost), None) => format!("`{table}` has no {lost}"),
        (None, Some(new)) => format!("`{table}` has {new}, which it had not"),
        (None, None) => format!("`{table}` has {has}, where it had {had}"),
    }
}

/// The statements that let sequences go on where the range has left them; they are read as tables of one row.
pub fn sequences(before: &Rows, after: &Rows, schema: &Schema) -> Vec<String> {
    let all = schema.objects.iter().filter(|object| object.kind == Kind::Sequence);
    let moved = all.filter(|one| before.get(&one.name) != after.get(&one.name));
    let statement = |one: &Object| {
        let sight = after.get(&one.name)?;
        let value = |name: &str| {
            let at = sight.columns.iter().position(|column| column == name)?;
            Some(readable(sight.rows.first()?.get(at)?))
        };
        let (last, called) = (value("last_value")?, value("is_called")?);
        (called == "true")
            .then(|| format!("SELECT setval('{}', {last}, true);", one.name.replace('\'', "''")))
    };
    moved.filter_map(statement).collect()
}

/// So much of a value is shown.
const SHOWN: usize = 40;

/// The text that hexadecimal digits stand for, or they themselves.
fn readable(hex: &str) -> String {
    let byte = |at: usize| hex.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
    let bytes: Option<Vec<u8>> = (0..hex.len()).step_by(2).map(byte).collect();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_else(|| hex.to_owned());
    if text.chars().count() <= SHOWN { text } else { text.chars().take(SHOWN).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> String {
        text.bytes().fold(String::new(), |all, byte| all + &format!("{byte:02x}"))
    }

    fn rows(values: &[(&str, &str)]) -> Rows {
        let sight = Sight {
            columns: vec!["a".to_owned(), "b".to_owned()],
            rows: values.iter().map(|(a, b)| vec![hex(a), hex(b)]).collect(),
        };
        if values.is_empty() { Rows::new() } else { Rows::from([("t".to_owned(), sight)]) }
    }

    #[test]
    fn what_varies_is_left_out() {
        let (one, two) = (rows(&[("1", "x"), ("2", "y")]), rows(&[("2", "z"), ("1", "y")]));
        let varies = volatile(&one, &two);
        assert_eq!(varies.iter().map(ToString::to_string).collect::<Vec<_>>(), ["t.b"]);
        assert_eq!(differences(&one, &two, &varies), [""; 0]);
        assert_eq!(
            differences(&one, &two, &BTreeSet::new()),
            ["`t` has (a = 1, b = y), and not (a = 1, b = x)"]
        );
    }

    #[test]
    fn cells_that_stay_are_compared() {
        let (one, two) = (rows(&[("1", "x"), ("2", "now")]), rows(&[("1", "x"), ("2", "later")]));
        let varies = volatile(&one, &two);
        let told = |new: &Rows| unsteady(&[&one, &two], new, &varies);
        assert_eq!(told(&rows(&[("1", "x"), ("2", "latest")])), [""; 0]);
        assert_eq!(told(&rows(&[("1", "y"), ("2", "latest")])), ["`t.b` lacks x, which it has each time"]);
    }

    #[test]
    fn sequences_go_on() {
        let at = |last: &str, called: &str| {
            let columns = vec!["last_value".to_owned(), "is_called".to_owned()];
            Rows::from([("public.s".to_owned(), Sight { columns, rows: vec![vec![hex(last), hex(called)]] })])
        };
        let name = "public.s".to_owned();
        let schema = Schema::new(vec![Object { kind: Kind::Sequence, name, definition: String::new() }]);
        let none = Rows::new();
        assert_eq!(sequences(&none, &at("7", "true"), &schema), ["SELECT setval('public.s', 7, true);"]);
        assert_eq!(sequences(&none, &at("1", "false"), &schema), [""; 0]);
        assert_eq!(sequences(&at("7", "true"), &at("7", "true"), &schema), [""; 0]);
    }

    #[test]
    fn lost_and_new_rows_are_named() {
        let (one, two) = (rows(&[("1", "x")]), rows(&[("1", "x"), ("2", "y")]));
        let none = BTreeSet::new();
        assert_eq!(differences(&one, &two, &none), ["`t` has (a = 2, b = y), which it had not"]);
        assert_eq!(differences(&two, &one, &none), ["`t` has no (a = 2, b = y)"]);
        assert_eq!(differences(&one, &rows(&[]), &none), ["`t` is empty, where it had 1 row"]);
        assert_eq!(volatile(&one, &rows(&[])).len(), 2);
        let twice = rows(&[("1", "x"), ("1", "x")]);
        assert_eq!(differences(&twice, &one, &none), ["`t` has 1 row, where it had 2 rows"]);
    }
}
