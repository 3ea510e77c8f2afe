//! Taking over a database that another tool has migrated.
//!
//! Its rows are matched with the module's migrations and proved by the tool's own checksums (`adopt`). They
//! are recorded as `imported` with their own dates; nothing runs, and the tool's table stays as it is.

use std::collections::HashMap;

use crate::adopt::{self, Imported, Spelling, Tool};
use crate::database::{Begin, CommitError, ForeignTable, NewRow, NewRun, Note, Read};
use crate::diagnostic::Diagnostic;
use crate::event::{Event, Sink};
use crate::git;
use crate::history::{History, Row, RowKind};
use crate::id::{Checksum, MigrationId};
use crate::lock::{Document, Lock};
use crate::lockfile;
use crate::module::Module;

use super::failure::{Failure, Kind, describe};
use super::migrate::Request;
use super::prepare::merged;
use super::project::Project;
use super::waiting::wait_for_guard;

/// From where, and for which module.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The tool.
    pub tool: Tool,
    /// The module.
    pub module: &'a str,
    /// The tool's table, where it is not the usual one.
    pub table: Option<&'a str>,
    /// Its schema, where it is not the usual one.
    pub schema: Option<&'a str>,
}

/// What was taken over.
#[derive(Clone, Debug)]
pub struct Import {
    /// Newly recorded, in the order in which they ran.
    pub recorded: Vec<MigrationId>,
    /// Recorded before.
    pub known: usize,
    /// Files whose checksum fitted only with other line ends: id and which.
    pub respelled: Vec<(MigrationId, &'static str)>,
    /// Whether the lock was written.
    pub lock_written: bool,
}

/// Imports the history of one module from another tool's table.
pub async fn import(
    project: &mut Project,
    request: &Request<'_>,
    source: Source<'_>,
    sink: &mut dyn Sink,
) -> Result<Import, Failure> {
    let Source { tool, module: namespace, .. } = source;
    let table = source.table.unwrap_or(tool.table());
    let module =
        project.catalogue.module(namespace).cloned().ok_or_else(|| unknown_module(project, namespace))?;
    let database = request.connect.connect().await?;
    sink.tell(Event::Connected(database.server().clone()));
    let mut guard = wait_for_guard(database, request.guard_wait, sink).await?;
    let history = guard.history().await?;
    let matched = matched(source, &module, &mut *guard).await?;
    let import = new_rows(matched, &history);
    if import.rows.is_empty() {
        guard.free().await?.close().await;
        return Ok(Import {
            recorded: Vec::new(),
            known: import.known,
            respelled: import.respelled,
            lock_written: false,
        });
    }
    let run = NewRun {
        id: crate::run_id::random(),
        lock_digest: Checksum::of(project.document.text().as_bytes()),
        tool_version: env!("CARGO_PKG_VERSION"),
        user: request.user.clone(),
        reason: Some(format!("import of `{namespace}` from {}'s `{table}`", tool.name())),
        release: None,
    };
    let mut session = guard.begin(Begin::default()).await?;
    session.write(Note::Run(&run)).await?;
    session.write(Note::Rows(&run, &import.rows)).await?;
    session.write(Note::Verdict(&run, "not checked: import")).await?;
    let guard = match session.commit().await {
        Ok((_, guard)) => guard,
        Err(CommitError::RolledBack(error)) => return Err(Failure::new(Kind::RolledBack, describe(&error))),
        Err(CommitError::Unknown(error)) => {
            return Err(Failure::new(
                Kind::Unknown,
                describe(&error).help("run the import again: what is recorded already is left alone"),
            ));
        }
    };
    let lock_written = write_lock(project, &history, &import.rows)?;
    if let Ok(database) = guard.free().await {
        database.close().await;
    }
    let recorded = import.rows.into_iter().map(|row| row.id).collect();
    Ok(Import { recorded, known: import.known, respelled: import.respelled, lock_written })
}

/// What another tool's table says of a module's migrations, proved.
pub(super) async fn matched(
    source: Source<'_>,
    module: &Module,
    read: &mut (dyn Read + '_),
) -> Result<Vec<Imported>, Failure> {
    let Source { tool, schema, .. } = source;
    let table = source.table.unwrap_or(tool.table());
    let foreign = ForeignTable { schema, table, columns: tool.columns(), order: tool.order() };
    let rows = read.foreign_rows(foreign).await.map_err(|error| no_table(tool, table, &error))?;
    let refused = |faults| Failure::all(Kind::Refused, faults);
    let ran = adopt::read(tool, &rows).map_err(refused)?;
    adopt::match_rows(tool, module, read.server().dialect, &ran, table).map_err(refused)
}

/// The fault of naming a module that is not there.
pub fn unknown_module(project: &Project, namespace: &str) -> Failure {
    let known: Vec<&str> =
        project.catalogue.modules().iter().map(|module| module.namespace.as_str()).collect();
    let mut diagnostic = Diagnostic::new(format!("there is no module `{namespace}`"));
    if let Some(near) = crate::diagnostic::nearest(namespace, known.iter().copied()) {
        diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
    }
    Failure::new(Kind::Usage, diagnostic.help(format!("the modules are {}", known.join(", "))))
}

pub(super) fn no_table(tool: Tool, table: &str, error: &crate::database::DatabaseError) -> Failure {
    Failure::new(
        Kind::Refused,
        Diagnostic::new(format!("`{table}` cannot be read as a history of {}", tool.name()))
            .cause(error)
            .help("name it with `--table`, and its schema with `--schema`"),
    )
}

struct NewRows {
    rows: Vec<NewRow>,
    known: usize,
    respelled: Vec<(MigrationId, &'static str)>,
}

fn new_rows(matched: Vec<Imported>, history: &History) -> NewRows {
    let mut result = NewRows { rows: Vec::new(), known: 0, respelled: Vec::new() };
    let mut fresh: Vec<Imported> = Vec::new();
    for one in matched {
        if history.contains(&one.id) { result.known += 1 } else { fresh.push(one) }
    }
    fresh.sort_by(|a, b| a.at.cmp(&b.at)); // stable: equal times stay in the order of the tool
    for (one, position) in fresh.into_iter().zip(history.next_position()..) {
        if let Spelling::Other(which) = one.spelling {
            result.respelled.push((one.id.clone(), which));
        }
        result.rows.push(NewRow {
            id: one.id,
            checksum: one.checksum,
            kind: RowKind::Imported,
            position,
            executed_at: one.at,
            execution_ms: one.milliseconds,
            formers: Vec::new(),
        });
    }
    result
}

/// The lock with what has run in the order of its dates, whatever was imported first. The rest keeps its place.
fn by_date(mut lock: Lock, history: &History) -> Lock {
    let dates = dates(history);
    let has_run =
        |place: &usize| lock.entries.get_index(*place).is_some_and(|(id, _)| dates.contains_key(id));
    let places: Vec<usize> = (0..lock.entries.len()).filter(has_run).collect();
    let mut ran: Vec<&MigrationId> = history.rows().iter().map(|row| &row.id).collect();
    ran.retain(|id| lock.entries.contains_key(*id));
    ran.sort_by_key(|id| dates.get(id)); // stable: what has one date stays in the order of its tool
    for (place, id) in places.into_iter().zip(ran) {
        if let Some(at) = lock.entries.get_index_of(id) {
            lock.entries.swap_indices(place, at);
        }
    }
    lock
}

/// When each has run. What a tool does not date (Flyway's baseline stands for what is below it) ran before what
/// follows it in the same import.
pub(super) fn dates(history: &History) -> HashMap<&MigrationId, &str> {
    let mut dates = HashMap::new();
    let mut next: Option<&Row> = None;
    for row in history.rows().iter().rev() {
        let same_import = next.filter(|next| next.run == row.run);
        let later = same_import.and_then(|next| dates.get(&next.id).copied());
        let own = if row.executed_at.is_empty() { NOW } else { row.executed_at.trim_end_matches('Z') };
        dates.insert(&row.id, later.map_or(own, |later: &str| own.min(later)));
        next = Some(row);
    }
    dates
}

/// Sorts behind every date.
const NOW: &str = "~";

/// What has run belongs into the lock.
fn write_lock(project: &mut Project, before: &History, rows: &[NewRow]) -> Result<bool, Failure> {
    let history =
        History::new(before.rows().iter().cloned().chain(rows.iter().map(NewRow::as_row)).collect());
    let all_locked = rows.iter().all(|row| project.document.lock().entries.contains_key(&row.id));
    let only_imported = before.rows().iter().all(|row| row.kind == RowKind::Imported);
    let orders = only_imported && git::is_uncommitted(&project.root, &project.config.lock);
    if all_locked && !orders {
        return Ok(false);
    }
    let (merged, mut text) = merged(project, Some(&history))?;
    if orders {
        let lock = by_date(merged.lock, &history);
        let document =
            Document::parse(&project.config.lock, &text).map_err(|faults| Failure::all(Kind::Bug, faults))?;
        text = document.edit(&lock).map_err(|fault| Failure::new(Kind::Bug, fault))?;
    }
    let written = lockfile::write(&project.lock_path(), &text).map_err(|fault| {
        Failure::new(
            Kind::Stayed,
            fault.note("the rows are imported").help("run `db-migrations migrate` to write the lock"),
        )
    })?;
    project.read_lock()?;
    Ok(written == lockfile::Written::Changed)
}
