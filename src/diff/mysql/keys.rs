//! Foreign keys: out of the way before tables change, back when all are as they must be.
//!
//! A foreign key stands on columns and keys of two tables, and neither can be changed under it. One that
//! stays the same is dropped and made again where something that it stands on changes.

use std::collections::{BTreeMap, BTreeSet};

use super::alter::Changed;
use super::table::{Foreign, Item, ItemKind, Table};
use crate::diff::parts::ordered;

/// What is done with the foreign keys of tables: by table, the names that go and the clauses that add.
#[derive(Default)]
pub(super) struct Keys {
    pub(super) dropped: BTreeMap<String, Vec<String>>,
    pub(super) added: BTreeMap<String, Vec<String>>,
}

impl Keys {
    /// Those of tables that stay: `pairs` of what they were and are, with the part of `to` that each of `from` is.
    pub(super) fn of_tables(
        pairs: &[(&Table<'_>, &Table<'_>, BTreeMap<String, String>)],
        changed: &BTreeMap<&str, &Changed<'_>>,
        dropped: &BTreeSet<&str>,
    ) -> Self {
        let mut keys = Self::default();
        for (from, to, twins) in pairs {
            let name = from.object.name.as_str();
            let own = changed.get(name);
            let mut again = BTreeSet::new();
            for (item, foreign) in from.foreign() {
                let is_touched = own.is_some_and(|own| own.touches(&foreign.columns))
                    || changed
                        .get(foreign.parent.as_str())
                        .is_some_and(|parent| parent.touches(&foreign.referenced))
                    || dropped.contains(foreign.parent.as_str());
                if is_touched || own.is_some_and(|own| own.drops(&item.part)) {
                    keys.dropped.entry(name.to_owned()).or_default().push(item.spelled.clone());
                    again.insert(twins.get(&item.part).unwrap_or(&item.part).clone());
                }
            }
            let is_added = |part: &String| again.contains(part) || own.is_some_and(|own| own.adds(part));
            let mut clauses = Vec::new();
            for (item, foreign) in to.foreign().filter(|(item, _)| is_added(&item.part)) {
                clauses.extend(index_again(from, to, own.copied(), foreign));
                clauses.push(format!("ADD {}", item.source));
            }
            if !clauses.is_empty() {
                let mut seen = BTreeSet::new();
                clauses.retain(|clause| seen.insert(clause.clone()));
                keys.added.insert(name.to_owned(), clauses);
            }
        }
        keys
    }
}

/// An index that a foreign key made gets another name when that is made again, unless it is made again, too.
fn index_again(
    from: &Table<'_>,
    to: &Table<'_>,
    own: Option<&Changed<'_>>,
    foreign: &Foreign,
) -> Vec<String> {
    let is_made = |item: &&Item| {
        matches!(&item.kind, ItemKind::Key { columns, plain: true } if *columns == foreign.columns)
            && own.is_none_or(|own| !own.adds(&item.part))
    };
    let kept = to.items.iter().filter(is_made).filter(|item| from.item(&item.part).is_some());
    kept.flat_map(|item| [format!("DROP INDEX {}", item.spelled), format!("ADD {}", item.source)]).collect()
}

/// Tables that come, parents first, each with the foreign keys that must wait until all are there.
pub(super) fn created<'t, 'a>(tables: &'t [Table<'a>]) -> Vec<(&'t Table<'a>, Vec<&'t Item>)> {
    let place: BTreeMap<&str, usize> =
        tables.iter().enumerate().map(|(at, table)| (table.object.name.as_str(), at)).collect();
    let needs = |(at, table): (usize, &'t Table<'a>)| {
        let parents = table.foreign().filter_map(|(_, foreign)| place.get(foreign.parent.as_str()).copied());
        parents.map(|parent| (at, parent)).collect::<Vec<_>>()
    };
    let needs: Vec<_> = tables.iter().enumerate().flat_map(needs).collect();
    let (mut seen, mut order) = (BTreeSet::new(), Vec::new());
    for at in ordered(tables.len(), &needs) {
        seen.insert(at);
        let waits = |foreign: &Foreign| {
            place.get(foreign.parent.as_str()).is_some_and(|parent| !seen.contains(parent))
        };
        let later = tables[at].foreign().filter(|(_, foreign)| waits(foreign)).map(|(item, _)| item);
        order.push((&tables[at], later.collect()));
    }
    order
}

/// Tables that go, children first; before that, the foreign keys that would be in the way.
pub(super) fn dropped<'t, 'a>(tables: &'t [Table<'a>]) -> (Keys, Vec<&'t Table<'a>>) {
    let mut keys = Keys::default();
    let mut order = Vec::new();
    for (table, later) in created(tables) {
        if !later.is_empty() {
            let names = later.iter().map(|item| item.spelled.clone());
            keys.dropped.insert(table.object.name.clone(), names.collect());
        }
        order.push(table);
    }
    order.reverse();
    (keys, order)
}
