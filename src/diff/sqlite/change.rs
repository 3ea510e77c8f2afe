//! How one table of SQLite becomes another: by adding and dropping columns, else by a rebuild.
//!
//! A rebuild is the manual's: a new table under another name, the rows into it, the old one dropped, the
//! new one renamed. Foreign keys must be off, whatever speaks of the table must be out of the way, and
//! indexes and triggers go with the old table: that is the business of whoever asks.
//!
//! A renamed table's text is kept with its name in quotes. Where that would not be the same name, and
//! where the text speaks of the table by its name, the rows step aside and come back instead.

use super::table::{Column, Default, Mark, Table};
use crate::dialect::Dialect;
use crate::diff::parts::mentions;
use crate::diff::text::{Word, unquoted, words};
use crate::drift::{Change, Difference};
use crate::sql;

const DIALECT: Dialect = Dialect::Sqlite;

/// A table that changes.
pub(super) struct Changed<'a> {
    pub(super) from: Table<'a>,
    pub(super) to: Table<'a>,
    pub(super) way: Way,
}

/// How it changes.
pub(super) enum Way {
    /// By `ALTER TABLE`: places of the columns that come, and of those that go.
    Alter {
        added: Vec<usize>,
        dropped: Vec<usize>,
    },
    Rebuild,
}

impl<'a> Changed<'a> {
    /// From what the check says of its parts.
    pub(super) fn new(from: Table<'a>, to: Table<'a>, differences: &[&Difference]) -> Self {
        let way = alter(&from, &to, differences).unwrap_or(Way::Rebuild);
        Self { from, to, way }
    }

    pub(super) const fn is_rebuilt(&self) -> bool {
        matches!(self.way, Way::Rebuild)
    }

    /// Whether views and triggers that speak of it would be in the way.
    pub(super) fn disturbs(&self) -> bool {
        match &self.way {
            Way::Alter { dropped, .. } => !dropped.is_empty(),
            Way::Rebuild => true,
        }
    }

    /// The statements; `free` is a name that nothing has.
    pub(super) fn statements(&self, free: &str) -> Vec<String> {
        match &self.way {
            Way::Alter { added, dropped } => {
                let table = self.to.spelled;
                let add = added
                    .iter()
                    .map(|&at| format!("ALTER TABLE {table} ADD COLUMN {};", self.to.columns[at].source));
                let drop = dropped
                    .iter()
                    .map(|&at| format!("ALTER TABLE {table} DROP COLUMN {};", self.from.columns[at].spelled));
                add.chain(drop).collect()
            }
            Way::Rebuild if self.must_step_aside() => self.step_aside(free),
            Way::Rebuild => self.rebuild(free),
        }
    }

    /// What rows can make of it.
    pub(super) fn hints(&self) -> Vec<String> {
        let table = &self.to.object.name;
        let columns = self.to.columns.iter().flat_map(|column| {
            let name = unquoted(&column.spelled);
            let obstacles = obstacles(self.from.column(&column.key), column);
            obstacles.into_iter().map(move |obstacle| format!("{table}.{name}: {obstacle}"))
        });
        let mut hints: Vec<_> = columns.collect();
        let constraints = self.to.text.parts.iter().filter(|part| !part.name.starts_with("column "));
        let is_new = |part: &&sql::Part| self.from.text.parts.iter().all(|other| other.text != part.text);
        for part in constraints.filter(|part| part.name != "options").filter(is_new) {
            hints.push(format!("{table}: {}: fails where rows do not keep to it", part.source));
        }
        let is_other = |column: &Column| match self.from.column(&column.key) {
            Some(before) => {
                before.ty != column.ty || before.is(Mark::Generated) != column.is(Mark::Generated)
            }
            None => column.is(Mark::Generated),
        };
        if self.to.is_strict() && (!self.from.is_strict() || self.to.columns.iter().any(is_other)) {
            hints.push(format!("{table}: STRICT: fails where a value is not of its column's type"));
        }
        hints
    }

    /// The columns whose rows are kept, as either text spells them.
    fn kept(&self) -> (Vec<&str>, Vec<&str>) {
        let kept = self.to.columns.iter().filter(|column| !column.is(Mark::Generated));
        kept.filter_map(|column| {
            Some((self.from.column(&column.key)?.spelled.as_str(), column.spelled.as_str()))
        })
        .unzip()
    }

    /// A name that begins with a word, in quotes where the table's own has them.
    fn spell(&self, name: &str) -> String {
        let is_bare = unquoted(self.to.spelled) == self.to.spelled;
        if is_bare { name.to_owned() } else { quote(name) }
    }

    fn must_step_aside(&self) -> bool {
        let quoted = format!("\"{}\"", self.to.object.name.replace('"', "\"\""));
        let form = |name: &str| sql::normal_form(DIALECT, name);
        let names = words(DIALECT, &self.to.object.definition);
        let is_qualifier = |pair: &[Word<'_>]| {
            pair[1].text == "." && pair[0].name().eq_ignore_ascii_case(&self.to.object.name)
        };
        form(&quoted) != form(self.to.spelled) || names.windows(2).any(is_qualifier)
    }

    /// A row that does not fit fails, whatever the table says of conflicts: none may be replaced or left out.
    fn copy(&self, into: &str, columns: &[&str], table: &str, from: &[&str]) -> Option<String> {
        let words = words(DIALECT, &self.to.object.definition);
        let has_own_way = words.iter().any(|word| word.is("CONFLICT"));
        let verb = if has_own_way { "INSERT OR ABORT INTO" } else { "INSERT INTO" };
        let (columns, from) = (columns.join(", "), from.join(", "));
        (!columns.is_empty()).then(|| format!("{verb} {into} ({columns}) SELECT {from} FROM {table};"))
    }

    fn rebuild(&self, free: &str) -> Vec<String> {
        let fresh = self.spell(free);
        let (from, to) = (&self.from, &self.to);
        let behind = &to.object.definition[to.text.head.len()..];
        let (mut old, mut new) = self.kept();
        if let (Some(number), Some(same)) = (from.row_number(), to.row_number()) {
            old.insert(0, number);
            new.insert(0, same);
        }
        let mut statements = vec![format!("CREATE TABLE {fresh}{}{behind}", blank(behind))];
        statements.extend(self.copy(&fresh, &new, from.spelled, &old));
        if from.is_counted() && to.is_counted() {
            let (name, fresh) = (text(&from.object.name), text(free));
            statements.push(format!("DELETE FROM sqlite_sequence WHERE name = {fresh};"));
            statements.push(format!(
                "INSERT INTO sqlite_sequence (name, seq) SELECT {fresh}, seq FROM sqlite_sequence WHERE name = {name};"
            ));
        }
        statements.push(format!("DROP TABLE {};", from.spelled));
        statements.push(format!("ALTER TABLE {fresh} RENAME TO {};", to.spelled));
        statements
    }

    fn step_aside(&self, free: &str) -> Vec<String> {
        let aside = self.spell(free);
        let (from, to) = (&self.from, &self.to);
        let (mut old, mut new) = self.kept();
        let mut selected: Vec<String> =
            old.iter().zip(&new).map(|(old, new)| format!("{old} AS {new}")).collect();
        let number = from.row_number().zip(to.row_number());
        let numbered = (0..=to.columns.len()).map(|n| format!("n{n}")).find(|name| to.column(name).is_none());
        if let (Some((number, same)), Some(numbered)) = (number, &numbered) {
            selected.insert(0, format!("{number} AS {numbered}"));
            old.insert(0, numbered);
            new.insert(0, same);
        }
        let is_counted = from.is_counted() && to.is_counted();
        let (name, kept) = (text(&from.object.name), text(free));
        let mut statements = Vec::new();
        if !selected.is_empty() {
            let selected = selected.join(", ");
            statements.push(format!("CREATE TABLE {aside} AS SELECT {selected} FROM {};", from.spelled));
        }
        if is_counted {
            statements.push(format!(
                "INSERT INTO sqlite_sequence (name, seq) SELECT {kept}, seq FROM sqlite_sequence WHERE name = {name};"
            ));
        }
        statements.push(format!("DROP TABLE {};", from.spelled));
        statements.push(to.object.definition.clone());
        if !selected.is_empty() {
            let named: Vec<&str> = match &numbered {
                Some(numbered) if number.is_some() => {
                    std::iter::once(numbered.as_str()).chain(new[1..].iter().copied()).collect()
                }
                _ => new.clone(),
            };
            statements.extend(self.copy(to.spelled, &new, &aside, &named));
            statements.push(format!("DROP TABLE {aside};"));
        }
        if is_counted {
            let now = text(&to.object.name);
            statements.push(format!("DELETE FROM sqlite_sequence WHERE name = {now};"));
            statements.push(format!("UPDATE sqlite_sequence SET name = {now} WHERE name = {kept};"));
        }
        statements
    }
}

/// Why rows may not take to what a column becomes.
fn obstacles(before: Option<&Column>, column: &Column) -> Vec<&'static str> {
    let mut obstacles = Vec::new();
    match before {
        None if column.is(Mark::NotNull) && !column.is(Mark::Generated) && column.default == Default::None => obstacles.push(
            "NOT NULL without a default: fails where the table has rows; give it a default, or fill it before",
        ),
        Some(before) if column.is(Mark::NotNull) && !before.is(Mark::NotNull) => {
            obstacles.push("NOT NULL now: fails where it is null in a row; fill it before");
        }
        _ => {}
    }
    if column.is_unique() && before.is_none_or(|before| !before.is_unique()) {
        obstacles.push("unique now: fails where rows hold the same value");
    }
    if column.is(Mark::Checked) && before.is_none_or(|before| before.source != column.source) {
        obstacles.push("CHECK: fails where rows do not keep to it");
    }
    obstacles
}

/// The way without a rebuild, if there is one.
fn alter(from: &Table<'_>, to: &Table<'_>, differences: &[&Difference]) -> Option<Way> {
    let (mut added, mut dropped) = (Vec::new(), Vec::new());
    for difference in differences {
        let part = difference.part.as_deref().filter(|part| part.starts_with("column "))?;
        let place = |table: &Table<'_>| table.columns.iter().position(|column| column.part == part);
        match difference.change {
            Change::Missing => added.push(place(to)?),
            Change::Extra => dropped.push(place(from)?),
            Change::Different | Change::Renamed => return None,
        }
    }
    // one that others are made of must be there before them
    added.sort_by_key(|&at| (to.columns[at].is(Mark::Generated), at));
    let columns: Vec<&Column> = added.iter().map(|&at| &to.columns[at]).collect();
    let is_early = |(at, column): (usize, &&Column)| {
        let names = mentions(DIALECT, &column.source);
        columns[at + 1..].iter().any(|later| names.contains(&later.key))
    };
    let can_add = |column: &&Column| column.can_be_added() && from.column(&column.key).is_none();
    let gone = dropped.iter().map(|&at| &from.columns[at]);
    let can_drop = |column: &Column| {
        column.can_be_dropped() && !from.others_mention(column) && !to.others_mention(column)
    };
    let fits = columns.iter().all(can_add)
        && !columns.iter().enumerate().any(is_early)
        && gone.into_iter().all(can_drop);
    fits.then_some(Way::Alter { added, dropped })
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

fn blank(behind: &str) -> &'static str {
    if behind.starts_with(char::is_whitespace) { "" } else { " " }
}
