//! Writing into the history without running anything: under the guard, in one transaction, with a row of the
//! run that says who did it and why.

use crate::database::{Begin, CommitError, DatabaseError, Guard, NewRow, NewRun, Note, Session};
use crate::history::RowKind;
use crate::id::Checksum;
use crate::plan::Plan;

use super::failure::{Failure, Kind, describe};
use super::migrate::Request;
use super::project::Project;

/// The run of a command that only writes the history.
pub(super) fn new_run(project: &Project, request: &Request<'_>, why: String) -> NewRun {
    NewRun {
        id: crate::run_id::random(),
        lock_digest: Checksum::of(project.document.text().as_bytes()),
        tool_version: env!("CARGO_PKG_VERSION"),
        user: request.user.clone(),
        reason: Some(match &request.reason {
            Some(reason) => format!("{why}: {reason}"),
            None => why,
        }),
        release: None,
    }
}

/// Writes all of it, or nothing. No verdict is left: the next run checks what a person did by hand.
pub(super) async fn record(guard: Box<dyn Guard>, run: &NewRun, notes: &[Note<'_>]) -> Result<(), Failure> {
    let mut session = guard.begin(Begin::default()).await?;
    session.write(Note::Run(run)).await?;
    for note in notes {
        session.write(*note).await?;
    }
    match session.commit().await {
        Ok((_, guard)) => {
            if let Ok(database) = guard.free().await {
                database.close().await;
            }
            Ok(())
        }
        Err(CommitError::RolledBack(error)) => Err(Failure::new(Kind::RolledBack, describe(&error))),
        Err(CommitError::Unknown(error)) => Err(Failure::new(
            Kind::Unknown,
            describe(&error).help("`db-migrations status` says whether it was written"),
        )),
    }
}

/// Writes the rows of bases for all of whose parts there are rows, and puts those into the archive.
pub(super) async fn record_bases(
    plan: &Plan,
    run: &NewRun,
    session: &mut dyn Session,
) -> Result<(), DatabaseError> {
    for base in &plan.recorded {
        let row = NewRow {
            id: base.id.clone(),
            checksum: base.checksum,
            kind: RowKind::Baseline,
            position: base.position,
            executed_at: None,
            execution_ms: None,
            formers: Vec::new(),
        };
        session.write(Note::Archived(&base.formers)).await?;
        session.write(Note::Rows(run, &[row])).await?;
    }
    Ok(())
}
