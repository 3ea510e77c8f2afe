//! A table of SQLite as its text tells it: columns, what they may do without a rebuild, and keys.
//!
//! `ALTER TABLE` can add a column and drop one, under conditions that the manual lists; whether they
//! hold is decided here from the text alone, and where in doubt they do not.

use std::collections::BTreeSet;

use crate::dialect::Dialect;
use crate::diff::parts::mentions;
use crate::diff::text::{Word, words};
use crate::schema::Object;
use crate::sql::{self, TableText};

const DIALECT: Dialect = Dialect::Sqlite;

/// A table.
pub(super) struct Table<'a> {
    pub(super) object: &'a Object,
    pub(super) text: TableText<'a>,
    /// Its name as its text spells it.
    pub(super) spelled: &'a str,
    pub(super) columns: Vec<Column>,
}

/// What a column has for the rows that are there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Default {
    None,
    Constant,
    Computed,
}

/// A column.
pub(super) struct Column {
    /// The name of its part.
    pub(super) part: String,
    /// Its name in lower case, by which SQLite knows it.
    pub(super) key: String,
    /// Its name as the text spells it.
    pub(super) spelled: String,
    /// All of it.
    pub(super) source: String,
    /// The first word of its type in lower case, if it has one.
    pub(super) ty: String,
    pub(super) default: Default,
    marks: Vec<Mark>,
}

/// What is to be known of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Of the type `INTEGER`, which is the row's number where it is the key.
    Integer,
    NotNull,
    Generated,
    Stored,
    Checked,
    Unique,
    Primary,
    References,
}

impl<'a> Table<'a> {
    /// Nothing for what is no `CREATE TABLE` with a list of columns.
    pub(super) fn new(object: &'a Object) -> Option<Self> {
        let text = sql::table_text(DIALECT, &object.definition)?;
        let name = words(DIALECT, text.head).last()?.span.clone();
        let columns = text.parts.iter().filter_map(|part| {
            part.name.starts_with("column ").then(|| Column::new(&part.name, &part.source))?
        });
        Some(Self { object, spelled: &text.head[name], columns: columns.collect(), text })
    }

    pub(super) fn key(&self) -> String {
        self.object.name.to_lowercase()
    }

    pub(super) fn column(&self, key: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.key == key)
    }

    /// Whether a sequence of its own counts its keys.
    pub(super) fn is_counted(&self) -> bool {
        self.columns
            .iter()
            .any(|column| words(DIALECT, &column.source).iter().any(|word| word.is("AUTOINCREMENT")))
    }

    /// Whether values must be of the types of their columns.
    pub(super) fn is_strict(&self) -> bool {
        words(DIALECT, self.text.tail).iter().any(|word| word.is("STRICT"))
    }

    /// Under which name its rows' numbers can be asked for, where they are not a column and not without meaning.
    pub(super) fn row_number(&self) -> Option<&'static str> {
        let options = words(DIALECT, self.text.tail);
        let is_without = options.windows(2).any(|pair| pair[0].is("WITHOUT") && pair[1].is("ROWID"));
        let keys = self.text.parts.iter().filter(|part| !part.name.starts_with("column "));
        let is_keyed = keys.filter(|part| part.text.contains("primary key")).count() > 0;
        let is_alias = |column: &Column| column.is(Mark::Integer) && (column.is(Mark::Primary) || is_keyed);
        if is_without || self.columns.iter().any(is_alias) {
            return None;
        }
        ["rowid", "_rowid_", "oid"].into_iter().find(|name| self.column(name).is_none())
    }

    /// The names of the tables that its foreign keys point at, in lower case.
    pub(super) fn parents(&self) -> BTreeSet<String> {
        let words = words(DIALECT, &self.object.definition);
        let pairs = words.windows(2).filter(|pair| pair[0].is("REFERENCES"));
        pairs.map(|pair| pair[1].name().to_lowercase()).collect()
    }

    /// Whether something else in it speaks of a column.
    pub(super) fn others_mention(&self, column: &Column) -> bool {
        let others = self.text.parts.iter().filter(|part| part.name != column.part);
        others.into_iter().any(|part| mentions(DIALECT, &part.source).contains(&column.key))
    }
}

impl Column {
    fn new(part: &str, source: &str) -> Option<Self> {
        let words = words(DIALECT, source);
        let (name, rest) = words.split_first()?;
        let rest: Vec<&Word<'_>> = rest.iter().filter(|word| word.depth == 0 || word.text == "(").collect();
        let follows =
            |first: &str, second: &str| rest.windows(2).any(|pair| pair[0].is(first) && pair[1].is(second));
        let has = |word: &str| rest.iter().any(|other| other.is(word));
        let ty = rest.first().map(|word| word.name().to_lowercase()).unwrap_or_default();
        let is_generated = rest.windows(2).any(|pair| pair[0].is("AS") && pair[1].text == "(");
        let marks = [
            (Mark::Integer, ty == "integer"),
            (Mark::NotNull, follows("NOT", "NULL")),
            (Mark::Generated, is_generated),
            (Mark::Stored, has("STORED")),
            (Mark::Checked, has("CHECK")),
            (Mark::Unique, has("UNIQUE")),
            (Mark::Primary, has("PRIMARY")),
            (Mark::References, has("REFERENCES")),
        ];
        Some(Self {
            part: part.to_owned(),
            key: name.name().to_lowercase(),
            spelled: name.text.to_owned(),
            source: source.to_owned(),
            ty,
            default: Default::new(&rest),
            marks: marks.into_iter().filter(|(_, is)| *is).map(|(mark, _)| mark).collect(),
        })
    }

    pub(super) fn is(&self, mark: Mark) -> bool {
        self.marks.contains(&mark)
    }

    fn is_any(&self, marks: &[Mark]) -> bool {
        marks.iter().any(|mark| self.is(*mark))
    }

    /// Whether `ADD COLUMN` takes it where there are rows; one that no row could have is left to it, too.
    pub(super) fn can_be_added(&self) -> bool {
        let is_refused = self.is_any(&[Mark::Primary, Mark::Unique, Mark::Stored]);
        let refers = self.is(Mark::References) && self.default != Default::None;
        !(is_refused || refers || self.default == Default::Computed)
    }

    /// Whether no two rows may hold the same.
    pub(super) fn is_unique(&self) -> bool {
        self.is_any(&[Mark::Primary, Mark::Unique])
    }

    /// Whether `DROP COLUMN` takes it, as far as it is alone.
    pub(super) fn can_be_dropped(&self) -> bool {
        !self.is_any(&[Mark::Primary, Mark::Unique, Mark::References])
    }
}

impl Default {
    fn new(words: &[&Word<'_>]) -> Self {
        let Some(at) = words.iter().position(|word| word.is("DEFAULT")) else { return Self::None };
        match words.get(at + 1) {
            Some(value) if value.is("NULL") => Self::None,
            Some(value) if value.text == "(" => Self::Computed,
            Some(value) if value.is_any(&["CURRENT_TIME", "CURRENT_DATE", "CURRENT_TIMESTAMP"]) => {
                Self::Computed
            }
            _ => Self::Constant,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(source: &str) -> Column {
        Column::new("column", source).unwrap()
    }

    #[test]
    fn what_can_be_added() {
        for (source, can) in [
            ("a INT", true),
            ("a INT NOT NULL DEFAULT -1", true),
            ("a INT DEFAULT (1)", false),
            ("a INT DEFAULT CURRENT_TIMESTAMP", false),
            ("a INT CHECK (a NOT NULL) COLLATE NOCASE", true),
            ("a INT UNIQUE", false),
            ("a INT PRIMARY KEY", false),
            ("a INT REFERENCES b", true),
            ("a INT DEFAULT 1 REFERENCES b", false),
            ("a INT REFERENCES b DEFAULT NULL", true),
            ("a INT AS (b) STORED", false),
            ("\"unique\" GENERATED ALWAYS AS (b)", true),
        ] {
            assert_eq!(column(source).can_be_added(), can, "{source}");
        }
    }

    #[test]
    fn numbers_of_rows() {
        for (text, name) in [
            ("CREATE TABLE t (a INT PRIMARY KEY)", Some("rowid")),
            ("CREATE TABLE t (a INTEGER PRIMARY KEY)", None),
            ("CREATE TABLE t (a INTEGER, b, PRIMARY KEY (a))", None),
            ("CREATE TABLE t (a INTEGER, ROWID)", Some("_rowid_")),
            ("CREATE TABLE t (a TEXT PRIMARY KEY) WITHOUT ROWID", None),
        ] {
            let object = Object {
                kind: crate::schema::Kind::Table,
                name: "t".to_owned(),
                definition: text.to_owned(),
            };
            assert_eq!(Table::new(&object).unwrap().row_number(), name, "{text}");
        }
    }
}
