//! The trace that a release leaves where it has nothing to do, although the database is not as it left it.
//!
//! An older image that is put back runs nothing, and its code is at work again: a contract step of the newer one must know
//! that. So it writes a row of a run that says what its lock lacks, and so does the release after it. Where all know the same,
//! nothing is written: a restart is not worth a row. Whether a step waits for that, `plan` says.

use std::collections::HashSet;

use crate::database::{Begin, Database, Guard, Keep, NewRun, Note};
use crate::diagnostic::{Diagnostic, count};
use crate::event::{Event, Sink};
use crate::history::{History, Lacks};
use crate::id::MigrationId;
use crate::lock::Entry;

use super::failure::{Failure, Kind, describe};
use super::migrate::{Request, new_run};
use super::prepare::Prepared;
use super::project::Project;
use super::waiting::wait_for_guard;

/// What the verdict of such a run says.
const NOTHING_RAN: &str = "not checked: nothing ran";

/// The rows that neither lock nor sources know.
pub(super) fn lacks(project: &Project, prepared: &Prepared, history: &History) -> Lacks {
    let lock = &prepared.merged.lock;
    let is_strange = |id: &MigrationId| !lock.entries.contains_key(id) && project.catalogue.get(id).is_none();
    let strange = history.rows().iter().filter(|row| is_strange(&row.id));
    let mut strange = strange.peekable();
    if strange.peek().is_none() {
        return Lacks::default();
    }
    let former: HashSet<&MigrationId> = lock.entries.values().flat_map(Entry::former_names).collect();
    Lacks::of(strange.filter(|row| !former.contains(&row.id)).map(|row| row.position))
}

/// Closes the database of a run that has nothing to do; before, it leaves a trace where one is needed. That it cannot
/// keeps nobody from starting: it is said.
pub(super) async fn close(
    project: &Project,
    request: &Request<'_>,
    prepared: &Prepared,
    history: &History,
    database: Box<dyn Database>,
    sink: &mut dyn Sink,
) {
    let is_run = !request.dry_run && request.aim.goal.may_run();
    if !is_run || lacks(project, prepared, history) == history.last_lacked() {
        return database.close().await;
    }
    let left = match wait_for_guard(database, request.guard_wait, sink).await {
        Ok(guard) => leave(project, request, prepared, guard, sink).await,
        Err(failure) => Err(failure),
    };
    if let Err(failure) = left {
        let why = failure.diagnostics.into_iter().next().map(|fault| fault.message).unwrap_or_default();
        sink.tell(Event::Warned(
            Diagnostic::new("it could not be written down that this release is at work here now")
                .cause(why)
                .note("a contract step of another release may run although code of this one needs what it takes away")
                .help("run the next release with `--phase expand` until this one is gone"),
        ));
    }
}

async fn leave(
    project: &Project,
    request: &Request<'_>,
    prepared: &Prepared,
    mut guard: Box<dyn Guard>,
    sink: &mut dyn Sink,
) -> Result<(), Failure> {
    let history = guard.history().await?;
    let lacks = lacks(project, prepared, &history);
    if lacks == history.last_lacked() {
        guard.free().await?.close().await; // another instance was faster
        return Ok(());
    }
    let run: NewRun = new_run(request, prepared, &lacks);
    let mut session = guard.begin(Begin { foreign_keys: None, keep_guard: Keep::No }).await?;
    session.write(Note::Run(&run)).await?;
    session.write(Note::Verdict(&run, NOTHING_RAN)).await?;
    let committed = session.commit().await;
    let (_, guard) = committed.map_err(|error| match error {
        crate::database::CommitError::RolledBack(error) | crate::database::CommitError::Unknown(error) => {
            Failure::new(Kind::RolledBack, describe(&error))
        }
    })?;
    if let Ok(database) = guard.free().await {
        database.close().await;
    }
    if !lacks.is_empty() {
        let n = count(usize::try_from(lacks.len()).unwrap_or_default(), "migration", "migrations");
        sink.tell(Event::Noted(format!(
            "this release lacks {n} of those that have run here; that it is at work was written down, and contract steps linked to them wait for it to be gone"
        )));
    }
    Ok(())
}
