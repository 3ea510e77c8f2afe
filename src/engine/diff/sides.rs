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

use crate::engine::declared::{declared, owned};
use crate::engine::failure::{Failure, Kind as FailureKind};
use crate::engine::owners::Owners;
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
    /// The texts that declare it.
    pub texts: Vec<Script>,
    /// What is left as it is, one line each.
    pub left_out: Vec<String>,
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
    let owned = owned(project, merged, request.scratch, sink).await?;
    let dialect = request.scratch.dialect();
    let from = match request.base {
        Base::Lock => owned.schema.clone(),
        Base::Empty => Schema::default(),
        Base::Live(connect) => live(project, connect).await?,
    };
    let mut sides = Sides {
        dialect,
        to: Schema::default(),
        texts: declared.texts,
        left_out: Vec::new(),
        warnings: Vec::new(),
        from,
    };
    let whose = |key: &Key| owner(&owned.owners, &declared.owners, key);
    let mut stays: BTreeSet<Key> = BTreeSet::new();
    let all = sides.from.objects.iter().chain(&declared.schema.objects);
    stays.extend(all.filter(|object| !request.filter.has(object)).map(key));
    let is_known = |object: &Object| {
        let known = |schema: &Schema| schema.find(object.kind, &object.name).is_some();
        known(&owned.schema) || known(&declared.schema)
    };
    let unmanaged: Vec<Key> = match request.base {
        Base::Live(_) => sides.from.objects.iter().filter(|object| !is_known(object)).map(key).collect(),
        Base::Lock | Base::Empty => Vec::new(),
    };
    let in_scope = unmanaged.iter().filter(|key| !stays.contains(*key));
    sides.left_out.extend(
        in_scope.map(|key| {
            format!("{} is neither declared nor made by a migration: it stays as it is", shown(key))
        }),
    );
    stays.extend(unmanaged);
    let mut strange = BTreeSet::new();
    for key in differing(dialect, &sides.from, &declared.schema) {
        let Some(owner) = whose(&key).filter(|module| **module != request.module) else { continue };
        if stays.contains(&key) {
            continue;
        }
        if request.only_own {
            sides.left_out.push(format!("{} belongs to `{owner}`: it stays as it is", shown(&key)));
            stays.insert(key);
        } else {
            strange.insert((owner.clone(), key));
        }
    }
    sides.warnings.extend(strange.into_iter().map(|(owner, key)| {
        Diagnostic::new(format!("{} belongs to `{owner}`, and `{}` changes it", shown(&key), request.module))
            .help(format!("where `{owner}` is yours, `db-migrations diff --module {owner}` writes it there"))
    }));
    sides.to = mix(&sides.from, &declared.schema, |object| !stays.contains(&key(object)));
    Ok(sides)
}

/// What is in a database on which all migrations have run.
async fn live(project: &Project, connect: &dyn Connect) -> Result<Schema, Failure> {
    let mut database = connect.connect().await?;
    let history = database.history().await?;
    let plan = prepare(project, &history, &mut *database).await?.plan;
    let schema = database.introspect().await?;
    database.close().await;
    if plan.is_empty() {
        return Ok(schema);
    }
    let pending = count(plan.len(), "migration is", "migrations are");
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

/// Whose an object is: of whoever made it first, else of whoever declares it.
fn owner<'a>(made: &'a Owners, declared: &'a Owners, key: &Key) -> Option<&'a crate::id::Namespace> {
    made.get(key).or_else(|| declared.get(key))
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
