//! SQLite: what `ALTER TABLE` cannot do is done by the rebuild that the manual describes.
//!
//! Renaming a table and dropping a column make SQLite read every view and trigger again, and fail if one
//! does not fit. So whatever speaks of a table that is rebuilt, however far away, is dropped before and
//! made again at the end. What speaks of what is known from names in texts: too much rather than too little.

mod change;
mod table;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::parts::{Mentioning, ordered, unknown};
use super::text::{Word, words};
use super::{Script, Step};
use crate::dialect::Dialect;
use crate::drift::{Change, Difference, between};
use crate::schema::{Kind, Object, Schema};
use change::Changed;
use table::Table;

const DIALECT: Dialect = Dialect::Sqlite;

/// What this database has, in the order in which it is made.
const KINDS: [Kind; 5] = [Kind::Table, Kind::VirtualTable, Kind::Index, Kind::View, Kind::Trigger];

type Key<'a> = (Kind, &'a str);

pub(super) fn script(from: &Schema, to: &Schema) -> Script {
    let mut way = Way::new(from, to);
    way.drop_what_is_in_the_way();
    way.drop_indexes();
    way.drop_tables();
    way.change_tables();
    way.create();
    way.script
}

/// What is found out, and the script as far as it is.
struct Way<'a> {
    from: &'a Schema,
    to: &'a Schema,
    script: Script,
    /// What of `to` must be made: it is not there, or is not as it must be, or goes with something else.
    made: HashSet<Key<'a>>,
    /// What of `from` must go, or goes with something else.
    gone: HashSet<Key<'a>>,
    /// The same under another name that was made up: of `from`, of `to`.
    twins: BTreeMap<(Kind, String), String>,
    changed: Vec<Changed<'a>>,
}

fn key(object: &Object) -> Key<'_> {
    (object.kind, object.name.as_str())
}

impl<'a> Way<'a> {
    fn new(from: &'a Schema, to: &'a Schema) -> Self {
        let drift = between(DIALECT, to, from);
        let renamed = drift.notes.iter().filter(|note| note.change == Change::Renamed && note.part.is_none());
        let twins = renamed.filter_map(|note| Some(((note.kind, note.actual.clone()?), note.name.clone())));
        let mut way = Self {
            from,
            to,
            script: Script { not_generated: unknown(&drift, &KINDS), ..Script::default() },
            made: HashSet::new(),
            gone: HashSet::new(),
            twins: twins.collect(),
            changed: Vec::new(),
        };
        let mut tables: BTreeMap<&str, Vec<&Difference>> = BTreeMap::new();
        for difference in &drift.differences {
            if difference.kind == Kind::Table
                && (difference.part.is_some() || difference.change == Change::Different)
            {
                tables.entry(&difference.name).or_default().push(difference);
                continue;
            }
            let found = |schema: &'a Schema| schema.find(difference.kind, &difference.name).map(key);
            way.gone.extend(found(from));
            way.made.extend(found(to));
        }
        for (name, differences) in tables {
            let find = |schema: &'a Schema| schema.find(Kind::Table, name).and_then(Table::new);
            match (find(from), find(to)) {
                (Some(before), Some(table)) => way.changed.push(Changed::new(before, table, &differences)),
                _ => way.script.not_generated.push(format!("table `{name}`: its text cannot be taken apart")),
            }
        }
        way
    }

    fn objects(schema: &'a Schema, kinds: &[Kind]) -> impl DoubleEndedIterator<Item = &'a Object> {
        schema.objects.iter().filter(move |object| kinds.contains(&object.kind))
    }

    fn push(&mut self, sql: impl Into<String>) {
        self.script.steps.push(Step::new(sql));
    }

    fn drop(&mut self, object: &Object) {
        let what = match object.kind {
            Kind::View => "VIEW",
            Kind::Index => "INDEX",
            Kind::Trigger => "TRIGGER",
            _ => "TABLE",
        };
        self.push(format!("DROP {what} {};", spelled(object)));
    }

    /// Notes that an object goes; its twin must be made again.
    fn lose(&mut self, object: &'a Object) {
        self.gone.insert(key(object));
        let twin = self.twins.get(&(object.kind, object.name.clone())).unwrap_or(&object.name);
        self.made.extend(self.to.find(object.kind, twin).map(key));
    }

    /// Whether it speaks of tables that are not there, which SQLite minds only when it reads it again.
    fn is_broken(&self, speaker: &Object) -> bool {
        let words = words(DIALECT, &speaker.definition);
        let pairs = || words.windows(2).map(|pair| (&pair[0], &pair[1]));
        let defined: BTreeSet<_> =
            pairs().filter(|(_, word)| word.is("AS")).map(|(name, _)| name.name().to_lowercase()).collect();
        let is_known = |name: &String| {
            let is_built_in =
                ["sqlite_", "pragma_", "json_", "new", "old"].iter().any(|start| name.starts_with(start));
            let is_there = |object: &Object| object.name.eq_ignore_ascii_case(name);
            is_built_in || defined.contains(name) || self.from.objects.iter().any(is_there)
        };
        let is_source = |word: &Word<'_>| word.is_any(&["FROM", "JOIN", "INTO"]);
        let sources = pairs().filter(|(word, name)| is_source(word) && name.text != "(");
        sources.into_iter().any(|(_, name)| !is_known(&name.name().to_lowercase()))
    }

    /// Views and triggers that must go, and those that speak of something that goes or is rebuilt.
    fn drop_what_is_in_the_way(&mut self) {
        let mut names: BTreeSet<String> = self.gone.iter().map(|(_, name)| name.to_lowercase()).collect();
        names.extend(self.changed.iter().filter(|table| table.disturbs()).map(|table| table.from.key()));
        let speakers: Vec<_> = Self::objects(self.from, &[Kind::View, Kind::Trigger])
            .map(|object| Mentioning::new(DIALECT, object))
            .collect();
        if self.changed.iter().any(Changed::disturbs) {
            let is_broken = |item: &&Mentioning<'_>| self.is_broken(item.object);
            let broken: Vec<_> = speakers.iter().filter(is_broken).map(|item| item.object).collect();
            names.extend(broken.iter().map(|object| object.name.to_lowercase()));
            for object in broken {
                self.lose(object);
            }
        }
        loop {
            let is_in_the_way =
                |item: &&Mentioning<'_>| !self.gone.contains(&key(item.object)) && item.any(&names);
            let found: Vec<&'a Object> =
                speakers.iter().filter(is_in_the_way).map(|item| item.object).collect();
            if found.is_empty() {
                break;
            }
            for object in found {
                names.insert(object.name.to_lowercase());
                self.lose(object);
            }
        }
        for kind in [Kind::Trigger, Kind::View] {
            let gone: Vec<_> =
                Self::objects(self.from, &[kind]).filter(|object| self.gone.contains(&key(object))).collect();
            for object in in_order(&gone).into_iter().rev() {
                self.drop(object);
            }
        }
    }

    /// Indexes that must go; those of a table that goes or is rebuilt go with it.
    fn drop_indexes(&mut self) {
        let rebuilt = self.changed.iter().filter(|table| table.is_rebuilt()).map(|table| table.from.key());
        let rebuilt: BTreeSet<String> = rebuilt.collect();
        let dropped = self.gone.iter().filter(|(kind, _)| *kind == Kind::Table);
        let dropped: BTreeSet<String> = dropped.map(|(_, name)| name.to_lowercase()).collect();
        for index in Self::objects(self.from, &[Kind::Index]) {
            let table = table_of(index);
            if rebuilt.contains(&table) {
                self.lose(index);
            } else if self.gone.contains(&key(index)) && !dropped.contains(&table) {
                self.drop(index);
            }
        }
    }

    /// Those that refer to others first.
    fn drop_tables(&mut self) {
        let is_gone = |object: &&Object| self.gone.contains(&key(object));
        for object in
            Self::objects(self.from, &[Kind::VirtualTable]).rev().filter(is_gone).collect::<Vec<_>>()
        {
            let is_made = self.made.contains(&key(object));
            let what = if is_made { "is made again, empty: fill it" } else { "goes with all that is in it" };
            self.script.hints.push(format!("virtual table {}: {what}", object.name));
            self.drop(object);
        }
        let tables: Vec<_> = Self::objects(self.from, &[Kind::Table]).filter_map(Table::new).collect();
        let (gone, kept): (Vec<_>, Vec<_>) =
            tables.into_iter().partition(|table| self.gone.contains(&key(table.object)));
        let mut needs = Vec::new();
        for (at, child) in gone.iter().enumerate() {
            let parents = child.parents();
            let place =
                |(parent, table): (usize, &Table<'_>)| parents.contains(&table.key()).then_some((parent, at));
            needs.extend(gone.iter().enumerate().filter_map(place).filter(|(parent, child)| parent != child));
        }
        let order = ordered(gone.len(), &needs);
        let place = |at: usize| order.iter().position(|&other| other == at);
        let is_circle = needs.iter().any(|&(parent, child)| place(parent) < place(child));
        let is_referenced = |table: &Table<'_>| {
            let parents = table.parents();
            gone.iter().any(|gone| parents.contains(&gone.key()))
        };
        self.script.foreign_keys_off |= is_circle || kept.iter().any(is_referenced);
        for at in order {
            self.drop(gone[at].object);
        }
    }

    fn change_tables(&mut self) {
        for table in std::mem::take(&mut self.changed) {
            let free = self.free_name(&table.to.object.name);
            self.script.hints.extend(table.hints());
            self.script.foreign_keys_off |= table.is_rebuilt();
            for statement in table.statements(&free) {
                self.push(statement);
            }
        }
    }

    fn free_name(&self, name: &str) -> String {
        let taken = |name: &str| {
            let same = |object: &Object| object.name.eq_ignore_ascii_case(name);
            self.from.objects.iter().chain(&self.to.objects).any(same)
        };
        let mut free = format!("new_{name}");
        while taken(&free) {
            free.push('_');
        }
        free
    }

    fn create(&mut self) {
        for kind in KINDS {
            let made: Vec<_> =
                Self::objects(self.to, &[kind]).filter(|object| self.made.contains(&key(object))).collect();
            for object in in_order(&made) {
                self.push(object.definition.clone());
            }
        }
    }
}

/// Each after those that it speaks of.
fn in_order<'a>(objects: &[&'a Object]) -> Vec<&'a Object> {
    let names: BTreeMap<String, usize> =
        objects.iter().enumerate().map(|(at, object)| (object.name.to_lowercase(), at)).collect();
    let mut needs = Vec::new();
    for (at, object) in objects.iter().enumerate() {
        let mentioned = Mentioning::new(DIALECT, object).names;
        let others =
            mentioned.iter().filter_map(|name| names.get(name).copied()).filter(|&other| other != at);
        needs.extend(others.map(|other| (at, other)));
    }
    ordered(objects.len(), &needs).into_iter().map(|at| objects[at]).collect()
}

/// The table of an index, in lower case.
fn table_of(index: &Object) -> String {
    let words = words(DIALECT, &index.definition);
    let table = words.windows(2).find(|pair| pair[0].is("ON")).map(|pair| pair[1].name());
    table.unwrap_or_default().to_lowercase()
}

/// Its name as its own text spells it: behind the word for its kind, since SQLite keeps no `IF NOT EXISTS`.
fn spelled(object: &Object) -> &str {
    let words = words(DIALECT, &object.definition);
    let kind = words.iter().position(|word| word.is_any(&["TABLE", "VIEW", "INDEX", "TRIGGER"]));
    let name = kind.and_then(|at| words.get(at + 1));
    name.map_or(object.name.as_str(), |name| &object.definition[name.span.clone()])
}
