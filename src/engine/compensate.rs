//! `--compensate`: after a failure, the down scripts of this run's whole migrations, in reverse.
//!
//! Never that of the half-applied one, whose statements are a person's to mend. It stops at the first
//! migration without a down script and at the first failure. "Rolled back" is said only when the schema
//! has the fingerprint that it had before the run and nothing of a half-applied migration stays; rows
//! are not compared, and that is said.

use crate::database::{DatabaseError, Guard, Read, Undo};
use crate::diagnostic::{Diagnostic, count};
use crate::event::{Event, Sink};
use crate::id::{Checksum, MigrationId};
use crate::snapshot::render_schema;
use crate::sql;

use super::execute::Progress;
use super::failure::{Failure, Kind, describe};
use super::project::Project;

/// The fingerprint of the whole schema.
pub(super) async fn fingerprint(read: &mut (dyn Read + '_)) -> Result<Checksum, DatabaseError> {
    let dialect = read.server().dialect;
    let schema = read.introspect().await?;
    Ok(Checksum::of(render_schema(&schema, dialect).as_bytes()))
}

/// Undoes what the run has committed, and says what came of it.
pub(super) async fn compensate(
    project: &Project,
    before: Checksum,
    progress: &Progress,
    mut guard: Box<dyn Guard>,
    mut failure: Failure,
    sink: &mut dyn Sink,
) -> Failure {
    let mut undone = 0;
    let done = &progress.applied[..progress.committed];
    for applied in done.iter().rev() {
        match undo(project, &applied.id, &mut *guard).await {
            Ok(()) => {
                undone += 1;
                sink.tell(Event::Undone { id: applied.id.clone() });
            }
            Err(diagnostic) => {
                failure.diagnostics.push(diagnostic);
                break;
            }
        }
    }
    let mut summary = Diagnostic::new(format!(
        "compensated: {} of this run's {} undone by their down scripts",
        undone,
        count(done.len(), "whole migration", "whole migrations")
    ));
    let now = fingerprint(&mut *guard).await;
    let same = now.as_ref().is_ok_and(|now| *now == before);
    if let Ok(database) = guard.free().await {
        database.close().await;
    }
    let half = progress.half.is_some();
    if same && undone == done.len() && !half {
        summary = summary.note("rolled back: the schema is the one before the run; rows were not compared");
        failure.kind = Kind::RolledBack;
    } else {
        if let Some(half) = &progress.half {
            summary = summary.note(format!("`{}` is half-applied, and was left as it is", half.id));
        }
        let schema = match now {
            Err(error) => format!("the schema could not be read: {error}"),
            Ok(_) if same => "the schema is the one before the run; rows were not compared".to_owned(),
            Ok(_) => "the schema is not the one before the run".to_owned(),
        };
        summary = summary
            .note(schema)
            .help("`db-migrations status` says what has run, `db-migrations schema check` what is there");
    }
    failure.diagnostics.push(summary);
    failure
}

async fn undo(project: &Project, id: &MigrationId, guard: &mut dyn Guard) -> Result<(), Diagnostic> {
    let dialect = guard.server().dialect;
    let script = project.catalogue.get(id).and_then(|migration| migration.down.choose(dialect));
    let Some(script) = script else {
        return Err(Diagnostic::new(format!("`{id}` has no down script: it stays, and what ran before it")));
    };
    let statements = sql::split(dialect, &script.text)
        .map_err(|error| Diagnostic::new(format!("the down script of `{id}` cannot be read: {error}")))?;
    let undo = Undo { id, script, statements: &statements };
    guard.undo(undo).await.map_err(|failure| {
        let mut diagnostic = Diagnostic::new(format!("the down script of `{id}` failed"))
            .cause(describe(&failure.error).message)
            .note(format!("its file is {}", script.path));
        if let Some(n) = failure.statement {
            diagnostic = diagnostic.note(format!("statement {} of {}", n + 1, statements.len()));
        }
        diagnostic
    })
}
