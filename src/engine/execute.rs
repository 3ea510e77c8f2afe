//! Walks a plan under the guard.
//!
//! Groups are begun, run and committed one after another; the last transaction is handed back open,
//! so that the schema can be checked before it is committed. What is said on failure depends on what
//! has been committed by then, and on nothing else.

use std::collections::BTreeSet;

use crate::database::{Begin, CommitError, DatabaseError, Guard, NewRow, NewRun, Session, Task, TaskFailure};
use crate::diagnostic::{Diagnostic, Frame, count};
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
    sink.tell(Event::RunStarted { total: plan.len() });
    let keep_guard = start.keep_guard || plan.splits();
    let mut walker = Walker { run, total: plan.len(), position: start.position, progress, sink };
    for (index, group) in plan.groups.iter().enumerate() {
        match group.mode {
            Mode::Alone { foreign_keys } => walker.alone(&mut *guard, &group.steps, foreign_keys).await?,
            Mode::Transaction { foreign_keys } => {
                let session =
                    walker.transaction(guard, &group.steps, Begin { foreign_keys, keep_guard }).await?;
                if index + 1 == plan.groups.len() {
                    return Ok(End::Open(session));
                }
                guard = commit_group(session, walker.progress, walker.sink).await?;
            }
        }
    }
    Ok(End::Outside(guard))
}

/// What the groups of a walk share.
struct Walker<'a> {
    run: &'a NewRun,
    total: usize,
    position: i64,
    progress: &'a mut Progress,
    sink: &'a mut dyn Sink,
}

impl Walker<'_> {
    /// Steps outside of any transaction.
    async fn alone(
        &mut self,
        guard: &mut dyn Guard,
        steps: &[Step],
        foreign_keys: Option<bool>,
    ) -> Result<(), Failure> {
        for step in steps {
            let before = match foreign_keys {
                Some(false) => Some(guard.violations().await.map_err(|e| before_steps(self.progress, &e))?),
                _ => None,
            };
            let row = self.row(step);
            self.started(step, true);
            let outcome = guard.run_alone(self.run, task(step, &row), step.resume.as_ref(), foreign_keys).await;
            self.progress.partial |= outcome.is_err();
            self.finished(step, outcome)?;
            self.progress.committed = self.progress.applied.len();
            if let Some(before) = before {
                let after = guard.violations().await.map_err(|e| before_steps(self.progress, &e))?;
                orphans(&before, &after).map_or(Ok(()), |found| Err(rolled_back(self.progress, found)))?;
            }
        }
        Ok(())
    }

    /// Steps in one transaction, which stays open; a failure rolls it back.
    async fn transaction(
        &mut self,
        guard: Box<dyn Guard>,
        steps: &[Step],
        begin: Begin,
    ) -> Result<Box<dyn Session>, Failure> {
        let mut session = guard.begin(begin).await.map_err(|e| before_steps(self.progress, &e))?;
        session.start(self.run).await.map_err(|e| before_steps(self.progress, &e))?;
        if begin.foreign_keys == Some(false) {
            let violations = session.violations().await.map_err(|e| before_steps(self.progress, &e))?;
            self.progress.violations = Some(violations);
        }
        for batch in steps.chunks(session.batch().max(1)) {
            let rows: Vec<NewRow> = batch.iter().map(|step| self.row(step)).collect();
            let tasks: Vec<Task<'_>> = batch.iter().zip(&rows).map(|(step, row)| task(step, row)).collect();
            self.started(&batch[0], false);
            let outcomes = session.run(self.run, &tasks).await;
            for (n, (step, outcome)) in batch.iter().zip(outcomes).enumerate() {
                if n > 0 {
                    self.started(step, false);
                }
                if let Err(failure) = self.finished(step, outcome) {
                    let _ = session.rollback().await;
                    return Err(failure);
                }
            }
        }
        no_new_violations(session, self.progress).await
    }

    fn row(&mut self, step: &Step) -> NewRow {
        let position = self.position;
        self.position += 1;
        row(step, position)
    }

    fn started(&mut self, step: &Step, alone: bool) {
        let number = self.progress.applied.len() + 1;
        self.sink.tell(Event::StepStarted { id: step.id.clone(), number, total: self.total, alone });
    }

    fn finished(&mut self, step: &Step, outcome: Result<i64, TaskFailure>) -> Result<(), Failure> {
        let milliseconds = outcome.map_err(|failure| failed(step, &failure, self.progress))?;
        self.progress.applied.push(Applied { id: step.id.clone(), milliseconds });
        self.sink.tell(Event::StepFinished { id: step.id.clone(), milliseconds });
        Ok(())
    }
}

fn task<'a>(step: &'a Step, row: &'a NewRow) -> Task<'a> {
    Task { script: &step.script, statements: &step.statements, row }
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
    let Some(found) = orphans(before, &after) else { return Ok(session) };
    let _ = session.rollback().await;
    Err(rolled_back(progress, found))
}

/// What to say of rows that point nowhere since a migration ran with foreign keys off.
fn orphans(before: &BTreeSet<String>, after: &BTreeSet<String>) -> Option<Diagnostic> {
    let new: Vec<&String> = after.difference(before).collect();
    if new.is_empty() {
        return None;
    }
    let mut diagnostic = Diagnostic::new(format!(
        "{} would violate a foreign key after the run",
        count(new.len(), "row", "rows")
    ));
    diagnostic.notes.extend(new.iter().take(5).map(|line| (*line).clone()));
    Some(diagnostic.help("mend the migration so that it keeps or removes these rows"))
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
