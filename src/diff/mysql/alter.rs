//! One `ALTER TABLE` that makes one table of another, foreign keys apart.
//!
//! All clauses are of one statement, so that the table is what it must be at once: a counter keeps its
//! key, a column and what was made of it go together. What a clause takes along by itself is said
//! nevertheless: an index loses a column that is dropped, one that a foreign key made goes when another
//! can stand for it.

use std::collections::BTreeSet;

use super::table::{Column, Generation, Item, ItemKind, Table, Text};
use crate::dialect::Dialect;
use crate::diff::parts::mentions;
use crate::drift::{Change, Difference};

/// A table that changes.
pub(super) struct Changed<'a> {
    dialect: Dialect,
    pub(super) from: Table<'a>,
    pub(super) to: Table<'a>,
    /// Parts of `from` that go, parts of `to` that come; in both where it becomes another.
    gone: BTreeSet<String>,
    pub(super) come: BTreeSet<String>,
    /// Columns, by their keys, that no `MODIFY` can make of what they were, and what is made of them.
    pub(super) again: BTreeSet<String>,
}

impl<'a> Changed<'a> {
    pub(super) fn new(dialect: Dialect, from: Table<'a>, to: Table<'a>, differences: &[&Difference]) -> Self {
        let parts = |without: Change| {
            let found = differences.iter().filter(move |difference| difference.change != without);
            found.filter_map(|difference| difference.part.clone()).collect()
        };
        let (gone, come) = (parts(Change::Missing), parts(Change::Extra));
        let mut changed = Self { dialect, from, to, gone, come, again: BTreeSet::new() };
        changed.text_of_the_table();
        changed.columns_made_again();
        changed.keys_that_go_by_themselves();
        changed
    }

    /// Text columns in the character set of the table keep theirs unless they are told.
    fn text_of_the_table(&mut self) {
        if self.to.options.has_same_text(&self.from.options) {
            return;
        }
        let inherits = self
            .to
            .columns()
            .filter(|(_, column)| column.text == Text::OfTable)
            .map(|(item, _)| item.part.clone());
        let inherits: Vec<_> = inherits.filter(|part| self.from.item(part).is_some()).collect();
        self.gone.extend(inherits.iter().cloned());
        self.come.extend(inherits);
    }

    /// What speaks of a column that is dropped for a moment must be said again.
    fn columns_made_again(&mut self) {
        let first = self
            .to
            .columns()
            .filter(|(item, column)| self.come.contains(&item.part) && self.is_beyond_modify(column));
        self.again = first.map(|(_, column)| column.key.clone()).collect();
        loop {
            let speaks = |item: &&Item| {
                mentions(self.dialect, &item.source).iter().any(|name| self.again.contains(name))
            };
            let is_kept = |item: &&Item| self.from.item(&item.part).is_some();
            let speakers: Vec<_> = self.to.items.iter().filter(is_kept).filter(speaks).collect();
            let computed = speakers.iter().filter_map(|item| item.column());
            let computed: Vec<_> = computed
                .filter(|column| column.generation != Generation::None)
                .map(|column| column.key.clone())
                .collect();
            let is_speaker = |item: &&&Item| !matches!(item.kind, ItemKind::Foreign(_));
            let parts: Vec<_> = speakers.iter().filter(is_speaker).map(|item| item.part.clone()).collect();
            let before = self.again.len();
            self.again.extend(computed);
            self.gone.extend(parts.iter().cloned());
            self.come.extend(parts);
            if self.again.len() == before {
                break;
            }
        }
    }

    /// An index that a foreign key made is dropped by the server when one comes that begins like it.
    fn keys_that_go_by_themselves(&mut self) {
        let mut again = Vec::new();
        for item in self.to.items.iter().filter(|item| !self.come.contains(&item.part)) {
            let ItemKind::Key { columns, plain: true } = &item.kind else { continue };
            let is_of_a_foreign_key = self.from.foreign().any(|(_, foreign)| foreign.columns == *columns);
            let stands_for_it = |other: &Item| match &other.kind {
                ItemKind::Key { columns: others, .. } => others.starts_with(columns),
                _ => false,
            };
            let comes = self.to.items.iter().filter(|other| self.come.contains(&other.part));
            if is_of_a_foreign_key
                && self.from.item(&item.part).is_some()
                && comes.into_iter().any(stands_for_it)
            {
                again.push(item.part.clone());
            }
        }
        self.gone.extend(again.iter().cloned());
        self.come.extend(again);
    }

    fn is_beyond_modify(&self, column: &Column) -> bool {
        let before = self.from.column(&column.key).map(|(_, before)| before.generation);
        match (before, column.generation) {
            (None, _) => false,
            (Some(Generation::None), now) => now == Generation::Virtual,
            (Some(Generation::Stored), now) => now != Generation::None,
            (Some(Generation::Virtual), _) => true,
        }
    }

    /// Foreign keys that must be out of the way, by what changes about columns of theirs in this table.
    pub(super) fn touches(&self, columns: &[String]) -> bool {
        let is_touched = |item: &Item| match &item.kind {
            ItemKind::Column(column) => columns.contains(&column.key),
            ItemKind::Key { columns: others, .. } => others.iter().any(|column| columns.contains(column)),
            _ => false,
        };
        let gone = self.from.items.iter().filter(|item| self.gone.contains(&item.part));
        gone.into_iter().any(is_touched)
            || !self.to.options.has_same_engine(&self.from.options)
            || self.to.options.partitions != self.from.options.partitions
    }

    pub(super) fn drops(&self, part: &str) -> bool {
        self.gone.contains(part)
    }

    pub(super) fn adds(&self, part: &str) -> bool {
        self.come.contains(part)
    }

    /// Why nothing of it can be done.
    fn reason(&self) -> Option<&'static str> {
        if self.from.has_system_time() || self.to.has_system_time() {
            return Some("it has a period of system time");
        }
        let is_versioned = self.from.options.versioned && self.to.options.versioned;
        is_versioned.then_some("its history (system versioning) would have to be changed")
    }

    pub(super) fn is_out_of_reach(&self) -> bool {
        self.reason().is_some()
    }

    /// What has no clause here.
    pub(super) fn not_generated(&self) -> Vec<String> {
        let table = &self.from.object.name;
        if let Some(reason) = self.reason() {
            return vec![format!("table `{table}`: {reason}")];
        }
        let changes = |table: &Table<'_>, parts: &BTreeSet<String>| {
            let is_other = |item: &&Item| parts.contains(&item.part) && matches!(item.kind, ItemKind::Other);
            table.items.iter().filter(is_other).map(|item| item.source.clone()).collect::<Vec<_>>()
        };
        let unable = self.to.options.unable(&self.from.options, self.come.contains("options"));
        let parts = changes(&self.from, &self.gone).into_iter().chain(changes(&self.to, &self.come));
        parts.chain(unable).map(|what| format!("table `{table}`: {what}")).collect()
    }

    /// The statements; none if only foreign keys change.
    pub(super) fn statements(&self, name: &str) -> Vec<String> {
        let mut clauses = self.dropped();
        clauses.extend(self.columns());
        let keys = self.to.items.iter().filter(|item| self.come.contains(&item.part));
        let keys = keys
            .filter(|item| matches!(item.kind, ItemKind::Key { .. } | ItemKind::Check | ItemKind::Period));
        clauses.extend(keys.map(|item| match self.shown_or_hidden(item) {
            Some(word) => format!("ALTER INDEX {} {word}", item.spelled),
            None => format!("ADD {}", item.source),
        }));
        let options = self.to.options.clauses(&self.from.options);
        clauses.extend(options.now);
        let (before, now) = (&self.from.options, &self.to.options);
        let partitions = match &now.partitions {
            same if *same == before.partitions => None,
            Some(partitions) => Some(partitions.as_str()),
            None => Some("REMOVE PARTITIONING"),
        };
        let mut statements = Vec::new();
        if before.versioned && !now.versioned {
            statements.push(format!("ALTER TABLE {name} DROP SYSTEM VERSIONING;"));
        }
        statements.extend(alter_table(name, &clauses, partitions));
        statements.extend(alter_table(name, &options.then, None));
        if now.versioned && !before.versioned {
            statements.push(format!("ALTER TABLE {name} ADD SYSTEM VERSIONING;"));
        }
        statements
    }

    /// An index that the server only begins or ceases to look at: made anew it would stay as it was.
    fn shown_or_hidden(&self, item: &Item) -> Option<&'static str> {
        let (before, now) = (self.from.item(&item.part)?, self.to.item(&item.part)?);
        let ItemKind::Key { .. } = item.kind else { return None };
        let is = |a: &Item, b: &Item, word: &str| {
            a.form.strip_suffix(word).is_some_and(|form| form.trim_end() == b.form)
        };
        [("ignored", "IGNORED", "NOT IGNORED"), ("invisible", "INVISIBLE", "VISIBLE")].into_iter().find_map(
            |(word, hidden, shown)| {
                (is(now, before, word).then_some(hidden)).or(is(before, now, word).then_some(shown))
            },
        )
    }

    fn dropped(&self) -> Vec<String> {
        let is_gone = |item: &&Item| self.gone.contains(&item.part) && self.shown_or_hidden(item).is_none();
        let gone = self.from.items.iter().filter(is_gone);
        let clause = |item: &Item| {
            let name = &item.spelled;
            match item.kind {
                ItemKind::Key { .. } if name.is_empty() => Some("DROP PRIMARY KEY".to_owned()),
                ItemKind::Key { .. } => Some(format!("DROP INDEX {name}")),
                ItemKind::Check => Some(format!("DROP CONSTRAINT {name}")),
                ItemKind::Period => Some(format!("DROP PERIOD FOR {name}")),
                _ => None,
            }
        };
        let mut clauses: Vec<_> = gone.filter_map(clause).collect();
        let columns = self
            .from
            .columns()
            .filter(|(_, column)| self.again.contains(&column.key) || self.to.column(&column.key).is_none());
        clauses.extend(columns.map(|(item, _)| format!("DROP COLUMN {}", item.spelled)));
        clauses
    }

    fn columns(&self) -> Vec<String> {
        let is_new =
            |column: &Column| self.from.column(&column.key).is_none() || self.again.contains(&column.key);
        let last_kept = self.to.columns().filter(|(_, column)| !is_new(column)).count();
        let (mut clauses, mut kept, mut before) = (Vec::new(), 0, None);
        for (item, column) in self.to.columns() {
            if is_new(column) {
                let place = match before {
                    _ if kept == last_kept => String::new(),
                    None => " FIRST".to_owned(),
                    Some(before) => format!(" AFTER {before}"),
                };
                clauses.push(format!("ADD COLUMN {}{place}", item.source));
            } else {
                kept += 1;
                let spelled = self.from.column(&column.key).map(|(before, _)| before.spelled.as_str());
                match spelled {
                    Some(spelled) if spelled != item.spelled => {
                        clauses.push(format!("CHANGE COLUMN {spelled} {}", item.source));
                    }
                    _ if self.come.contains(&item.part) => {
                        clauses.push(format!("MODIFY COLUMN {}", item.source));
                    }
                    _ => {}
                }
            }
            before = Some(&item.spelled);
        }
        clauses
    }
}

/// One statement, a clause on each line; what is behind the clauses is about partitions.
pub(super) fn alter_table(name: &str, clauses: &[String], behind: Option<&str>) -> Option<String> {
    let list = clauses.join(",\n    ");
    match (clauses.len(), behind) {
        (0, None) => None,
        (0, Some(behind)) => Some(format!("ALTER TABLE {name}\n    {behind};")),
        (1, None) => Some(format!("ALTER TABLE {name} {list};")),
        (_, None) => Some(format!("ALTER TABLE {name}\n    {list};")),
        (_, Some(behind)) => Some(format!("ALTER TABLE {name}\n    {list}\n    {behind};")),
    }
}
