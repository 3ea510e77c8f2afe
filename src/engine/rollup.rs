//! `rollup`: after all migrations of a module were put together into one file, its history says that one.
//!
//! Nothing runs. What the rows stood for is there; that the one file makes the same is what the next run's
//! schema check says.

use crate::database::{NewRow, Note};
use crate::diagnostic::{Diagnostic, count};
use crate::dialect::Dialect;
use crate::event::Sink;
use crate::history::{History, RowKind};
use crate::id::{Checksum, MigrationId};

use super::failure::{Failure, Kind};
use super::import::unknown_module;
use super::migrate::Request;
use super::project::Project;
use super::record::{new_run, record};
use super::waiting::{look, wait_for_guard};

/// What becomes of a module's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollup {
    /// These go, in the order in which they ran.
    pub old: Vec<MigrationId>,
    /// This one comes.
    pub new: MigrationId,
    checksum: Checksum,
}

/// What would be done on this database; or why it cannot.
pub async fn to_roll_up(
    project: &Project,
    request: &Request<'_>,
    module: &str,
    sink: &mut dyn Sink,
) -> Result<Rollup, Failure> {
    let (database, history) = look(request, sink).await?;
    let dialect = database.server().dialect;
    database.close().await;
    plan(project, &history, dialect, module)
}

/// Writes what a person has agreed to; refused if that is not what there is now.
pub async fn roll_up(
    project: &Project,
    request: &Request<'_>,
    module: &str,
    agreed: &Rollup,
    sink: &mut dyn Sink,
) -> Result<(), Failure> {
    let database = request.connect.connect().await?;
    let mut guard = wait_for_guard(database, request.guard_wait, sink).await?;
    let history = guard.history().await?;
    if plan(project, &history, guard.server().dialect, module)? != *agreed {
        let changed = Diagnostic::new("another run changed the history meanwhile");
        return Err(Failure::new(Kind::Refused, changed.help("run the command again and look at its list")));
    }
    let run = new_run(project, request, format!("rollup of `{module}`"));
    let row = [NewRow {
        id: agreed.new.clone(),
        checksum: agreed.checksum,
        kind: RowKind::Baseline,
        position: history.next_position(),
        executed_at: None,
        execution_ms: None,
        formers: Vec::new(),
    }];
    let gone = agreed.old.iter().map(Note::Unrecorded);
    let notes: Vec<Note<'_>> = gone.chain([Note::Rows(&run, &row)]).collect();
    record(guard, &run, &notes).await
}

fn plan(project: &Project, history: &History, dialect: Dialect, module: &str) -> Result<Rollup, Failure> {
    let refused = |fault| Failure::new(Kind::Refused, fault);
    let found = project.catalogue.module(module).ok_or_else(|| unknown_module(project, module))?;
    let [one] = &found.migrations[..] else {
        let there = count(found.migrations.len(), "migration", "migrations");
        return Err(refused(
            Diagnostic::new(format!("`{module}` has {there}, and a rollup is to the only one"))
                .help("put them together into one file, and remove the others"),
        ));
    };
    let script = one
        .up
        .choose(dialect)
        .ok_or_else(|| refused(Diagnostic::new(format!("`{}` has no text for this database", one.id))))?;
    if let Some(half) = history.partial.iter().find(|partial| partial.id.namespace() == module) {
        let fault = Diagnostic::new(format!("`{}` is half-applied", half.id));
        return Err(refused(fault.help("`db-migrations repair` lists the ways on")));
    }
    let rows = history.archived().iter().chain(history.rows()).map(|row| &row.id);
    let old: Vec<MigrationId> = rows.filter(|id| id.namespace() == module).cloned().collect();
    if old.is_empty() {
        let fault = Diagnostic::new(format!("nothing of `{module}` has run here"));
        return Err(refused(fault.help("`db-migrations migrate` runs it")));
    }
    if old == [one.id.clone()] {
        return Err(refused(Diagnostic::new(format!("the history says only `{}` already", one.id))));
    }
    let lock = &project.document.lock().entries;
    let stale = lock.keys().any(|id| id.namespace() == module && *id != one.id);
    if stale || !lock.contains_key(&one.id) {
        return Err(refused(
            Diagnostic::new(format!("the lock does not say that `{}` is the only one of `{module}`", one.id))
                .help("run `db-migrations lock --prune`, and commit it"),
        ));
    }
    Ok(Rollup { old, new: one.id.clone(), checksum: script.hash })
}
