//! Walks a plan under the guard.
//!
//! Groups are begun, run and committed one after another; the last transaction is handed back open,
//! so that the schema can be checked before it is committed. A walk that stops hands the guard back, as
//! far as the connection lives. What is said then is `stopped`'s.

use std::collections::BTreeSet;

use crate::database::{
    Begin, Clock, CommitError, DatabaseError, Guard, Keep, NewRow, NewRun, Note, Record, Session, Task,
    TaskFailure,
};
use crate::diagnostic::{Diagnostic, count};
use crate::event::{Event, Sink};
use crate::fault::fault_point;
use crate::history::RowKind;
use crate::plan::{Mode, Plan, Step};
use crate::sql::Way;

use super::failure::{Failure, Kind, describe};
use super::migrate::{Applied, CaughtUp};
use super::stopped::{Half, before_steps, failed, not_taken_back, rolled_back, what_failed};

/// What a walk has done so far.
pub(super) struct Progress {
    /// Down scripts run.
    pub(super) undoes: bool,
    /// How many rows of other tools were taken over and committed.
    pub(super) adopted: usize,
    /// Steps that ended well, committed or in the open transaction.
    pub(super) applied: Vec<Applied>,
    /// How many of them are committed.
    pub(super) committed: usize,
    /// What an unfinished step outside of a transaction has left, if anything.
    pub(super) half: Option<Half>,
    /// Data steps that have run again, committed or in the open transaction.
    pub(super) caught_up: Vec<CaughtUp>,
    /// How many rows they changed in a transaction that is committed.
    pub(super) caught_up_rows: u64,
    /// Foreign key violations before the open transaction's first step.
    pub(super) violations: Option<BTreeSet<String>>,
}

impl Progress {
    /// Nothing yet of a plan.
    pub(super) const fn of(plan: &Plan) -> Self {
        Self {
            undoes: plan.undoes,
            adopted: 0,
            applied: Vec::new(),
            committed: 0,
            half: None,
            caught_up: Vec::new(),
            caught_up_rows: 0,
            violations: None,
        }
    }
}

/// Where a walk begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start<'a> {
    /// The position of the first history row.
    pub(super) position: i64,
    /// The guard must outlive the last transaction.
    pub(super) keep_guard: Keep,
    /// How long each statement takes is told.
    pub(super) timed: bool,
    /// Rows that are written before anything runs.
    pub(super) adopted: &'a [NewRow],
}

/// A walk that came to no good end.
pub(super) struct Stop {
    /// What is said of it.
    pub(super) failure: Failure,
    /// What the database said, if it was a migration that failed.
    pub(super) error: Option<DatabaseError>,
    /// The same, without what has stayed and how to go on.
    pub(super) cause: Option<Diagnostic>,
    /// The guard, if the connection lives.
    pub(super) guard: Option<Box<dyn Guard>>,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self { failure, error: None, cause: None, guard: None }
    }
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
    start: Start<'_>,
    progress: &mut Progress,
    sink: &mut dyn Sink,
) -> Result<End, Stop> {
    sink.tell(Event::RunStarted { total: plan.len() });
    let keep_guard = if plan.splits() { Keep::Needed } else { start.keep_guard };
    let clock = start.timed.then(Clock::default);
    let mut walker = Walker { run, plan, position: start.position, clock, progress, sink };
    for (index, group) in plan.groups.iter().enumerate() {
        let (adopted, catch_ups) =
            if index == 0 { (start.adopted, &plan.catch_ups[..]) } else { (&[][..], &[][..]) };
        fault_point!("group.begin", |e| before_steps(walker.progress, &e));
        match group.mode {
            Mode::Alone { foreign_keys } => {
                if !adopted.is_empty() || !catch_ups.is_empty() {
                    let begin = Begin { foreign_keys: None, keep_guard: Keep::Needed };
                    let session = walker.transaction(guard, (catch_ups, &[]), adopted, begin).await?;
                    guard = commit_group(session, walker.progress, walker.sink).await?;
                    walker.progress.adopted = adopted.len();
                }
                if let Err(stop) = walker.alone(&mut *guard, &group.steps, foreign_keys).await {
                    return Err(Stop { guard: Some(guard), ..stop });
                }
            }
            Mode::Transaction { foreign_keys } => {
                let session = walker
                    .transaction(
                        guard,
                        (catch_ups, &group.steps),
                        adopted,
                        Begin { foreign_keys, keep_guard },
                    )
                    .await?;
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
    plan: &'a Plan,
    position: i64,
    clock: Option<Clock>,
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
    ) -> Result<(), Stop> {
        for step in steps {
            fault_point!("step.alone", |e| before_steps(self.progress, &e));
            let before = match foreign_keys {
                Some(false) => Some(guard.violations().await.map_err(|e| before_steps(self.progress, &e))?),
                _ => None,
            };
            if step.resume.as_ref().is_some_and(|partial| partial.interrupted.is_some()) {
                self.sink.tell(Event::Noted(format!(
                    "statement {} of `{}` was cut off; what it has left is looked for",
                    step.from() + 1,
                    step.id
                )));
            }
            let row = self.row(step);
            self.started(step, true);
            let task = task(step, &row, self.clock.as_ref());
            let outcome = guard.run_alone(self.run, task, step.resume.as_ref(), foreign_keys).await;
            self.progress.half = outcome.as_ref().err().and_then(|failure| Half::of(step, failure));
            self.finished(step, outcome)?;
            self.progress.committed = self.progress.applied.len();
            fault_point!("step.stays", |e| rolled_back(self.progress, describe(&e)));
            if let Some(before) = before {
                let after = guard.violations().await.map_err(|e| before_steps(self.progress, &e))?;
                if let Some(found) = orphans(&before, &after) {
                    return Err(rolled_back(self.progress, found).into());
                }
            }
        }
        Ok(())
    }

    /// Steps in one transaction, behind those that run again, which stays open; a failure rolls it back.
    async fn transaction(
        &mut self,
        guard: Box<dyn Guard>,
        (catch_ups, steps): (&[Step], &[Step]),
        adopted: &[NewRow],
        begin: Begin,
    ) -> Result<Box<dyn Session>, Stop> {
        let mut session = guard.begin(begin).await.map_err(|e| before_steps(self.progress, &e))?;
        fault_point!("group.begun", |e| before_steps(self.progress, &e));
        session.write(Note::Run(self.run)).await.map_err(|e| before_steps(self.progress, &e))?;
        fault_point!("group.noted", |e| before_steps(self.progress, &e));
        if !adopted.is_empty() {
            let rows = Note::Rows(self.run, adopted);
            session.write(rows).await.map_err(|e| before_steps(self.progress, &e))?;
        }
        if begin.foreign_keys == Some(false) {
            let violations = session.violations().await.map_err(|e| before_steps(self.progress, &e))?;
            self.progress.violations = Some(violations);
        }
        for step in catch_ups {
            if let Err(stop) = self.again(&mut *session, step).await {
                return Err(undone(session, stop).await);
            }
        }
        let batch = if self.clock.is_some() { 1 } else { session.batch().max(1) };
        for batch in steps.chunks(batch) {
            fault_point!("step.begin", |e| rolled_back(self.progress, describe(&e)));
            let rows: Vec<NewRow> = batch.iter().map(|step| self.row(step)).collect();
            self.started(&batch[0], false);
            let clock = self.clock.as_ref();
            let tasks: Vec<Task<'_>> =
                batch.iter().zip(&rows).map(|(step, row)| task(step, row, clock)).collect();
            let outcomes = session.run(self.run, &tasks).await;
            for (n, (step, outcome)) in batch.iter().zip(outcomes).enumerate() {
                if n > 0 {
                    self.started(step, false);
                }
                if let Err(stop) = self.finished(step, outcome) {
                    return Err(undone(session, stop).await);
                }
            }
            fault_point!("step.ran", |e| rolled_back(self.progress, describe(&e)));
        }
        no_new_violations(session, self.progress).await
    }

    /// A data step that has run before.
    async fn again(&mut self, session: &mut dyn Session, step: &Step) -> Result<(), Stop> {
        self.sink.tell(Event::CatchUpStarted { id: step.id.clone() });
        fault_point!("catch-up.begin", |e| rolled_back(self.progress, describe(&e)));
        match session.catch_up(&step.script, &step.statements).await {
            Ok(rows) => {
                self.sink.tell(Event::CaughtUp { id: step.id.clone(), rows });
                self.progress.caught_up.push(CaughtUp { id: step.id.clone(), rows });
                fault_point!("catch-up.ran", |e| rolled_back(self.progress, describe(&e)));
                Ok(())
            }
            Err(failure) => {
                let mut cause = what_failed(step, &failure);
                cause.message = format!("the catch-up of `{}` failed", step.id);
                let told = rolled_back(self.progress, cause.clone()).transient_if(&failure.error);
                Err(Stop { failure: told, error: Some(failure.error), cause: Some(cause), guard: None })
            }
        }
    }

    fn row(&mut self, step: &Step) -> NewRow {
        let position = self.position;
        self.position += 1;
        row(step, position)
    }

    fn started(&mut self, step: &Step, alone: bool) {
        let number = self.progress.applied.len() + 1;
        self.sink.tell(Event::StepStarted { id: step.id.clone(), number, total: self.plan.len(), alone });
    }

    fn finished(&mut self, step: &Step, outcome: Result<i64, TaskFailure>) -> Result<(), Stop> {
        for (n, duration) in self.clock.as_ref().map(Clock::take).unwrap_or_default() {
            let text = &step.script.text[step.statements[n].span.clone()];
            let text = text.lines().next().unwrap_or_default().to_owned();
            self.sink.tell(Event::StatementTimed { id: step.id.clone(), number: n + 1, duration, text });
        }
        let milliseconds = outcome.map_err(|failure| {
            let told = failed(step, &failure, self.progress, self.plan);
            let cause = Some(what_failed(step, &failure));
            let told = told.transient_if(&failure.error);
            Stop { failure: told, error: Some(failure.error), cause, guard: None }
        })?;
        self.progress.applied.push(Applied { id: step.id.clone(), milliseconds });
        self.sink.tell(Event::StepFinished { id: step.id.clone(), milliseconds });
        Ok(())
    }
}

fn task<'a>(step: &'a Step, row: &'a NewRow, clock: Option<&'a Clock>) -> Task<'a> {
    let record = match step.way {
        Way::Up => Record::Applied(row),
        Way::Down => Record::Undone(&step.id, &step.formers),
    };
    Task { script: &step.script, statements: &step.statements, record, clock }
}

fn row(step: &Step, position: i64) -> NewRow {
    NewRow {
        id: step.id.clone(),
        checksum: step.script.hash,
        kind: RowKind::Applied,
        position,
        executed_at: None,
        execution_ms: None,
        formers: step.formers.clone(),
    }
}

async fn commit_group(
    session: Box<dyn Session>,
    progress: &mut Progress,
    sink: &mut dyn Sink,
) -> Result<Box<dyn Guard>, Stop> {
    fault_point!("group.commit", |e| rolled_back(progress, describe(&e)));
    sink.tell(Event::CommitStarted);
    match session.commit().await {
        Ok((_, guard)) => {
            sink.tell(Event::Committed);
            progress.committed = progress.applied.len();
            progress.caught_up_rows = progress.caught_up.iter().map(|one| one.rows).sum();
            progress.violations = None;
            fault_point!("group.committed", |e| rolled_back(progress, describe(&e)));
            Ok(guard)
        }
        Err(CommitError::RolledBack(error)) => {
            let refused = Diagnostic::new("the commit of a group was refused").cause(&error);
            Err(rolled_back(progress, refused).transient_if(&error).into())
        }
        Err(CommitError::Unknown(error)) => Err(Failure::new(
            Kind::Unknown,
            Diagnostic::new("the connection broke during a commit: nobody knows whether it happened")
                .cause(&error)
                .help("run `db-migrations status`: it says what has run"),
        )
        .into()),
    }
}

/// Rolls the open transaction back, and says so if that could not undo all of it.
pub(super) async fn undone(session: Box<dyn Session>, stop: Stop) -> Stop {
    match session.rollback().await {
        Ok(rolled) => {
            let failure = match rolled.left {
                None => stop.failure,
                Some(left) => not_taken_back(stop.failure, left),
            };
            Stop { guard: Some(rolled.guard), failure, ..stop }
        }
        Err(_) => stop,
    }
}

/// With foreign keys off, rows may point nowhere: compared with before the run.
async fn no_new_violations(
    mut session: Box<dyn Session>,
    progress: &Progress,
) -> Result<Box<dyn Session>, Stop> {
    let Some(before) = &progress.violations else { return Ok(session) };
    let after = match session.violations().await {
        Ok(after) => after,
        Err(error) => return Err(rolled_back(progress, describe(&error)).into()),
    };
    let Some(found) = orphans(before, &after) else { return Ok(session) };
    Err(undone(session, rolled_back(progress, found).into()).await)
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
