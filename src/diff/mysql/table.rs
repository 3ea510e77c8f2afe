//! A table of MariaDB or MySQL as `SHOW CREATE TABLE` tells it: columns, keys, foreign keys, the rest.
//!
//! Names of columns, keys and constraints are compared without regard to case, as the servers do.

use std::collections::BTreeSet;

use super::options::Options;
use super::types::Type;
use crate::dialect::Dialect;
use crate::diff::text::{Word, words};
use crate::schema::Object;
use crate::sql::{self, Part};

/// A table.
pub(super) struct Table<'a> {
    pub(super) object: &'a Object,
    pub(super) items: Vec<Item>,
    pub(super) options: Options,
    head: &'a str,
    tail: &'a str,
}

/// A part of the list.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// The name of the part.
    pub(super) part: String,
    /// Its name as the text spells it; nothing for a primary key.
    pub(super) spelled: String,
    pub(super) source: String,
    pub(super) form: String,
    pub(super) kind: ItemKind,
}

/// What a part is.
#[derive(Clone, Debug)]
pub(super) enum ItemKind {
    Column(Column),
    /// A key, the primary one too, by the columns that it begins with; of an expression nothing is known.
    Key {
        columns: Vec<String>,
        plain: bool,
    },
    Foreign(Foreign),
    Check,
    Period,
    Other,
}

/// What is to be known of a column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// Its name in lower case.
    pub(super) key: String,
    pub(super) generation: Generation,
    pub(super) not_null: bool,
    pub(super) has_default: bool,
    pub(super) ty: Type,
    /// Its values are held to a condition.
    pub(super) checked: bool,
    pub(super) text: Text,
}

/// The character set of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Text {
    /// It has none.
    None,
    /// That of the table.
    OfTable,
    /// Its own, if that is named.
    Own(Option<String>),
}

/// Where a column's values come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Generation {
    None,
    Virtual,
    Stored,
}

/// A foreign key.
#[derive(Clone, Debug)]
pub(super) struct Foreign {
    pub(super) columns: Vec<String>,
    /// The table that it points at; in another database, a name that no table has.
    pub(super) parent: String,
    pub(super) referenced: Vec<String>,
}

impl<'a> Table<'a> {
    /// Nothing for what is no `CREATE TABLE` with a list of columns.
    pub(super) fn new(dialect: Dialect, object: &'a Object) -> Option<Self> {
        let text = sql::table_text(dialect, &object.definition)?;
        let list = text.parts.iter().filter(|part| part.name != "options");
        let items = list.map(|part| Item::new(dialect, part)).collect();
        Some(Self {
            object,
            items,
            options: Options::new(dialect, text.tail),
            head: text.head,
            tail: text.tail,
        })
    }

    pub(super) fn item(&self, part: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.part == part)
    }

    pub(super) fn columns(&self) -> impl Iterator<Item = (&Item, &Column)> {
        self.items.iter().filter_map(|item| match &item.kind {
            ItemKind::Column(column) => Some((item, column)),
            _ => None,
        })
    }

    pub(super) fn column(&self, key: &str) -> Option<(&Item, &Column)> {
        self.columns().find(|(_, column)| column.key == key)
    }

    pub(super) fn foreign(&self) -> impl Iterator<Item = (&Item, &Foreign)> {
        self.items.iter().filter_map(|item| match &item.kind {
            ItemKind::Foreign(foreign) => Some((item, foreign)),
            _ => None,
        })
    }

    /// The character set of a column, if it has one and it is known.
    pub(super) fn charset(&self, column: &Column) -> Option<String> {
        match &column.text {
            Text::None => None,
            Text::OfTable => self.options.charset(),
            Text::Own(name) => name.clone().or_else(|| self.options.charset()),
        }
    }

    pub(super) fn has_system_time(&self) -> bool {
        self.items.iter().any(|item| item.form.starts_with("period for system_time"))
    }

    /// Its text without those foreign keys that come later.
    pub(super) fn without(&self, later: &BTreeSet<&str>) -> String {
        if later.is_empty() {
            return self.object.definition.clone();
        }
        let kept = self.items.iter().filter(|item| !later.contains(item.part.as_str()));
        let list: Vec<_> = kept.map(|item| format!("  {}", item.source)).collect();
        format!("{} (\n{}\n) {}", self.head, list.join(",\n"), self.tail)
    }
}

impl Item {
    fn new(dialect: Dialect, part: &Part) -> Self {
        let words = words(dialect, &part.source);
        let (kind, at) = if part.name.starts_with("column ") {
            (Column::new(&words).map_or(ItemKind::Other, ItemKind::Column), Some(0))
        } else if part.name == "primary key" || part.name.starts_with("index ") {
            let plain = words.first().is_some_and(|word| word.is_any(&["KEY", "INDEX"]));
            let name = words.iter().position(|word| word.is_any(&["KEY", "INDEX"]));
            let name = name.filter(|_| part.name != "primary key").map(|at| at + 1);
            (ItemKind::Key { columns: list(&words, 0), plain }, name)
        } else if part.name.starts_with("constraint ") && words.get(2).is_some_and(|word| word.is("FOREIGN"))
        {
            (Foreign::new(&words).map_or(ItemKind::Other, ItemKind::Foreign), Some(1))
        } else if part.name.starts_with("constraint ") {
            (ItemKind::Check, Some(1))
        } else if words.first().is_some_and(|word| word.is("PERIOD")) {
            (ItemKind::Period, Some(2))
        } else {
            (ItemKind::Other, None)
        };
        let spelled = at.and_then(|at| words.get(at)).map(|word| word.text.to_owned());
        Self {
            part: part.name.clone(),
            spelled: spelled.unwrap_or_default(),
            source: closed(dialect, &part.source),
            form: part.text.clone(),
            kind,
        }
    }

    pub(super) fn column(&self) -> Option<&Column> {
        match &self.kind {
            ItemKind::Column(column) => Some(column),
            _ => None,
        }
    }
}

impl Column {
    fn new(words: &[Word<'_>]) -> Option<Self> {
        let (name, rest) = words.split_first()?;
        let outer: Vec<_> = rest.iter().filter(|word| word.depth == 0).collect();
        let has = |word: &str| outer.iter().any(|other| other.is(word));
        let follows = |a: &str, b: &str| outer.windows(2).any(|pair| pair[0].is(a) && pair[1].is(b));
        let texts = ["CHAR", "VARCHAR", "TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT", "ENUM", "SET"];
        let is_text = rest.first().is_some_and(|word| word.is_any(&texts));
        let charset = outer.iter().position(|word| word.is("CHARACTER"));
        let charset = charset.and_then(|at| outer.get(at + 2)).map(|word| word.text.to_lowercase());
        let generation = match (has("AS"), has("STORED") || has("PERSISTENT")) {
            (false, _) => Generation::None,
            (true, false) => Generation::Virtual,
            (true, true) => Generation::Stored,
        };
        Some(Self {
            key: name.name().to_lowercase(),
            generation,
            not_null: follows("NOT", "NULL"),
            has_default: has("DEFAULT") || has("AUTO_INCREMENT"),
            ty: Type::new(rest),
            checked: has("CHECK"),
            text: match is_text {
                false => Text::None,
                true if has("CHARACTER") || has("COLLATE") => Text::Own(charset),
                true => Text::OfTable,
            },
        })
    }
}

impl Foreign {
    fn new(words: &[Word<'_>]) -> Option<Self> {
        let references = words.iter().position(|word| word.is("REFERENCES"))?;
        let open = words[references..].iter().position(|word| word.text == "(")? + references;
        let parent = match &words[references + 1..open] {
            [name] => name.name(),
            others => others.iter().map(|word| word.text).collect(),
        };
        Some(Self { columns: list(words, 0), parent, referenced: list(words, references) })
    }
}

/// A part that ends within an executable comment (MySQL: `/*!80023 INVISIBLE */`) with its end.
fn closed(dialect: Dialect, source: &str) -> String {
    if sql::tokens(dialect, source).is_err() { format!("{source} */") } else { source.to_owned() }
}

/// The names in the first list behind a place, in lower case.
fn list(words: &[Word<'_>], from: usize) -> Vec<String> {
    let Some(open) = words[from..].iter().position(|word| word.text == "(") else { return Vec::new() };
    let mut names = Vec::new();
    let mut is_next = true;
    for word in &words[from + open + 1..] {
        match (word.text, word.depth) {
            (")", 1) => break,
            (",", 1) => is_next = true,
            _ if is_next => {
                names.push(word.name().to_lowercase());
                is_next = false;
            }
            _ => {}
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Kind;

    #[test]
    fn what_mysql_writes_for_its_later_versions_stays_whole() {
        let definition = "CREATE TABLE `t` (\n  `a` int DEFAULT NULL /*!80023 INVISIBLE */,\n  `b` int,\n  KEY `k` (`b`) /*!80000 INVISIBLE */\n) ENGINE=InnoDB\n/*!50100 PARTITION BY HASH (`a`)\nPARTITIONS 4 */;";
        let object = Object { kind: Kind::Table, name: "t".to_owned(), definition: definition.to_owned() };
        let table = Table::new(Dialect::MySql, &object).unwrap();
        let sources: Vec<_> = table.items.iter().map(|item| item.source.as_str()).collect();
        let expected =
            ["`a` int DEFAULT NULL /*!80023 INVISIBLE */", "`b` int", "KEY `k` (`b`) /*!80000 INVISIBLE */"];
        assert_eq!(sources, expected);
        assert_eq!(table.options.partitions.as_deref(), Some("PARTITION BY HASH (`a`)\nPARTITIONS 4"));
    }
}
