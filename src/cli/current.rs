//! `current` and `latest`: the last migration that ran here, and the last of the lock.

use secrecy::ExposeSecret;
use serde_json::json;

use super::context::Context;
use super::run::looking;
use super::status::time;
use super::{Done, Exit, Format, Global};
use crate::backend;
use crate::engine::{Failure, FailureKind};
use crate::lock::merge;
use crate::report::human;

/// Show the migration that ran here last, in the order of execution
///
/// Reads only; needs neither lock nor files.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Show the last migration of the lock that runs
///
/// Connects to nothing. Skipped ones do not count, nor, where a database is named, those that have no text for it.
#[derive(Debug, clap::Args)]
pub(super) struct LatestArgs {}

pub(super) async fn run(global: &Global, _: &Args) -> Result<Done, Failure> {
    let context = Context::read(global)?;
    let connect = looking(&context)?;
    let mut database = connect.connect().await?;
    let history = database.history().await?;
    database.close().await;
    let last = history.rows().last();
    if global.format == Format::Human {
        human::line(&last.map_or_else(
            || "no migration has run here".to_owned(),
            |row| {
                let how = match row.kind.name() {
                    "applied" => "ran",
                    kind => kind,
                };
                format!("{}  {how} at {} UTC", row.id, time(&row.executed_at))
            },
        ));
    }
    let migration = last.map(|row| {
        json!({
            "id": row.id.as_str(),
            "position": row.position,
            "kind": row.kind.name(),
            "run": row.run,
            "executed_at": row.executed_at,
            "execution_ms": row.execution_ms,
        })
    });
    Ok(Done::new(Exit::Done, "looked", json!({ "migration": migration })))
}

pub(super) fn latest(global: &Global, _: &LatestArgs) -> Result<Done, Failure> {
    let usage = |fault| Failure::new(FailureKind::Usage, fault);
    let context = Context::read(global)?;
    let project = context.project()?;
    let dialect = context.url().map(|url| backend::dialect_of(url.expose_secret(), &context.config.dialects));
    let dialect = dialect.transpose().map_err(usage)?;
    let merged = merge(project.document.lock(), &project.catalogue, None).map_err(usage)?;
    let fits = |id| {
        let migration = project.catalogue.get(id).zip(dialect);
        migration.is_none_or(|(migration, dialect)| migration.up.choose(dialect).is_some())
    };
    let last = merged.lock.runnable().filter(|id| fits(id)).last();
    let locked = |id| project.document.lock().entries.contains_key(id);
    if global.format == Format::Human {
        human::line(&match last {
            None => "no migration is locked or found".to_owned(),
            Some(id) if locked(id) => id.to_string(),
            Some(id) => format!("{id}  not locked yet"),
        });
    }
    let migration = last.map(|id| json!({ "id": id.as_str(), "locked": locked(id) }));
    Ok(Done::new(Exit::Done, "looked", json!({ "migration": migration })))
}
