//! What a statement outside of a transaction has left when its end was not seen: read from the catalogue.
//!
//! Before such a statement runs, what it changes is looked at and remembered as a hash with its row. If its
//! end never comes, the same look tells: nothing is new, it is done, or it left something half made (an
//! invalid index, a detachment that waits for its end), which is taken away or finished. What other
//! sessions did to the same table meanwhile can make that unclear: then a person decides.

use super::{Postgres, quote};
use crate::backend::error;
use crate::database::{DatabaseError, SqlError, Task};
use crate::history::Partial;
use crate::id::Checksum;
use crate::sql::postgres::{Trail, trail};

use sqlx::Row as _;

/// One thing that a look finds.
struct Found {
    /// What it is, for the hash.
    line: String,
    /// Its name, where that matters.
    name: String,
    /// It is half made: how it is dropped, if that is the way.
    drop: Option<String>,
}

fn hash(found: &[&Found]) -> Checksum {
    let lines: Vec<&str> = found.iter().map(|one| one.line.as_str()).collect();
    Checksum::of(lines.join("\n").as_bytes())
}

fn all(found: &[Found]) -> Vec<&Found> {
    found.iter().collect()
}

impl Postgres {
    /// The hash of what a statement is about to change; `None` where it may simply run again.
    pub(super) async fn remembered(&mut self, statement: &str) -> Result<Option<Checksum>, DatabaseError> {
        let Some(trail) = trail(statement) else { return Ok(None) };
        Ok(Some(hash(&all(&self.look(&trail).await?))))
    }

    /// Where a migration goes on whose next statement was begun and not seen to end.
    pub(super) async fn decide(&mut self, task: Task<'_>, partial: &Partial) -> Result<usize, DatabaseError> {
        let n = partial.finished;
        let (Some(interrupted), Some(statement)) = (&partial.interrupted, task.statements.get(n)) else {
            return Ok(n);
        };
        let text = &task.script.text[statement.span.clone()];
        if interrupted.meant.is_some() {
            return Err(unclear(task, n, "it commits by itself, and nothing tells how far it came"));
        }
        let (Some(trail), Some(before)) = (trail(text), interrupted.fingerprint) else { return Ok(n) };
        let found = self.look(&trail).await?;
        let now = hash(&all(&found));
        if now == before {
            return Ok(n);
        }
        match &trail {
            Trail::NoIndex { .. } => Ok(if found.is_empty() { n + 1 } else { n }),
            Trail::Cluster { .. } => Ok(n + 1),
            Trail::Detached { table, partition } => match found.first() {
                None => Ok(n + 1),
                Some(attached) if attached.drop.is_none() => Ok(n),
                Some(_) => {
                    self.execute(format!("ALTER TABLE {table} DETACH PARTITION {partition} FINALIZE"))
                        .await?;
                    Ok(n + 1)
                }
            },
            Trail::Rebuilt => {
                let old: Vec<&Found> = found.iter().filter(|one| one.drop.is_none()).collect();
                if hash(&old) == before {
                    self.take_away(found.iter()).await?;
                }
                Ok(n)
            }
            Trail::Index { name, .. } => {
                let named = |one: &&Found| Some(&one.name) == name.as_ref();
                match (added(&found, before), found.iter().find(named)) {
                    (Some(new), _) if new.drop.is_some() => {
                        self.take_away(std::iter::once(new)).await?;
                        Ok(n)
                    }
                    (Some(_), _) => Ok(n + 1),
                    // other indexes of the table came or went: its name tells
                    (None, None) if name.is_some() => Ok(n),
                    (None, Some(there)) if there.drop.is_none() => Ok(n + 1),
                    (None, _) => Err(unclear(task, n, "other indexes of its table changed since")),
                }
            }
        }
    }

    async fn take_away(&mut self, found: impl Iterator<Item = &Found>) -> Result<(), DatabaseError> {
        for drop in found.filter_map(|one| one.drop.clone()) {
            self.execute(drop).await?;
        }
        Ok(())
    }

    /// What a failed statement left half made, as the statements that drop it; `None` where that cannot be seen.
    pub(super) async fn remains(&mut self, statement: &str, before: Option<Checksum>) -> Option<Vec<String>> {
        let (before, trail) = (before?, trail(statement)?);
        let found = self.look(&trail).await.ok()?;
        let left = match &trail {
            Trail::Index { .. } => added(&found, before).into_iter().collect(),
            Trail::Rebuilt if hash(&all(&found)) != before => all(&found),
            Trail::Rebuilt => Vec::new(),
            _ => return None,
        };
        Some(left.into_iter().filter_map(|one| one.drop.clone()).collect())
    }

    /// `IF NOT EXISTS` is content with an index that an earlier try left invalid: nobody else must be.
    pub(super) async fn refuse_invalid(&mut self, statement: &str) -> Result<(), DatabaseError> {
        let Some(trail) = trail(statement) else { return Ok(()) };
        let Trail::Index { name: Some(name), .. } = &trail else { return Ok(()) };
        let found = self.look(&trail).await?;
        match found.iter().find(|one| one.name == *name).and_then(|one| one.drop.clone()) {
            None => Ok(()),
            Some(drop) => Err(DatabaseError::Sql(SqlError {
                message: "the index is there already, and it is invalid: an earlier try left it".to_owned(),
                hint: Some(format!("drop it: `{drop};`, then run this again")),
                ..SqlError::default()
            })),
        }
    }

    async fn look(&mut self, trail: &Trail) -> Result<Vec<Found>, DatabaseError> {
        let sql = match trail {
            Trail::Index { table, .. } => format!(
                "SELECT concat_ws(' ', c.oid, i.indisvalid, c.relname), c.relname::text, CASE WHEN NOT i.indisvalid THEN {DROP} END {INDEXES} \
                 WHERE i.indrelid = pg_catalog.to_regclass({}) ORDER BY c.oid",
                quote(table)
            ),
            Trail::NoIndex { names } => {
                let names: Vec<String> =
                    names.iter().map(|name| format!("pg_catalog.to_regclass({})", quote(name))).collect();
                format!(
                    "SELECT c.oid::text, '', NULL::text {INDEXES} WHERE c.oid IN ({}) ORDER BY c.oid",
                    names.join(", ")
                )
            }
            Trail::Rebuilt => format!(
                "SELECT c.oid::text, '', CASE WHEN c.relname ~ '_cc(new|old)[0-9]*$' THEN {DROP} END {INDEXES} \
                 WHERE NOT i.indisvalid AND c.relkind = 'i' ORDER BY c.oid"
            ),
            Trail::Detached { table, partition } => {
                let knows = self.connection.server_version_num().is_some_and(|version| version >= 140_000);
                let pending = if knows { "h.inhdetachpending" } else { "false" };
                format!(
                    "SELECT concat_ws(' ', 'attached', {pending}), '', CASE WHEN {pending} THEN 'pending' END \
                     FROM pg_catalog.pg_inherits h \
                     WHERE h.inhparent = pg_catalog.to_regclass({}) AND h.inhrelid = pg_catalog.to_regclass({})",
                    quote(table),
                    quote(partition)
                )
            }
            Trail::Cluster { catalogue: (catalogue, column), name } => format!(
                "SELECT oid::text, '', NULL::text FROM pg_catalog.{catalogue} WHERE {column} = {}",
                quote(name)
            ),
        };
        let rows = self.fetch(sql).await?;
        let found = |row: &sqlx::postgres::PgRow| {
            Ok(Found {
                line: row.try_get(0).map_err(error)?,
                name: row.try_get(1).map_err(error)?,
                drop: row.try_get(2).map_err(error)?,
            })
        };
        rows.iter().map(found).collect()
    }
}

const DROP: &str = "pg_catalog.format('DROP INDEX CONCURRENTLY %I.%I', n.nspname, c.relname)";

const INDEXES: &str = "FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace";

/// The one thing that was not there before.
fn added(found: &[Found], before: Checksum) -> Option<&Found> {
    found.iter().find(|new| {
        let others: Vec<&Found> = found.iter().filter(|one| one.line != new.line).collect();
        hash(&others) == before
    })
}

fn unclear(task: Task<'_>, n: usize, why: &str) -> DatabaseError {
    let id = task.record.id();
    DatabaseError::Unfit(format!(
        "statement {} of `{id}` was cut off, and {why}: do the rest by hand, then `db-migrations repair --mark-done {id}`, \
         or undo it by hand, then `db-migrations repair --restart {id}`",
        n + 1
    ))
}

/// Whether a statement calls code that may commit by itself.
pub(super) fn calls(statement: &str) -> bool {
    let first = statement.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    ["call", "do"].iter().any(|word| first.eq_ignore_ascii_case(word))
}
