//! MariaDB and MySQL: one `ALTER TABLE` for each table, and foreign keys around all of them.
//!
//! Nothing is done in a transaction here, so the order is one in which every statement works: what
//! stands on tables goes first and comes last. Views and bodies are not checked by the servers when
//! something under them changes, only when they are made.

mod alter;
mod hints;
mod keys;
mod options;
mod programs;
mod table;
mod types;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::parts::unknown;
use super::{Script, Step};
use crate::dialect::Dialect;
use crate::drift::{Change, Drift, between};
use crate::schema::{Kind, Object, Schema};
use alter::{Changed, alter_table};
use keys::Keys;
use table::Table;

/// What these databases have.
const KINDS: [Kind; 7] =
    [Kind::Sequence, Kind::Function, Kind::Procedure, Kind::Table, Kind::View, Kind::Trigger, Kind::Event];

pub(super) fn script(dialect: Dialect, from: &Schema, to: &Schema) -> Script {
    let drift = between(dialect, to, from);
    let mut way = Way { dialect, from, to, drift: &drift, script: Script::default() };
    way.script.not_generated = unknown(&drift, &KINDS);
    let triggers = way.drop_programs();
    way.tables();
    way.create_programs(triggers);
    way.script
}

struct Way<'a> {
    dialect: Dialect,
    from: &'a Schema,
    to: &'a Schema,
    drift: &'a Drift,
    script: Script,
}

fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

impl<'a> Way<'a> {
    /// The objects of a kind that differ in one of these ways, in the order of a schema.
    fn differing(&self, schema: &'a Schema, kind: Kind, changes: &[Change]) -> Vec<&'a Object> {
        let differences = self.drift.differences.iter();
        let names: HashSet<&str> = differences
            .filter(|difference| difference.kind == kind && difference.part.is_none())
            .filter(|difference| changes.contains(&difference.change))
            .map(|difference| difference.name.as_str())
            .collect();
        let is_meant = |object: &&Object| object.kind == kind && names.contains(object.name.as_str());
        schema.objects.iter().filter(is_meant).collect()
    }

    fn goes(&self, kind: Kind) -> Vec<&'a Object> {
        self.differing(self.from, kind, &[Change::Extra])
    }

    fn comes(&self, kind: Kind) -> Vec<&'a Object> {
        self.differing(self.to, kind, &[Change::Missing])
    }

    fn push(&mut self, sql: impl Into<String>) {
        self.script.steps.push(Step::new(sql));
    }

    /// What is replaced, and what goes; answers with the triggers to make.
    fn drop_programs(&mut self) -> Vec<&'a Object> {
        let (mut differ, mut steps) = (HashSet::new(), Vec::new());
        for kind in [Kind::Event, Kind::Trigger, Kind::View, Kind::Procedure, Kind::Function] {
            let changes: &[Change] =
                if kind == Kind::View { &[Change::Extra] } else { &[Change::Extra, Change::Different] };
            let gone = self.differing(self.from, kind, changes);
            if kind == Kind::Trigger {
                differ.extend(gone.iter().map(|object| object.name.as_str()));
                differ.extend(self.comes(kind).iter().map(|object| object.name.as_str()));
                continue;
            }
            steps.extend(gone.into_iter().rev().map(programs::drop));
        }
        let (gone, made) = programs::triggers_again(self.dialect, self.from, self.to, &differ);
        self.script.steps.extend(gone.into_iter().rev().map(programs::drop));
        self.script.steps.extend(steps);
        made
    }

    fn create_programs(&mut self, triggers: Vec<&'a Object>) {
        let both = [Change::Missing, Change::Different];
        let mut made = Vec::new();
        for kind in [Kind::Function, Kind::Procedure] {
            made.extend(self.differing(self.to, kind, &both));
        }
        made.extend(self.differing(self.to, Kind::View, &both));
        made.extend(triggers);
        made.extend(self.differing(self.to, Kind::Event, &both));
        let replaced: HashSet<&str> = self
            .differing(self.from, Kind::View, &[Change::Different])
            .iter()
            .map(|view| view.name.as_str())
            .collect();
        for object in made {
            if object.kind == Kind::View && replaced.contains(object.name.as_str()) {
                self.script.steps.push(programs::replaced(self.dialect, object));
            } else {
                self.script.steps.extend(programs::steps(self.dialect, &object.definition));
            }
        }
    }

    /// Tables and sequences, and the foreign keys around them.
    fn tables(&mut self) {
        let gone = self.readable(self.goes(Kind::Table));
        let come = self.readable(self.comes(Kind::Table));
        let changed = self.changed();
        let by_name: BTreeMap<&str, &Changed<'_>> =
            changed.iter().map(|table| (table.from.object.name.as_str(), table)).collect();
        let dropped: BTreeSet<&str> = gone.iter().map(|table| table.object.name.as_str()).collect();
        let kept = self.kept(&dropped);
        let pairs: Vec<_> = kept.iter().map(|(from, to)| (from, to, self.twins(from))).collect();
        let keys = Keys::of_tables(&pairs, &by_name, &dropped);
        let (circles, order) = keys::dropped(&gone);
        self.drop_keys(&keys);
        self.drop_keys(&circles);
        for table in order {
            self.script.steps.push(programs::drop(table.object));
        }
        let late = self.sequences(&come);
        for table in &changed {
            self.script.hints.extend(hints::hints(table));
            self.script.not_generated.extend(table.not_generated());
            if !table.is_out_of_reach() {
                for statement in table.statements(&quote(&table.from.object.name)) {
                    self.push(statement);
                }
            }
        }
        self.create_tables(&come, keys);
        self.script.steps.extend(late);
    }

    /// Makes and alters sequences; answers with how those that tables no longer need are dropped.
    fn sequences(&mut self, come: &[Table<'_>]) -> Vec<Step> {
        let names: HashSet<&str> = come.iter().map(|table| table.object.name.as_str()).collect();
        let (early, late): (Vec<_>, Vec<_>) = self
            .goes(Kind::Sequence)
            .into_iter()
            .partition(|sequence| names.contains(sequence.name.as_str()));
        self.script.steps.extend(early.into_iter().map(programs::drop));
        for sequence in self.comes(Kind::Sequence) {
            self.push(sequence.definition.clone());
        }
        for to in self.differing(self.to, Kind::Sequence, &[Change::Different]) {
            let Some(from) = self.from.find(Kind::Sequence, &to.name) else { continue };
            let (step, unable) = programs::altered(self.dialect, from, to);
            self.script.steps.push(step);
            self.script.not_generated.extend(unable.map(|what| format!("sequence `{}`: {what}", to.name)));
            self.script.hints.push(format!(
                "{}: it goes on where it is: fails where that is not between its new limits; ALTER SEQUENCE … RESTART sets it",
                to.name
            ));
        }
        late.into_iter().map(programs::drop).collect()
    }

    fn drop_keys(&mut self, keys: &Keys) {
        for (table, names) in &keys.dropped {
            let clauses: Vec<_> = names.iter().map(|name| format!("DROP FOREIGN KEY {name}")).collect();
            self.script.steps.extend(alter_table(&quote(table), &clauses, None).map(Step::new));
        }
    }

    fn create_tables(&mut self, come: &[Table<'_>], mut keys: Keys) {
        for (table, later) in keys::created(come) {
            let parts = later.iter().map(|item| item.part.as_str()).collect();
            self.push(table.without(&parts));
            if !later.is_empty() {
                let clauses = later.iter().map(|item| format!("ADD {}", item.source));
                keys.added.insert(table.object.name.clone(), clauses.collect());
            }
        }
        for (table, clauses) in &keys.added {
            self.script.steps.extend(alter_table(&quote(table), clauses, None).map(Step::new));
        }
    }

    fn readable(&mut self, objects: Vec<&'a Object>) -> Vec<Table<'a>> {
        let mut tables = Vec::new();
        for object in objects {
            match Table::new(self.dialect, object) {
                Some(table) => tables.push(table),
                None => self.unreadable(&object.name),
            }
        }
        tables
    }

    fn unreadable(&mut self, name: &str) {
        self.script.not_generated.push(format!("table `{name}`: its text cannot be taken apart"));
    }

    fn changed(&mut self) -> Vec<Changed<'a>> {
        let mut tables: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for difference in &self.drift.differences {
            let is_whole = difference.part.is_none() && difference.change != Change::Different;
            if difference.kind == Kind::Table && !is_whole {
                tables.entry(&difference.name).or_default().push(difference);
            }
        }
        let mut changed = Vec::new();
        for (name, differences) in tables {
            let find = |schema: &'a Schema| Table::new(self.dialect, schema.find(Kind::Table, name)?);
            match (find(self.from), find(self.to)) {
                (Some(from), Some(to)) => changed.push(Changed::new(self.dialect, from, to, &differences)),
                _ => self.unreadable(name),
            }
        }
        changed
    }

    /// Tables of both schemas.
    fn kept(&self, dropped: &BTreeSet<&str>) -> Vec<(Table<'a>, Table<'a>)> {
        let tables = self.from.objects.iter().filter(|object| object.kind == Kind::Table);
        let pair = |from: &'a Object| {
            let to = self.to.find(Kind::Table, &from.name)?;
            Some((Table::new(self.dialect, from)?, Table::new(self.dialect, to)?))
        };
        tables.filter(|table| !dropped.contains(table.name.as_str())).filter_map(pair).collect()
    }

    /// Parts of a table whose names were made up, with their names in `to`.
    fn twins(&self, from: &Table<'_>) -> BTreeMap<String, String> {
        let notes = self.drift.notes.iter().filter(|note| {
            note.kind == Kind::Table && note.name == from.object.name && note.change == Change::Renamed
        });
        let pair = |(part, text): (&String, &String)| {
            let item = from.items.iter().find(|item| item.form == *text)?;
            Some((item.part.clone(), part.clone()))
        };
        notes.filter_map(|note| pair((note.part.as_ref()?, note.actual.as_ref()?))).collect()
    }
}
