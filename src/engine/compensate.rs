//! `--compensate`: after a failure, the down scripts of this run's whole migrations, in reverse.
//!
//! Never that of the half-applied one, whose statements are a person's to mend. It stops at the first
//! migration without a down script and at the first failure. "Rolled back" is said only when the schema
//! has the fingerprint that it had before the run, nothing of a half-applied migration stays, and the
//! run wrote rows into no table that was there before.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::database::{DatabaseError, Guard, Read, Undo};
use crate::diagnostic::{Diagnostic, Frame, count};
use crate::dialect::Dialect;
use crate::event::{Event, Sink};
use crate::id::{Checksum, MigrationId};
use crate::snapshot::render_schema;
use crate::sql;

use super::execute::Progress;
use super::failure::{Failure, Kind, describe};
use super::migrate::Applied;
use super::project::Project;
use super::stopped::without_committed;

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
    let dialect = guard.server().dialect;
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
    without_committed(&mut failure);
    let rows = rows_elsewhere(project, done, dialect);
    if same && undone == done.len() && !half && rows.is_empty() {
        summary = summary.note(
            "rolled back: the schema is the one before the run, and only tables that are gone again got rows",
        );
        failure.kind = Kind::RolledBack;
    } else {
        if let Some(half) = &progress.half {
            summary = summary.note(format!("`{}` is half-applied, and was left as it is", half.id));
        }
        let schema = match now {
            Err(error) => format!("the schema could not be read: {error}"),
            Ok(_) if same && !rows.is_empty() => format!(
                "the schema is the one before the run; rows of `{}` were changed and not compared",
                rows.into_iter().collect::<Vec<_>>().join("`, `")
            ),
            Ok(_) if same => "the schema is the one before the run".to_owned(),
            Ok(_) => "the schema is not the one before the run".to_owned(),
        };
        summary = summary
            .note(schema)
            .help("`db-migrations status` says what has run, `db-migrations schema check` what is there");
    }
    failure.diagnostics.push(summary);
    failure
}

/// Tables that were there before the run and whose rows its migrations changed.
fn rows_elsewhere(project: &Project, done: &[Applied], dialect: Dialect) -> BTreeSet<String> {
    let (mut made, mut written) = (BTreeSet::new(), BTreeSet::new());
    let scripts = done.iter().filter_map(|one| project.catalogue.get(&one.id)?.up.choose(dialect));
    for script in scripts {
        for statement in sql::split(dialect, &script.text).unwrap_or_default() {
            let text = &script.text[statement.span.clone()];
            written
                .extend(sql::written_tables(dialect, text).into_iter().filter(|table| !made.contains(table)));
            made.extend(sql::created_with_engine(dialect, text).map(|(table, _)| table));
        }
    }
    written
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
        let diagnostic = Diagnostic::new(format!("the down script of `{id}` failed"))
            .cause(describe(&failure.error).message);
        let Some((n, statement)) = failure.statement.and_then(|n| Some((n, statements.get(n)?))) else {
            return diagnostic.note(format!("its file is {}", script.path));
        };
        let mut frame = Frame::new(&*script.path, Arc::clone(&script.text), statement.span.clone());
        frame.lines_before = script.lines_before;
        diagnostic.frame(frame).note(format!("statement {} of {}", n + 1, statements.len()))
    })
}
