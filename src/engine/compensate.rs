//! `--compensate`: after a failure, the down scripts of this run's whole migrations, in reverse.
//!
//! Never that of the half-applied one, whose statements are a person's to mend. It stops at the first
//! migration without a down script and at the first failure. "Rolled back" is said only when the schema
//! has the fingerprint that it had before the run, nothing of a half-applied migration stays, and no
//! statement that ran, up or down, could change rows of a table that was there before.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::database::{
    Begin, CommitError, DatabaseError, Guard, Keep, NewRun, Read, Record, Task, TaskFailure,
};
use crate::diagnostic::{Diagnostic, Frame, count};
use crate::dialect::Dialect;
use crate::event::{Event, Sink};
use crate::id::{Checksum, MigrationId};
use crate::schema::{Kind as SchemaKind, Schema};
use crate::snapshot::render_schema;
use crate::sql::{self, Rows, Way};

use super::execute::Progress;
use super::failure::{Failure, Kind, describe};
use super::migrate::Applied;
use super::project::Project;
use super::stopped::{rows, without_committed};

/// The fingerprint of the whole schema.
pub(super) async fn fingerprint(read: &mut (dyn Read + '_)) -> Result<Checksum, DatabaseError> {
    let dialect = read.server().dialect;
    Ok(checksum(&read.introspect().await?, dialect))
}

fn checksum(schema: &Schema, dialect: Dialect) -> Checksum {
    Checksum::of(render_schema(schema, dialect).as_bytes())
}

/// Undoes what the run has committed, and says what came of it.
pub(super) async fn compensate(
    project: &Project,
    before: Checksum,
    run: &NewRun,
    progress: &Progress,
    mut guard: Box<dyn Guard>,
    mut failure: Failure,
    sink: &mut dyn Sink,
) -> Failure {
    let dialect = guard.server().dialect;
    let mut undone = 0;
    let done = &progress.applied[..progress.committed];
    without_committed(&mut failure);
    for applied in done.iter().rev() {
        match undo(project, &applied.id, run, guard).await {
            Ok(again) => {
                guard = again;
                undone += 1;
                sink.tell(Event::Undone { id: applied.id.clone() });
            }
            Err((diagnostic, again)) => {
                failure.diagnostics.push(diagnostic);
                let Some(again) = again else {
                    let lost =
                        summary(done, undone).note("the schema was not compared: the connection is gone");
                    failure.diagnostics.push(lost.help(LOOK));
                    return failure;
                };
                guard = again;
                break;
            }
        }
    }
    let mut summary = summary(done, undone);
    let now = guard.introspect().await;
    let same = now.as_ref().is_ok_and(|now| checksum(now, dialect) == before);
    if let Ok(database) = guard.free().await {
        database.close().await;
    }
    let half = progress.half.is_some() || progress.caught_up_rows > 0;
    let unproved = now.as_ref().ok().and_then(|now| unproved(project, done, dialect, now));
    if same && undone == done.len() && !half && unproved.is_none() {
        summary = summary.note(
            "rolled back: the schema is the one before the run, and only tables that are gone again got rows",
        );
        failure.kind = Kind::RolledBack;
    } else {
        if let Some(half) = &progress.half {
            summary = summary.note(format!("`{}` is half-applied, and was left as it is", half.id));
        }
        if progress.caught_up_rows > 0 {
            summary = summary.note(format!("{} that were caught up stay so", rows(progress.caught_up_rows)));
        }
        let schema = match now {
            Err(error) => format!("the schema could not be read: {error}"),
            Ok(_) if same => match unproved {
                Some(place) => format!(
                    "the schema is the one before the run; rows were not compared, and {place} may have \
                     changed some that were there before"
                ),
                None => "the schema is the one before the run".to_owned(),
            },
            Ok(_) => "the schema is not the one before the run".to_owned(),
        };
        summary = summary.note(schema).help(LOOK);
    }
    failure.diagnostics.push(summary);
    failure
}

const LOOK: &str = "`db-migrations status` says what has run, `db-migrations schema check` what is there";

/// How much of a run was undone, and what stays of it.
fn summary(done: &[Applied], undone: usize) -> Diagnostic {
    let whole = count(done.len(), "whole migration", "whole migrations");
    let summary =
        Diagnostic::new(format!("compensated: {undone} of this run's {whole} undone by their down scripts"));
    match &done[..done.len() - undone] {
        [] => summary,
        [one] => summary.note(format!("`{}` stays", one.id)),
        [first, .., last] => {
            let n = done.len() - undone;
            summary.note(format!("{n} stay, from `{}` to `{}`", first.id, last.id))
        }
    }
}

/// The first statement of the run and of its down scripts that may have changed rows that were there
/// before. The schema is the same before and now, so a table that was made and is absent was not there.
fn unproved(project: &Project, done: &[Applied], dialect: Dialect, schema: &Schema) -> Option<String> {
    let there: BTreeSet<String> = schema
        .objects
        .iter()
        .filter(|object| object.kind == SchemaKind::Table)
        .map(|object| object.name.trim_matches('`').to_lowercase())
        .collect();
    let statements = statements(project, done, dialect);
    let made: BTreeSet<String> =
        statements.iter().filter_map(|one| Some(sql::created_with_engine(dialect, &one.text)?.0)).collect();
    let own = |table: &String| made.contains(table) && !there.contains(table);
    let functions = schema.count(SchemaKind::Function) > 0
        || statements.iter().any(|one| sql::creates_code(dialect, &one.text));
    let found = statements.into_iter().find(|one| match sql::rows(dialect, &one.text, one.way) {
        Rows::Never => false,
        Rows::ByFunctions => functions,
        Rows::Gone(tables) => !tables.iter().all(own),
        Rows::Of(tables) => functions || !tables.iter().all(own),
        Rows::Any => true,
    })?;
    let script = if found.way == Way::Up { "" } else { "the down script of " };
    Some(format!("statement {} of {script}`{}`", found.n + 1, found.id))
}

/// A statement that the run or its compensation has run.
struct Ran {
    id: MigrationId,
    way: Way,
    n: usize,
    text: String,
}

fn statements(project: &Project, done: &[Applied], dialect: Dialect) -> Vec<Ran> {
    let mut ran = Vec::new();
    for migration in done.iter().filter_map(|one| project.catalogue.get(&one.id)) {
        let up = migration.up.choose(dialect).map(|script| (Way::Up, script));
        let down = migration.down.choose(dialect).map(|script| (Way::Down, script));
        for (way, script) in up.into_iter().chain(down) {
            for (n, statement) in sql::split(dialect, &script.text).unwrap_or_default().iter().enumerate() {
                let text = script.text[statement.span.clone()].to_owned();
                ran.push(Ran { id: migration.id.clone(), way, n, text });
            }
        }
    }
    ran
}

/// What went wrong, and the guard if the connection lives.
type NotUndone = (Diagnostic, Option<Box<dyn Guard>>);

async fn undo(
    project: &Project,
    id: &MigrationId,
    run: &NewRun,
    guard: Box<dyn Guard>,
) -> Result<Box<dyn Guard>, NotUndone> {
    let dialect = guard.server().dialect;
    let script = project.catalogue.get(id).and_then(|migration| migration.down.choose(dialect));
    let Some(script) = script else {
        let diagnostic =
            Diagnostic::new(format!("`{id}` has no down script: it stays, and what ran before it"));
        return Err((diagnostic, Some(guard)));
    };
    let statements = match sql::split(dialect, &script.text) {
        Ok(statements) => statements,
        Err(error) => {
            let message = format!("the down script of `{id}` cannot be read: {error}");
            return Err((Diagnostic::new(message), Some(guard)));
        }
    };
    let task = Task { script, statements: &statements, record: Record::Undone(id, &[]), clock: None };
    let (outcome, guard) = run_down(task, run, guard).await;
    match (outcome, guard) {
        (Ok(()), Some(guard)) => Ok(guard),
        (Ok(()), None) => {
            Err((Diagnostic::new(format!("the connection was lost after the down script of `{id}`")), None))
        }
        (Err(failure), guard) => Err((down_failed(task, &failure), guard)),
    }
}

/// Runs a down script; in a transaction, where the database can take its DDL back.
async fn run_down(
    task: Task<'_>,
    run: &NewRun,
    mut guard: Box<dyn Guard>,
) -> (Result<(), TaskFailure>, Option<Box<dyn Guard>>) {
    if task.script.no_transaction || !guard.server().dialect.facts().transactional_ddl {
        let outcome = guard.run_alone(run, task, None, None).await;
        return (outcome.map(|_| ()), Some(guard));
    }
    let own = |error| TaskFailure::new(None, error);
    let mut session = match guard.begin(Begin { foreign_keys: None, keep_guard: Keep::Wanted }).await {
        Ok(session) => session,
        Err(error) => return (Err(own(error)), None),
    };
    if let Some(Err(failure)) = session.run(run, &[task]).await.pop() {
        return (Err(failure), session.rollback().await.ok().map(|rolled| rolled.guard));
    }
    match session.commit().await {
        Ok((_, guard)) => (Ok(()), Some(guard)),
        Err(CommitError::RolledBack(error) | CommitError::Unknown(error)) => (Err(own(error)), None),
    }
}

/// Which down script failed, where, and what the database said.
fn down_failed(task: Task<'_>, failure: &TaskFailure) -> Diagnostic {
    let Task { script, statements, record, .. } = task;
    let diagnostic = Diagnostic::new(format!("the down script of `{}` failed", record.id()))
        .cause(describe(&failure.error).message);
    let Some((n, statement)) = failure.statement.and_then(|n| Some((n, statements.get(n)?))) else {
        return diagnostic.note(format!("its file is {}", script.path));
    };
    let mut frame = Frame::new(&*script.path, Arc::clone(&script.text), statement.span.clone());
    frame.lines_before = script.lines_before;
    diagnostic.frame(frame).note(format!("statement {} of {}", n + 1, statements.len()))
}
