//! The two schemas of a change: what there is, and what is declared as far as it may change.

use std::collections::BTreeSet;

use crate::database::Connect;
use crate::diagnostic::{Diagnostic, count};
use crate::dialect::Dialect;
use crate::diff::mix;
use crate::drift::between;
use crate::event::Sink;
use crate::lock::Merged;
use crate::migration::Script;
use crate::schema::{Kind, Object, Schema};

use crate::engine::declared::{Declared, Owned, declared, owned};
use crate::engine::failure::{Failure, Kind as FailureKind};
use crate::engine::prepare::prepare;
use crate::engine::project::Project;

use super::{Base, Request};

type Key = (Kind, String);

/// Both schemas.
pub struct Sides {
    /// The database.
    pub dialect: Dialect,
    /// What there is.
    pub from: Schema,
    /// What there must be.
    pub to: Schema,
    /// No object is in the filter.
    pub is_idle: bool,
    /// The texts that declare it.
    pub texts: Vec<Script>,
    /// What is left as it is, one line each.
    pub left_out: Vec<String>,
    /// Objects of a live database that are neither declared nor made by a migration.
    pub unmanaged: Vec<(Kind, String)>,
    /// Objects of kinds that are not read and that are on one side only, one line each.
    pub not_generated: Vec<String>,
    /// What a person should know of what changes.
    pub warnings: Vec<Diagnostic>,
}

/// Makes both.
pub async fn sides(
    project: &Project,
    merged: &Merged,
    request: &Request<'_>,
    sink: &mut dyn Sink,
) -> Result<Sides, Failure> {
    let declared = declared(project, merged, request.scratch, sink).await?;
    let made = owned(project, merged, request.scratch, sink).await?;
    let dialect = request.scratch.dialect();
    let from = match request.base {
        Base::Lock => made.schema.clone(),
        Base::Empty => Schema::default(),
        Base::Live(connect) => live(project, connect).await?,
    };
    let mut sides = Sides {
        dialect,
        to: Schema::default(),
        is_idle: request.filter.has_none_of(&[&from, &declared.schema]),
        texts: Vec::new(),
        left_out: Vec::new(),
        unmanaged: Vec::new(),
        not_generated: not_generated(request, &declared, &made),
        warnings: Vec::new(),
        from,
    };
    let stays = sides.stays(request, &declared, &made);
    sides.to = mix(&sides.from, &declared.schema, |object| !stays.contains(&key(object)));
    sides.texts = declared.texts;
    Ok(sides)
}

/// What only one side has of kinds that are not read.
fn not_generated(request: &Request<'_>, declared: &Declared, made: &Owned) -> Vec<String> {
    let before: &[String] = if matches!(request.base, Base::Empty) { &[] } else { &made.not_covered };
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|object| !those.contains(object)).cloned().collect()
    };
    let come = only(&declared.not_covered, before);
    let gone = only(before, &declared.not_covered);
    let come = come.iter().map(|object| format!("{object} is declared: write its statement by hand"));
    let gone = gone.iter().map(|object| format!("{object} is not declared any more: drop it by hand"));
    come.chain(gone).collect()
}

impl Sides {
    /// What must not change; says why, where that is not what was asked for.
    fn stays(&mut self, request: &Request<'_>, declared: &Declared, made: &Owned) -> BTreeSet<Key> {
        let all = self.from.objects.iter().chain(&declared.schema.objects);
        let mut stays: BTreeSet<Key> = all.filter(|object| !request.filter.has(object)).map(key).collect();
        if matches!(request.base, Base::Live(_)) {
            let is_known = |object: &&Object| {
                let mut both = [&made.schema, &declared.schema].into_iter();
                both.any(|schema| schema.find(object.kind, &object.name).is_some())
            };
            let unmanaged: Vec<Key> =
                self.from.objects.iter().filter(|object| !is_known(object)).map(key).collect();
            self.left_out.extend(unmanaged.iter().filter(|key| !stays.contains(*key)).map(|key| {
                format!("{} is neither declared nor made by a migration: it stays as it is", shown(key))
            }));
            stays.extend(unmanaged.iter().cloned());
            self.unmanaged = unmanaged;
        }
        for key in differing(self.dialect, &self.from, &declared.schema) {
            // of whoever made it first, else of whoever declares it
            let owner = made.owners.get(&key).or_else(|| declared.owners.get(&key));
            let Some(owner) = owner.filter(|owner| **owner != request.module && !stays.contains(&key)) else {
                continue;
            };
            let whose = format!("{} belongs to `{owner}`", shown(&key));
            if request.only_own {
                self.left_out.push(format!("{whose}: it stays as it is"));
                stays.insert(key);
                continue;
            }
            let fault = Diagnostic::new(format!("{whose}, and `{}` changes it", request.module));
            let help =
                format!("where `{owner}` is yours, `db-migrations diff --module {owner}` writes it there");
            self.warnings.push(fault.help(help));
        }
        stays
    }
}

/// What is in a database on which all migrations have run.
pub(in crate::engine) async fn live(project: &Project, connect: &dyn Connect) -> Result<Schema, Failure> {
    let mut database = connect.connect().await?;
    let history = database.history().await?;
    let plan = prepare(project, &history, &mut *database).await?.plan;
    let schema = database.introspect().await?;
    database.close().await;
    let pending = plan.len() + plan.remaining;
    if pending == 0 {
        return Ok(schema);
    }
    let pending = count(pending, "migration is", "migrations are");
    let fault =
        Diagnostic::new(format!("{pending} pending on this database: what they make would be made twice"));
    Err(Failure::new(
        FailureKind::Refused,
        fault.help("run `db-migrations migrate` first, or leave `--from live` out"),
    ))
}

fn key(object: &Object) -> Key {
    (object.kind, object.name.clone())
}

/// The objects that are not the same on both sides.
fn differing(dialect: Dialect, from: &Schema, to: &Schema) -> BTreeSet<Key> {
    let differences = between(dialect, to, from).differences.into_iter();
    differences.map(|difference| (difference.kind, difference.name)).collect()
}

/// An object for people: table `users`.
fn shown(key: &Key) -> String {
    format!("{} `{}`", key.0, key.1)
}
