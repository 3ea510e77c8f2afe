//! The way between two schemas on PostgreSQL.
//!
//! First goes what stands in the way, the last one made first; then what is wanted is made or altered in
//! the order in which it loads; at last goes what nobody needs any more. [`plan`] says which object has
//! which fate, [`table`] and [`types`] how one is altered in place, [`online`] what becomes of statements
//! that would keep others waiting.
//!
//! Texts are those of `backend::postgres::introspect`, whose spelling is relied on.

mod column;
mod online;
mod options;
mod plan;
mod routine;
mod table;
mod types;

use std::collections::BTreeSet;
use std::ops::Range;

use super::{Script, Step, Style};
use crate::dialect::Dialect;
use crate::diff::text::{concerns, qualified};
use crate::schema::{Kind, Object, Schema};
use crate::sql;
use online::Online;
use options::Sequence;
use plan::{Fate, Plan};
use routine::{create, drop, split_last};

pub(super) fn script(from: &Schema, to: &Schema, style: Style) -> Script {
    let mut writer =
        Writer { plan: Plan::new(from, to), script: Script::default(), online: Online::new(style.online) };
    writer.take_away();
    writer.make();
    writer.drop_rest();
    writer.say();
    let Writer { mut script, online, .. } = writer;
    let steps = online.around(std::mem::take(&mut script.steps));
    script.steps = steps.into_iter().flat_map(|step| single(&step)).collect();
    script
}

/// A definition can be several statements.
fn single(step: &Step) -> Vec<Step> {
    let statements = sql::split(Dialect::Postgres, &step.sql).unwrap_or_default();
    let text = |span: Range<usize>| Step { sql: format!("{};", &step.sql[span]), alone: step.alone };
    statements.into_iter().map(|statement| text(statement.span)).collect()
}

struct Writer<'a> {
    plan: Plan<'a>,
    script: Script,
    online: Online,
}

impl Writer<'_> {
    fn push(&mut self, sql: String) {
        self.script.steps.push(Step::new(sql));
    }

    /// What stands in the way goes, the last one made first.
    fn take_away(&mut self) {
        for at in (0..self.plan.from.objects.len()).rev() {
            let object = &self.plan.from.objects[at];
            if let Some(changes) = self.plan.tables.get(&at) {
                let early = alter(&object.name, &changes.early);
                self.script.steps.extend(early.map(Step::new));
            }
            let is_type = matches!(object.kind, Kind::Enum | Kind::Domain);
            let goes = match self.plan.fates[at] {
                Fate::Remade => !is_type,
                Fate::GoesFirst => !self.goes_along(object),
                _ => false,
            };
            let whole =
                |index| !table_of_index(index).is_some_and(|table| is_partitioned(self.plan.from, table));
            if goes && object.kind == Kind::Index && whole(object) && self.online.drops(object) {
                continue;
            }
            if goes {
                self.push(drop(object));
            }
        }
    }

    /// Whether it goes with the table or view that it belongs to.
    fn goes_along(&self, object: &Object) -> bool {
        let gone = |name: &str| {
            let is_owner = |other: &&Object| {
                other.name == name && matches!(other.kind, Kind::Table | Kind::View | Kind::MaterializedView)
            };
            let owner = self.plan.from.objects.iter().position(|other| is_owner(&other));
            owner.is_some_and(|at| matches!(self.plan.fates[at], Fate::GoesLast | Fate::GoesFirst))
        };
        let (table, _) = split_last(&object.name);
        match object.kind {
            Kind::Trigger | Kind::Rule | Kind::Policy => gone(table),
            Kind::Index => table_of_index(object).is_some_and(gone),
            // one that points at another table that goes or changes has to go before that
            Kind::ForeignKey => {
                let target =
                    object.definition.split(" REFERENCES ").nth(1).and_then(|rest| rest.split('(').next());
                let changes =
                    |name: &str| self.plan.tables.keys().any(|&at| self.plan.from.objects[at].name == name);
                gone(table)
                    && target.is_some_and(|target| target == table || !gone(target) && !changes(target))
            }
            Kind::SequenceOwner => {
                let column = object.definition.split(" OWNED BY ").nth(1).unwrap_or_default();
                let (table, _) = split_last(column.trim_end_matches(';'));
                gone(table) || self.plan.to.find(Kind::Sequence, &object.name).is_none()
            }
            _ => false,
        }
    }

    /// What is wanted is made or altered, in the order in which it loads.
    fn make(&mut self) {
        let lost = self.lost_targets();
        for place in 0..self.plan.to.objects.len() {
            let object = &self.plan.to.objects[place];
            let origin = self.plan.origins[place];
            let fate = origin.map(|at| self.plan.fates[at].clone());
            match (object.kind, fate) {
                (Kind::Comment, fate) => {
                    let again = lost.iter().any(|target| concerns(&object.name, target));
                    if again || !matches!(fate, Some(Fate::Stays)) {
                        self.push(object.definition.clone());
                    }
                }
                (_, None) => self.create(object),
                (_, Some(Fate::Remade)) => self.remake(object),
                (_, Some(Fate::Altered | Fate::Renamed)) => self.alter(origin.unwrap_or_default(), object),
                (_, Some(Fate::Left(why))) => {
                    self.script
                        .not_generated
                        .push(format!("{} {} is different: {why}", object.kind, object.name));
                }
                (_, Some(Fate::Stays | Fate::GoesFirst | Fate::GoesLast)) => {}
            }
        }
    }

    fn create(&mut self, object: &Object) {
        let table = match object.kind {
            Kind::Index => table_of_index(object),
            Kind::ForeignKey => Some(split_last(&object.name).0),
            _ => None,
        };
        let stands = table.is_some_and(|table| {
            let was = self.plan.from.find(Kind::Table, table).is_some();
            was && !is_partitioned(self.plan.to, table)
        });
        if !(stands && self.online.creates(object)) {
            self.push(create(object));
        }
    }

    fn remake(&mut self, object: &Object) {
        if matches!(object.kind, Kind::Enum | Kind::Domain) {
            let (old, _) = types::old_name(&object.name);
            let word = if object.kind == Kind::Enum { "TYPE" } else { "DOMAIN" };
            self.push(format!("ALTER {word} {} RENAME TO {old};", object.name));
        }
        if object.kind == Kind::Enum
            && let Some(before) = self.plan.from.find(Kind::Enum, &object.name)
        {
            let lost = types::lost_labels(before, object);
            if !lost.is_empty() {
                let hint = format!("type {}: fails where a row still has {}", object.name, lost.join(" or "));
                self.script.hints.push(hint);
            }
        }
        self.create(object);
    }

    fn alter(&mut self, at: usize, object: &Object) {
        let before = &self.plan.from.objects[at];
        match object.kind {
            Kind::Table => self.alter_table(at, object),
            Kind::Sequence => {
                let steps = alter_sequence(before, object);
                self.script.steps.extend(steps.into_iter().map(Step::new));
            }
            Kind::Extension => {
                let schema = object.definition.split(" WITH SCHEMA ").nth(1).unwrap_or_default();
                self.push(format!("ALTER EXTENSION {} SET SCHEMA {schema}", object.name));
            }
            Kind::ForeignKey => {
                let (table, name) = split_last(&object.name);
                self.push(format!("ALTER TABLE {table} VALIDATE CONSTRAINT {name};"));
            }
            Kind::Enum | Kind::Domain | Kind::Composite => {
                let steps = self.plan.types.get(&at).cloned().unwrap_or_default();
                self.script.steps.extend(steps);
            }
            _ => self.push(object.definition.clone()),
        }
    }

    fn alter_table(&mut self, at: usize, object: &Object) {
        let Some(changes) = self.plan.tables.get(&at) else { return };
        let mut clauses = changes.clauses.clone();
        for column in &changes.not_null {
            if !self.online.becomes_not_null(&object.name, column) {
                clauses.push(format!("ALTER COLUMN {column} SET NOT NULL"));
            }
        }
        for (name, text) in &changes.added {
            clauses.extend(self.online.adds(&object.name, name, text));
        }
        self.script.steps.extend(alter(&object.name, &clauses).map(Step::new));
        for sequence in
            changes.replaced.iter().filter(|name| self.plan.to.find(Kind::Sequence, name).is_none())
        {
            self.script.steps.push(Step::new(format!("DROP SEQUENCE {sequence};")));
        }
        self.script.steps.extend(changes.behind.iter().map(|statement| Step::new(statement.clone())));
    }

    /// What nobody needs any more goes, the last one made first.
    fn drop_rest(&mut self) {
        let lost = self.lost_targets();
        for at in (0..self.plan.from.objects.len()).rev() {
            let object = &self.plan.from.objects[at];
            match self.plan.fates[at] {
                Fate::GoesLast
                    if object.kind == Kind::Comment
                        && lost.iter().any(|target| concerns(&object.name, target)) => {}
                Fate::GoesLast
                    if self.plan.tables.values().any(|changes| changes.replaced.contains(&object.name)) => {}
                Fate::GoesLast => self.push(drop(object)),
                Fate::Remade if matches!(object.kind, Kind::Enum | Kind::Domain) => {
                    let word = if object.kind == Kind::Enum { "TYPE" } else { "DOMAIN" };
                    self.push(format!("DROP {word} {};", types::old_name(&object.name).1));
                }
                _ => {}
            }
        }
    }

    /// What has no comment any more: the names as comments spell them.
    fn lost_targets(&self) -> BTreeSet<String> {
        let mut lost = BTreeSet::new();
        for (at, object) in self.plan.from.objects.iter().enumerate() {
            if let Some(changes) = self.plan.tables.get(&at) {
                lost.extend(changes.comments_lost.iter().cloned());
            }
            if !matches!(self.plan.fates[at], Fate::Remade | Fate::GoesFirst | Fate::GoesLast) {
                continue;
            }
            let (table, name) = split_last(&object.name);
            lost.insert(match object.kind {
                Kind::Comment | Kind::SequenceOwner => continue,
                Kind::Trigger | Kind::Rule | Kind::Policy | Kind::ForeignKey => format!("{name} on {table}"),
                _ => object.name.split('(').next().unwrap_or_default().to_owned(),
            });
        }
        lost
    }

    fn say(&mut self) {
        let has_rights = |kind: Kind| {
            matches!(
                kind,
                Kind::View
                    | Kind::MaterializedView
                    | Kind::Function
                    | Kind::Procedure
                    | Kind::Aggregate
                    | Kind::Enum
                    | Kind::Domain
            )
        };
        let again = self.plan.from.objects.iter().zip(&self.plan.fates);
        let again = again.filter(|(object, fate)| **fate == Fate::Remade && has_rights(object.kind));
        let again: Vec<_> = again.map(|(object, _)| format!("{} {}", object.kind, object.name)).collect();
        if !again.is_empty() {
            let hint = format!(
                "dropped and made again, so without grants and owner that it was given: {}",
                again.join(", ")
            );
            self.script.hints.push(hint);
        }
        for changes in self.plan.tables.values() {
            self.script.not_generated.extend(changes.not_generated.iter().cloned());
            self.script.hints.extend(changes.hints.iter().cloned());
        }
    }
}

/// An `ALTER TABLE` of these clauses, one a line; none without any.
fn alter(table: &str, clauses: &[String]) -> Option<String> {
    match clauses {
        [] => None,
        [clause] => Some(format!("ALTER TABLE {table} {clause};")),
        _ => Some(format!("ALTER TABLE {table}\n    {};", clauses.join(",\n    "))),
    }
}

fn alter_sequence(from: &Object, to: &Object) -> Vec<String> {
    let mut statements = Vec::new();
    if from.name != to.name {
        let ((old_schema, _), (schema, name)) = (qualified(&from.name), qualified(&to.name));
        statements.push(format!("ALTER SEQUENCE {} RENAME TO {name};", from.name));
        if let (Some(old), Some(new)) = (old_schema, schema)
            && old != new
        {
            statements.push(format!("ALTER SEQUENCE {old}.{name} SET SCHEMA {new};"));
        }
    }
    let options = |object: &Object| {
        let text = object.definition.split(&object.name).nth(1).unwrap_or_default();
        Sequence::read(text.trim_end_matches(';'))
    };
    let (was, is) = (options(from), options(to));
    let changes = is.changes(&was);
    if !changes.is_empty() {
        statements.extend(is.between_bounds(&was, &to.name));
        // said together with a type, the bounds are not those of the new direction
        let (kind, rest): (Vec<_>, Vec<_>) =
            changes.into_iter().partition(|change| change.starts_with("AS "));
        let clauses = if is.turns(&was) { vec![kind, rest] } else { vec![[kind, rest].concat()] };
        let clauses = clauses.iter().filter(|clauses| !clauses.is_empty());
        statements
            .extend(clauses.map(|clauses| format!("ALTER SEQUENCE {} {};", to.name, clauses.join(" "))));
    }
    statements
}

/// Whether a table is made of partitions: their indexes can neither be made nor dropped concurrently at once.
fn is_partitioned(schema: &Schema, table: &str) -> bool {
    schema.find(Kind::Table, table).is_some_and(|table| table.definition.contains(" PARTITION BY "))
}

/// The table that an index is on, from its text: `… ON public.users USING …`.
fn table_of_index(index: &Object) -> Option<&str> {
    let (_, rest) = index.definition.split_once(" ON ")?;
    rest.strip_prefix("ONLY ").unwrap_or(rest).split(" USING ").next()
}
