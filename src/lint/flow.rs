//! Which tables change places within one migration: what is made, copied into, dropped and renamed, in its order.
//!
//! A table that is dropped is rebuilt if what has its name in the end was made here, and got its rows: by
//! `INSERT … SELECT … FROM` it, or `CREATE TABLE … AS SELECT`, also by way of a third table. What a query really gives
//! is not known here: only which names stand in it. Names are compared without case.

use std::collections::HashMap;

use super::known::Key;
use crate::dialect::Dialect;
use crate::sql::{Act, Column, Object, Reading, Verb, What, words};

/// What stands behind a name.
#[derive(Clone)]
enum Origin {
    /// The table that had this name before.
    Old(Key),
    /// One that was made here.
    Made(usize),
    /// A view.
    View,
    Nothing,
}

/// A table that was made here.
#[derive(Default)]
pub(super) struct Made {
    pub(super) columns: Vec<Column>,
    /// Tables whose rows are in it, each with the names in the query.
    copied: HashMap<Key, Vec<String>>,
}

/// An old table that goes, and one that takes its place.
pub(super) struct Rebuilt<'a> {
    pub(super) made: &'a Made,
    names: &'a [String],
}

impl Rebuilt<'_> {
    /// Whether a column of the old one is in the new one, with what was in it, as far as names say.
    pub(super) fn keeps(&self, column: &str) -> bool {
        let same = |name: &str| name.eq_ignore_ascii_case(column);
        let is_there =
            self.made.columns.is_empty() || self.made.columns.iter().any(|column| same(&column.name));
        is_there && self.names.iter().any(|name| name == "*" || same(name))
    }
}

#[derive(Default)]
pub(super) struct Flow {
    names: HashMap<Key, Origin>,
    made: Vec<Made>,
    /// Which old table a `DROP TABLE` takes, by where it stands and what it names.
    dropped: HashMap<(usize, Key), Key>,
}

/// Without case.
fn folded(table: &Object) -> Key {
    super::known::key(Dialect::Sqlite, table)
}

impl Flow {
    /// `is_known` tells which tables were there before.
    pub(super) fn new(
        dialect: Dialect,
        text: &str,
        readings: &[Reading],
        is_known: &dyn Fn(&Object) -> bool,
    ) -> Self {
        let mut flow = Self::default();
        for reading in readings {
            for act in &reading.acts {
                let query = || words(dialect, &text[reading.span.clone()]).collect::<Vec<_>>();
                flow.take(act, &query, is_known);
            }
        }
        flow
    }

    fn take(&mut self, act: &Act, query: &dyn Fn() -> Vec<String>, is_known: &dyn Fn(&Object) -> bool) {
        match &act.what {
            What::CreateTable { table, again, columns, of_rows, .. } => {
                let name = folded(table);
                let is_there = match self.names.get(&name) {
                    Some(Origin::Nothing) => false,
                    Some(_) => true,
                    None => is_known(table),
                };
                if *again && is_there {
                    return;
                }
                self.names.insert(name.clone(), Origin::Made(self.made.len()));
                self.made.push(Made { columns: columns.clone(), ..Made::default() });
                if *of_rows {
                    self.copy(&name, &query());
                }
            }
            What::Create { noun, object: Some(object), .. } if noun == "VIEW" => {
                self.names.insert(folded(object), Origin::View);
            }
            What::Rows(rows) if rows.verb == Verb::Insert && rows.of_rows => {
                let name = folded(&rows.table);
                if matches!(self.names.get(&name), Some(Origin::Made(_))) {
                    self.copy(&name, &query());
                }
            }
            What::RenameTable { from, to } => {
                let origin = self.origin(&folded(from));
                self.names.insert(folded(from), Origin::Nothing);
                self.names.insert(folded(to), origin);
            }
            What::DropTable { table, temporary: false, .. } => {
                let name = folded(table);
                if let Origin::Old(old) = self.origin(&name) {
                    self.dropped.insert((act.span.start, name.clone()), old);
                }
                self.names.insert(name, Origin::Nothing);
            }
            _ => {}
        }
    }

    fn origin(&self, name: &Key) -> Origin {
        self.names.get(name).cloned().unwrap_or_else(|| Origin::Old(name.clone()))
    }

    /// The rows of everything that a query reads from come into a table.
    fn copy(&mut self, into: &Key, query: &[String]) {
        let Some(Origin::Made(into)) = self.names.get(into).cloned() else { return };
        let Some(select) = query.iter().position(|word| word == "select") else { return };
        let mut copied: Vec<(Key, Vec<String>)> = Vec::new();
        for source in sources(&query[select..]) {
            match self.origin(&source) {
                Origin::Old(old) => copied.push((old, query[select..].to_vec())),
                Origin::Made(other) => {
                    copied.extend(
                        self.made[other].copied.iter().map(|(old, names)| (old.clone(), names.clone())),
                    );
                }
                Origin::View | Origin::Nothing => {}
            }
        }
        for (old, names) in copied {
            self.made[into].copied.entry(old).or_default().extend(names);
        }
    }

    /// What took the place of a table that had a name before, with its rows.
    fn successor(&self, old: &Key) -> Option<Rebuilt<'_>> {
        let Some(Origin::Made(made)) = self.names.get(old) else { return None };
        let made = &self.made[*made];
        made.copied.get(old).map(|names| Rebuilt { made, names })
    }

    /// What takes the place of the table that an act drops.
    pub(super) fn rebuilt(&self, act: &Act) -> Option<Rebuilt<'_>> {
        let old = self.dropped.get(&(act.span.start, folded(act.what.table()?)))?;
        self.successor(old)
    }

    /// The name that the table that an act drops had before.
    pub(super) fn old_name(&self, act: &Act) -> Option<&Key> {
        self.dropped.get(&(act.span.start, folded(act.what.table()?)))
    }

    /// Whether the table of that name is dropped, and another one takes its place with its rows.
    pub(super) fn is_rebuilt(&self, table: &Object) -> bool {
        let name = folded(table);
        self.successor(&name).is_some() && self.dropped.values().any(|old| *old == name)
    }

    /// Whether what has this name in the end was made here.
    pub(super) fn is_made_anew(&self, table: &Object) -> bool {
        matches!(self.names.get(&folded(table)), Some(Origin::Made(_)))
    }

    /// Whether the name of an old table means what code expects, also after it was renamed: its rows, a view, or a
    /// table that was there before, too.
    pub(super) fn is_taken_again(&self, table: &Object) -> bool {
        let name = folded(table);
        match self.names.get(&name) {
            Some(Origin::View | Origin::Old(_)) => true,
            Some(Origin::Made(_)) => self.successor(&name).is_some(),
            Some(Origin::Nothing) | None => false,
        }
    }
}

/// The tables behind `FROM` and `JOIN`.
fn sources(query: &[String]) -> Vec<Key> {
    let mut found = Vec::new();
    for (at, word) in query.iter().enumerate() {
        if !matches!(word.as_str(), "from" | "join") {
            continue;
        }
        let at = at + if query.get(at + 1).is_some_and(|next| next == "only") { 2 } else { 1 };
        let Some(first) = query.get(at) else { continue };
        let is_whole = query.get(at + 1).is_none_or(|next| next != ".");
        let (schema, name) = match query.get(at + 2) {
            Some(name) if !is_whole => (Some(first.clone()), name.clone()),
            _ => (None, first.clone()),
        };
        found.push(folded(&Object { kind: crate::sql::Kind::Relation, schema, name }));
    }
    found
}
