//! Walks a plan under the guard.
//!
//! Groups are begun, run and committed one after another; the last transaction is handed back open,
//! so that the schema can be checked before it is committed. What is said on failure depends on what
//! has been committed by then, and on nothing else.

use std::collections::BTreeSet;

use crate::database::{Begin, CommitError, DatabaseError, Guard, NewRow, NewRun, Session, Task, TaskFailure};
use crate::diagnostic::{Diagnostic, Frame};
use crate::event::{Event, Sink};
use crate::history::RowKind;
use crate::plan::{Mode, Plan, Step};

use super::failure::{Failure, Kind, describe};
use super::migrate::Applied;

/// What a walk has done so far.
#[derive(Default)]
pub(super) struct Progress {
    /// Steps that ended well, committed or in the open transaction.
    pub(super) applied: Vec<Applied>,
    /// How many of them are committed.
    pub(super) committed: usize,
    /// Whether a statement outside of a transaction has begun in an unfinished step.
    pub(super) partial: bool,
    /// Foreign key violations before the open transaction's first step.
    pub(super) violations: Option<BTreeSet<String>>,
}

/// Where a walk begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    /// The position of the first history row.
    pub(super) position: i64,
    /// The guard must outlive the last transaction.
    pub(super) keep_guard: bool,
}

/// Where a walk ends well.
pub(super) enum End {
    /// In an open transaction.
    Open(Box<dyn Session>),
    /// After a group outside of any transaction.
    Outside(Box<dyn Guard>),
}

/// Runs all groups; the last transaction stays open.
pub(super) async fn walk(
    plan: &Plan,
    mut guard: Box<dyn Guard>,
    run: &NewRun,
    start: Start,
    progress: &mut Progress,
    sink: &mut dyn Sink,
) -> Result<End, Failure> {
    let total = plan.len();
    sink.tell(Event::RunStarted { total });
    let keep_guard = start.keep_guard || plan.splits();
    let mut position = start.position;
    for (index, group) in plan.groups.iter().enumerate() {
        let is_last = index + 1 == plan.groups.len();
        match group.mode {
            Mode::Alone { foreign_keys } => {
                for step in &group.steps {
                    let row = row(step, position);
                    let number = progress.applied.len() + 1;
                    sink.tell(Event::StepStarted { id: step.id.clone(), number, total, alone: true });
                    let task = Task { script: &step.script, statements: &step.statements, row: &row };
                    let outcome = guard.run_alone(run, task, step.from, foreign_keys).await;
                    if outcome.is_err() {
                        progress.partial = true;
                    }
                    finished(step, outcome, progress, sink)?;
                    progress.committed = progress.applied.len();
                    position += 1;
                }
            }
            Mode::Transaction { foreign_keys } => {
                let begin = Begin { foreign_keys, keep_guard };
                let mut session = guard.begin(begin).await.map_err(|e| before_steps(progress, &e))?;
                session.start(run).await.map_err(|e| before_steps(progress, &e))?;
                if foreign_keys == Some(false) {
                    progress.violations =
                        Some(session.violations().await.map_err(|e| before_steps(progress, &e))?);
                }
                for step in &group.steps {
                    let row = row(step, position);
                    let number = progress.applied.len() + 1;
                    sink.tell(Event::StepStarted { id: step.id.clone(), number, total, alone: false });
                    let task = Task { script: &step.script, statements: &step.statements, row: &row };
                    match session.run(run, task).await {
                        Ok(milliseconds) => finished(step, Ok(milliseconds), progress, sink)?,
                        Err(failure) => {
                            let _ = session.rollback().await;
                            return Err(failed(step, &failure, progress));
                        }
                    }
                    position += 1;
                }
                session = no_new_violations(session, progress).await?;
                if is_last {
                    return Ok(End::Open(session));
                }
                guard = commit_group(session, progress, sink).await?;
            }
        }
    }
    Ok(End::Outside(guard))
}

fn row(step: &Step, position: i64) -> NewRow {
    NewRow {
        id: step.id.clone(),
        checksum: step.script.hash,
        kind: RowKind::Applied,
        position,
        executed_at: None,
        execution_ms: None,
    }
}

fn finished(
    step: &Step,
    outcome: Result<i64, TaskFailure>,
    progress: &mut Progress,
    sink: &mut dyn Sink,
) -> Result<(), Failure> {
    let milliseconds = outcome.map_err(|failure| failed(step, &failure, progress))?;
    progress.applied.push(Applied { id: step.id.clone(), milliseconds });
    sink.tell(Event::StepFinished { id: step.id.clone(), milliseconds });
    Ok(())
}

async fn commit_group(
    session: Box<dyn Session>,
    progress: &mut Progress,
    sink: &mut dyn Sink,
) -> Result<Box<dyn Guard>, Failure> {
    sink.tell(Event::CommitStarted);
    match session.commit().await {
        Ok((_, guard)) => {
            sink.tell(Event::Committed);
            progress.committed = progress.applied.len();
            progress.violations = None;
            Ok(guard)
        }
        Err(CommitError::RolledBack(error)) => {
            Err(rolled_back(progress, Diagnostic::new("the commit of a group was refused").cause(&error)))
        }
        Err(CommitError::Unknown(error)) => Err(Failure::new(
            Kind::Unknown,
            Diagnostic::new("the connection broke during a commit: nobody knows whether it happened")
                .cause(&error)
                .help("run `db-migrations status`: it says what has run"),
        )),
    }
}

/// With foreign keys off, rows may point nowhere: compared with before the run.
async fn no_new_violations(
    mut session: Box<dyn Session>,
    progress: &Progress,
) -> Result<Box<dyn Session>, Failure> {
    let Some(before) = &progress.violations else { return Ok(session) };
    let after = match session.violations().await {
        Ok(after) => after,
        Err(error) => return Err(rolled_back(progress, describe(&error))),
    };
    let new: Vec<&String> = after.difference(before).collect();
    if new.is_empty() {
        return Ok(session);
    }
    let _ = session.rollback().await;
    let mut diagnostic =
        Diagnostic::new(format!("after the run {} rows would violate a foreign key", new.len()));
    diagnostic.notes.extend(new.iter().take(5).map(|line| (*line).clone()));
    Err(rolled_back(progress, diagnostic.help("mend the migration so that it keeps or removes these rows")))
}

fn before_steps(progress: &Progress, error: &DatabaseError) -> Failure {
    match (progress.committed, error) {
        (0, DatabaseError::Unfit(_)) => Failure::new(Kind::Refused, describe(error)),
        _ => rolled_back(progress, describe(error)),
    }
}

/// The end of a run whose open transaction is gone: what is said depends on what was committed.
pub(super) fn rolled_back(progress: &Progress, diagnostic: Diagnostic) -> Failure {
    if progress.committed == 0 && !progress.partial {
        return Failure::new(
            Kind::RolledBack,
            diagnostic.note("everything was rolled back: nothing of this run stayed"),
        );
    }
    let stayed: Vec<String> =
        progress.applied[..progress.committed].iter().map(|applied| format!("`{}`", applied.id)).collect();
    let diagnostic = if stayed.is_empty() {
        diagnostic
    } else {
        diagnostic.note(format!("committed before, and stayed: {}", stayed.join(", ")))
    };
    Failure::new(
        Kind::Stayed,
        diagnostic.help("`db-migrations status` says what has run; mend the cause, then run `db-migrations migrate` again"),
    )
}

/// The report of a failing migration.
fn failed(step: &Step, failure: &TaskFailure, progress: &Progress) -> Failure {
    let mut diagnostic = Diagnostic::new(format!("migration `{}` failed", step.id));
    match failure.statement.or(failure.offset) {
        Some(_) => diagnostic = diagnostic.frame(place(step, failure)),
        None => diagnostic.notes.push(format!("its file is {}", step.script.path)),
    }
    let error = describe(&failure.error);
    diagnostic = diagnostic.cause(&error.message);
    match failure.statement {
        Some(n) => diagnostic.notes.push(format!("statement {} of {}", n + 1, step.statements.len())),
        None if !step.statements.is_empty() => {
            diagnostic.notes.push(
                "all its statements ran; it failed after them, when deferred constraints were checked"
                    .to_owned(),
            );
        }
        None => {}
    }
    diagnostic.notes.extend(error.notes);
    diagnostic.help.extend(error.help);
    if let DatabaseError::Sql(sql) = &failure.error {
        diagnostic.notes.extend(sql.context.as_ref().map(|context| format!("in {context}")));
    }
    if failure.escaped {
        return Failure::new(
            Kind::Stayed,
            diagnostic
                .note("the migration ended the run's transaction: what ran before that is committed")
                .help("remove the transaction control from the migration; `db-migrations schema check` shows what stayed"),
        );
    }
    if progress.partial {
        let done = failure.statement.unwrap_or(step.statements.len());
        diagnostic.notes.push(match done {
            0 => "it runs outside of a transaction: its first statement may have left traces".to_owned(),
            1 => "its first statement stayed: it runs outside of a transaction".to_owned(),
            n => format!("its first {n} statements stayed: it runs outside of a transaction"),
        });
    }
    if matches!(failure.error, DatabaseError::Lost(_)) {
        diagnostic.notes.push(
            "the connection is gone; the database rolls the open transaction back by itself".to_owned(),
        );
    }
    rolled_back(progress, diagnostic)
}

fn place(step: &Step, failure: &TaskFailure) -> Frame {
    let statement = failure.statement.and_then(|n| step.statements.get(n));
    let span = match (failure.offset, statement) {
        (Some(offset), _) => offset..word_end(&step.script.text, offset),
        (None, Some(statement)) => statement.span.clone(),
        (None, None) => 0..0,
    };
    let mut frame = Frame::new(&*step.script.path, std::sync::Arc::clone(&step.script.text), span);
    frame.lines_before = step.script.lines_before;
    frame
}

fn word_end(text: &str, start: usize) -> usize {
    let rest = &text[start..];
    let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    start + length.max(rest.chars().next().map_or(0, char::len_utf8))
}
