//! `version`: rows of the history that are written or taken away, and nothing runs.
//!
//! What is written must be a migration that this database would run; what is taken away can be any row.

use indexmap::IndexSet;

use crate::database::{NewRow, Note};
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::event::Sink;
use crate::history::{History, RowKind};
use crate::id::MigrationId;
use crate::lock::{self, Lock};
use crate::migration::Former;
use crate::plan::{parts_of, to_archive};

use super::failure::{Failure, Kind};
use super::migrate::Request;
use super::project::Project;
use super::record::{new_run, record};
use super::waiting::{look, wait_for_guard};

/// Whether rows come or go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// They come: what they name counts as applied.
    Add,
    /// They go: what they name counts as pending.
    Delete,
}

/// Which migrations are meant; short forms of their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// These; one that cannot be marked is an error.
    Ids(Vec<String>),
    /// All that can be.
    All,
    /// Those between two of the lock, both included; an absent end is that of the lock.
    Range(Option<String>, Option<String>),
}

/// What would be marked on this database, in order.
pub async fn to_mark(
    project: &Project,
    request: &Request<'_>,
    mark: Mark,
    which: &Which,
    sink: &mut dyn Sink,
) -> Result<Vec<MigrationId>, Failure> {
    let (database, history) = look(request, sink).await?;
    let dialect = database.server().dialect;
    database.close().await;
    Choice { project, history: &history, dialect, mark }.choose(which)
}

/// Marks what a person has agreed to; refused if that is not what would be marked now.
pub async fn mark(
    project: &Project,
    request: &Request<'_>,
    mark: Mark,
    which: &Which,
    agreed: &[MigrationId],
    sink: &mut dyn Sink,
) -> Result<(), Failure> {
    let database = request.connect.connect().await?;
    let mut guard = wait_for_guard(database, request.guard_wait, sink).await?;
    let history = guard.history().await?;
    let choice = Choice { project, history: &history, dialect: guard.server().dialect, mark };
    if choice.choose(which)? != agreed {
        let changed = Diagnostic::new("another run changed what would be marked meanwhile");
        return Err(Failure::new(Kind::Refused, changed.help("run the command again and look at its list")));
    }
    let word = if mark == Mark::Add { "version --add" } else { "version --delete" };
    let run = new_run(project, request, word.to_owned());
    let rows = if mark == Mark::Add { choice.rows(agreed) } else { Vec::new() };
    let entry = |id: &MigrationId| project.document.lock().entries.get(id);
    let formers: Vec<MigrationId> = agreed.iter().flat_map(|id| parts_of(entry(id), &history)).collect();
    let notes = match mark {
        Mark::Add => vec![Note::Rows(&run, &rows), Note::Archived(&formers)],
        Mark::Delete => agreed.iter().chain(&formers).map(Note::Unrecorded).collect(),
    };
    record(guard, &run, &notes).await
}

struct Choice<'a> {
    project: &'a Project,
    history: &'a History,
    dialect: Dialect,
    mark: Mark,
}

impl Choice<'_> {
    fn choose(&self, which: &Which) -> Result<Vec<MigrationId>, Failure> {
        let refused = |fault| Failure::new(Kind::Refused, fault);
        match which {
            Which::All if self.mark == Mark::Delete => {
                let rows = self.history.rows().iter().chain(self.history.archived());
                Ok(rows.map(|row| row.id.clone()).collect())
            }
            Which::All => Ok(self.locked().filter(|id| self.obstacle(id).is_none()).cloned().collect()),
            Which::Range(from, to) => {
                let place = |name: &String| {
                    let id =
                        lock::find(self.locked(), name).map_err(|fault| Failure::new(Kind::Usage, fault))?;
                    Ok::<_, Failure>(self.lock().entries.get_index_of(id).unwrap_or_default())
                };
                let from = from.as_ref().map(place).transpose()?.unwrap_or_default();
                let to = to.as_ref().map(place).transpose()?.unwrap_or(usize::MAX);
                if from > to {
                    let fault = Diagnostic::new("the range ends before it begins, in the order of the lock");
                    return Err(Failure::new(Kind::Usage, fault));
                }
                let range = self.locked().enumerate().filter(|(n, _)| (from..=to).contains(n));
                Ok(range.map(|(_, id)| id).filter(|id| self.obstacle(id).is_none()).cloned().collect())
            }
            Which::Ids(names) => {
                let mut ids: IndexSet<MigrationId> = IndexSet::new();
                for name in names {
                    let unlocked = self.history.rows().iter().map(|row| &row.id);
                    let unlocked = unlocked.filter(|id| !self.lock().entries.contains_key(*id));
                    let id = lock::find(self.locked().chain(unlocked), name)
                        .map_err(|fault| Failure::new(Kind::Usage, fault))?;
                    if let Some(obstacle) = self.obstacle(id) {
                        return Err(refused(obstacle));
                    }
                    ids.insert(id.clone());
                }
                Ok(ids.into_iter().collect())
            }
        }
    }

    fn lock(&self) -> &Lock {
        self.project.document.lock()
    }

    fn locked(&self) -> impl Iterator<Item = &MigrationId> {
        self.lock().entries.keys()
    }

    /// Why a migration cannot be marked.
    fn obstacle(&self, id: &MigrationId) -> Option<Diagnostic> {
        let half = self.history.partial.iter().any(|partial| partial.id == *id);
        if half {
            let fault = Diagnostic::new(format!("`{id}` is half-applied"));
            return Some(fault.help("`db-migrations repair` lists the ways on"));
        }
        match (self.mark, self.history.contains(id)) {
            (Mark::Delete, true) => None,
            (Mark::Delete, false) => Some(Diagnostic::new(format!("`{id}` has not run here"))),
            (Mark::Add, true) => Some(Diagnostic::new(format!("`{id}` has run here already"))),
            (Mark::Add, false) => self.does_not_run(id),
        }
    }

    /// Whether a run records it by itself.
    fn stood_for(&self, id: &MigrationId) -> bool {
        let formers = self.lock().entries.get(id).map_or(&[][..], |entry| &entry.replaces);
        let ran = |former: &Former| former.names().any(|name| self.history.contains(name));
        !formers.is_empty() && formers.iter().all(ran)
    }

    fn does_not_run(&self, id: &MigrationId) -> Option<Diagnostic> {
        let entry = self.lock().entries.get(id);
        let Some(entry) = entry else {
            return Some(
                Diagnostic::new(format!("`{id}` is not in the lock")).help("run `db-migrations lock`"),
            );
        };
        let why = match self.project.catalogue.get(id) {
            _ if entry.skip => "it is skipped in the lock",
            _ if self.stood_for(id) => "all that it stands for has run here",
            None => "its files are not there",
            Some(migration) if migration.up.choose(self.dialect).is_none() => {
                "it has no text for this database"
            }
            Some(_) => return None,
        };
        Some(Diagnostic::new(format!("`{id}` cannot be marked: {why}")))
    }

    /// The rows of what counts as applied.
    fn rows(&self, ids: &[MigrationId]) -> Vec<NewRow> {
        let scripts = ids.iter().filter_map(|id| {
            let script = self.project.catalogue.get(id)?.up.choose(self.dialect)?;
            Some((id, script.hash))
        });
        let row = |((id, checksum), position): ((&MigrationId, _), i64)| NewRow {
            id: id.clone(),
            checksum,
            kind: RowKind::Marked,
            position,
            executed_at: None,
            execution_ms: None,
            formers: to_archive(self.lock().entries.get(id), self.history),
        };
        scripts.zip(self.history.next_position()..).map(row).collect()
    }
}
