//! What an entry that stands for others means on a database: one under another name, or a base into which
//! several were put together.
//!
//! A base runs where none of them has run, and leaves archived rows of them: a release from before it finds what
//! it needs. Where all have, it is recorded without running, and their rows are archived. Where only some have,
//! nothing makes its schema: the missing ones are gone from the lock.

use indexmap::IndexSet;

use crate::diagnostic::{Diagnostic, count};
use crate::dialect::Dialect;
use crate::history::History;
use crate::id::{Checksum, MigrationId};
use crate::lock::Entry;
use crate::migration::{Former, Migration};

/// A base that is recorded without running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The base.
    pub id: MigrationId,
    /// The hash of its text for this database.
    pub checksum: Checksum,
    /// Its place in the order of execution: that of the last one it stands for.
    pub position: i64,
    /// The rows that are archived.
    pub formers: Vec<MigrationId>,
}

/// How much of what an entry stands for has run.
pub(super) enum Standing {
    /// Nothing.
    None,
    /// All of it; a row that says so.
    All(MigrationId),
    /// Only some of it.
    Some(Diagnostic),
}

/// Looks for what an entry stands for.
pub(super) fn standing(
    id: &MigrationId,
    entry: &Entry,
    migration: &Migration,
    history: &History,
    dialect: Dialect,
) -> Standing {
    let ran = |former: &&Former| former.names().find(|name| history.contains(name)).cloned();
    let needed = needed(entry, migration, dialect);
    let rows: Vec<Option<MigrationId>> = needed.iter().map(ran).collect();
    let missing: Vec<&MigrationId> =
        needed.iter().zip(&rows).filter(|(_, row)| row.is_none()).map(|(one, _)| one.id()).collect();
    match rows.iter().flatten().next() {
        None => Standing::None,
        Some(row) if missing.is_empty() => Standing::All(row.clone()),
        Some(_) => Standing::Some(torn(id, needed.len(), &missing, history)),
    }
}

/// What must have run on a database: not what its own text leaves out, since that had none for it.
fn needed<'a>(entry: &'a Entry, migration: &Migration, dialect: Dialect) -> Vec<&'a Former> {
    let script = migration.up.choose(dialect).filter(|_| !migration.up.variants.is_empty());
    let own = script.map_or(&[][..], |script| &script.replaces);
    let named = |former: &&Former| own.iter().flat_map(Former::names).any(|name| former.is_called(name));
    entry.replaces.iter().filter(|former| own.is_empty() || named(former)).collect()
}

/// What a base stands for and has no row yet.
pub fn to_archive(entry: Option<&Entry>, history: &History) -> Vec<MigrationId> {
    names_of(entry).into_iter().filter(|name| !history.contains(name)).cloned().collect()
}

fn torn(id: &MigrationId, all: usize, missing: &[&MigrationId], history: &History) -> Diagnostic {
    let of = count(all, "migration", "migrations");
    let ran = all - missing.len();
    let mut fault = Diagnostic::new(format!("`{id}` stands for {of}, of which only {ran} ran here"));
    for one in missing.iter().take(10) {
        let half = history.partial.iter().any(|partial| partial.id == **one);
        let state = if half { "stopped half-way" } else { "has not run here" };
        fault = fault.note(format!("`{one}` {state}"));
    }
    if missing.len() > 10 {
        fault = fault.note(format!("and {} more", missing.len() - 10));
    }
    fault
        .help("run them first with a version of the application that still has them: `db-migrations migrate` there")
        .help(format!("if what they do is here by other means: `db-migrations version {id} --add`"))
}

/// The base, if a row must be written for it: what it stands for has run, and it has no row of its own.
pub(super) fn recorded(
    id: &MigrationId,
    entry: &Entry,
    migration: &Migration,
    history: &History,
    dialect: Dialect,
) -> Option<Recorded> {
    let script = migration.up.choose(dialect).filter(|_| entry.is_base())?;
    let rows = parts_of(Some(entry), history);
    let position = rows.iter().filter_map(|id| history.get(id)).map(|row| row.position).max()?;
    Some(Recorded { id: id.clone(), checksum: script.hash, position, formers: rows })
}

/// The rows of what was put together into a base.
pub fn parts_of(entry: Option<&Entry>, history: &History) -> Vec<MigrationId> {
    names_of(entry).into_iter().filter(|name| history.contains(name)).cloned().collect()
}

/// All names of what was put together into a base; none where it is no base.
fn names_of(entry: Option<&Entry>) -> IndexSet<&MigrationId> {
    let base = entry.filter(|entry| entry.is_base());
    base.into_iter().flat_map(Entry::former_names).collect()
}
