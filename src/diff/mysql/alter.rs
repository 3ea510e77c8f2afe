//! One `ALTER TABLE` that makes one table of another, foreign keys apart.
//!
//! All clauses are of one statement, so that the table is what it must be at once: a counter keeps its
//! key, a column and what was made of it go together. What a clause takes along by itself is said
//! nevertheless: an index loses a column that is dropped, one that a foreign key made goes when another
//! can stand for it.

use std::collections::BTreeSet;

use super::table::{Column, Generation, Item, ItemKind, Table};
use crate::drift::{Change, Difference};

/// A table that changes.
pub(super) struct Changed<'a> {
    pub(super) from: Table<'a>,
    pub(super) to: Table<'a>,
    /// Parts of `from` that go, parts of `to` that come; in both where it becomes another.
    gone: BTreeSet<String>,
    come: BTreeSet<String>,
}

impl<'a> Changed<'a> {
    pub(super) fn new(from: Table<'a>, to: Table<'a>, differences: &[&Difference]) -> Self {
        let parts = |without: Change| {
            let found = differences.iter().filter(move |difference| difference.change != without);
            found.filter_map(|difference| difference.part.clone()).collect()
        };
        let (gone, come) = (parts(Change::Missing), parts(Change::Extra));
        let mut changed = Self { from, to, gone, come };
        changed.text_of_the_table();
        changed.keys_of_columns_made_again();
        changed.keys_that_go_by_themselves();
        changed
    }

    /// Text columns in the character set of the table keep theirs unless they are told.
    fn text_of_the_table(&mut self) {
        if self.to.options.has_same_text(&self.from.options) {
            return;
        }
        let inherits =
            self.to.columns().filter(|(_, column)| column.inherits).map(|(item, _)| item.part.clone());
        let inherits: Vec<_> = inherits.filter(|part| self.from.item(part).is_some()).collect();
        self.gone.extend(inherits.iter().cloned());
        self.come.extend(inherits);
    }

    fn keys_of_columns_made_again(&mut self) {
        let again: BTreeSet<String> = self.made_again().map(|(item, _)| item.part.clone()).collect();
        let keys = again.iter().filter_map(|part| Some(self.to.item(part)?.column()?.key.clone()));
        let keys: Vec<_> = keys.collect();
        let has_one = |item: &&Item| match &item.kind {
            ItemKind::Key { .. } => keys.iter().any(|key| item.form.to_lowercase().contains(key.as_str())),
            _ => false,
        };
        let parts: Vec<_> = self.to.items.iter().filter(has_one).map(|item| item.part.clone()).collect();
        for part in parts.into_iter().filter(|part| self.from.item(part).is_some()) {
            self.gone.insert(part.clone());
            self.come.insert(part);
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

    /// Columns of `to` that no `MODIFY` can make of what they were.
    fn made_again(&self) -> impl Iterator<Item = (&Item, &Column)> {
        self.to.columns().filter(|(item, column)| {
            let before = self.from.column(&column.key).map(|(_, before)| before.generation);
            let is_modified = match (before, column.generation) {
                (None, _) => return false,
                (Some(Generation::None), now) => now != Generation::Virtual,
                (Some(Generation::Stored), now) => now == Generation::None,
                (Some(Generation::Virtual), _) => false,
            };
            self.come.contains(&item.part) && !is_modified
        })
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
        let (_, unable) = self.to.options.clauses(&self.from.options);
        let parts = changes(&self.from, &self.gone).into_iter().chain(changes(&self.to, &self.come));
        parts.chain(unable).map(|what| format!("table `{table}`: {what}")).collect()
    }

    /// What rows can make of it.
    pub(super) fn hints(&self) -> Vec<String> {
        let (table, mut hints) = (&self.from.object.name, Vec::new());
        let again: BTreeSet<&str> = self.made_again().map(|(item, _)| item.part.as_str()).collect();
        for (item, column) in self.to.columns().filter(|(item, _)| self.come.contains(&item.part)) {
            let name = crate::diff::parts::unquoted(&item.spelled);
            let is_computed = column.generation != Generation::None;
            let before = self.from.column(&column.key).map(|(_, before)| before);
            let hint = match before {
                _ if again.contains(item.part.as_str()) && !is_computed => {
                    "is made again, without its values: fill it"
                }
                None if column.not_null && !column.has_default && !is_computed => {
                    "NOT NULL without a default: rows that are there get the empty value of its type; fill it"
                }
                Some(before) if column.not_null && !before.not_null => {
                    "NOT NULL now: fails where it is null in a row; fill it before"
                }
                _ => continue,
            };
            hints.push(format!("{table}.{name}: {hint}"));
        }
        let is_condition = |item: &&Item| {
            let unique = item.form.starts_with("unique") || item.form.starts_with("primary");
            self.come.contains(&item.part) && (unique || matches!(item.kind, ItemKind::Check))
        };
        let is_new = |item: &&Item| self.from.item(&item.part).is_none_or(|before| before.form != item.form);
        for item in self.to.items.iter().filter(is_condition).filter(is_new) {
            hints.push(format!("{table}: {}: fails where rows do not keep to it", item.source));
        }
        if self.from.options.versioned && !self.to.options.versioned {
            hints.push(format!("{table}: without system versioning its history is gone"));
        }
        hints
    }

    /// The statements; none if only foreign keys change.
    pub(super) fn statements(&self, name: &str) -> Vec<String> {
        let mut clauses = self.dropped();
        clauses.extend(self.columns());
        let keys = self.to.items.iter().filter(|item| self.come.contains(&item.part));
        let keys = keys
            .filter(|item| matches!(item.kind, ItemKind::Key { .. } | ItemKind::Check | ItemKind::Period));
        clauses.extend(keys.map(|item| format!("ADD {}", item.source)));
        clauses.extend(self.to.options.clauses(&self.from.options).0);
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
        if now.versioned && !before.versioned {
            statements.push(format!("ALTER TABLE {name} ADD SYSTEM VERSIONING;"));
        }
        statements
    }

    fn dropped(&self) -> Vec<String> {
        let gone = self.from.items.iter().filter(|item| self.gone.contains(&item.part));
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
        let again: BTreeSet<&str> = self.made_again().map(|(_, column)| column.key.as_str()).collect();
        let columns = self.from.columns().filter(|(_, column)| {
            again.contains(column.key.as_str()) || self.to.column(&column.key).is_none()
        });
        clauses.extend(columns.map(|(item, _)| format!("DROP COLUMN {}", item.spelled)));
        clauses
    }

    fn columns(&self) -> Vec<String> {
        let again: BTreeSet<&str> = self.made_again().map(|(item, _)| item.part.as_str()).collect();
        let is_new = |item: &Item, column: &Column| {
            self.from.column(&column.key).is_none() || again.contains(item.part.as_str())
        };
        let last_kept = self.to.columns().filter(|(item, column)| !is_new(item, column)).count();
        let (mut clauses, mut kept, mut before) = (Vec::new(), 0, None);
        for (item, column) in self.to.columns() {
            if is_new(item, column) {
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
                        clauses.push(format!("MODIFY COLUMN {}", item.source))
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
