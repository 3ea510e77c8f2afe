//! `migrate`: the main job.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clap::ValueEnum;

use super::context::{self, Context};
use super::{Done, Exit, Format, Global, plan};
use crate::config::Rehearsal;
use crate::database::Connect;
use crate::diagnostic::Diagnostic;
use crate::drift::Change;
use crate::engine::{self, CheckMode, Failure, FailureKind, LockMode, Migrated, Outcome, Request, Verdict};
use crate::event::{Event, Silence, Sink};
use crate::id::MigrationId;
use crate::report::count;
use crate::report::human::{self, Reporter};
use crate::report::json;

/// Run all pending migrations in locked order, in one transaction, and check the schema
///
/// New migrations are appended to the lock, which is written after the commit. With `--locked` the lock
/// must fit already: a difference is an error, and nothing is written. Any failure, of a statement or of
/// the schema check, rolls everything back. MariaDB and MySQL commit at every DDL statement: there a run is
/// rehearsed on a scratch database first, goes statement by statement, and a failure says what has stayed.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Args {
    #[command(flatten)]
    from: context::From,
    /// Refuse to run when the lock or the snapshot would change (production and CI); `--bundle` implies it
    #[arg(long)]
    locked: bool,
    /// Show what would run; write nothing, not even the history table
    #[arg(long)]
    dry_run: bool,
    /// Accept a run that cannot be one transaction
    #[arg(long)]
    allow_split: bool,
    /// Try on a scratch database first what the database commits bit by bit (MariaDB, MySQL) [default: try]
    #[arg(long, value_enum, value_name = "WHEN")]
    rehearsal: Option<Rehearsing>,
    /// After a failure, undo this run's whole migrations by their down scripts
    #[arg(long)]
    compensate: bool,
    /// How long to wait for another run, in seconds [default: 300]
    #[arg(long, value_name = "SECONDS")]
    guard_wait: Option<u64>,
    /// What a schema difference does; all but `fail` need `--reason`
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = SchemaCheck::Fail)]
    schema_check: SchemaCheck,
    /// Why the check is softened; kept in the history
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Rehearsing {
    /// Where it can be
    Try,
    /// Run nothing without
    Require,
    /// Never
    Off,
}

impl Rehearsing {
    const fn value(self) -> Rehearsal {
        match self {
            Self::Try => Rehearsal::Try,
            Self::Require => Rehearsal::Require,
            Self::Off => Rehearsal::Off,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SchemaCheck {
    /// Refuse the run: roll back, or say what has stayed
    Fail,
    /// Accept the run, and say what differs
    Warn,
    /// Do not compare
    Off,
}

pub(super) async fn run(global: &Global, args: Args) -> Result<Done, Failure> {
    let check = match args.schema_check {
        SchemaCheck::Fail => CheckMode::Fail,
        SchemaCheck::Warn => CheckMode::Warn,
        SchemaCheck::Off => CheckMode::Off,
    };
    if check != CheckMode::Fail && args.reason.is_none() {
        return Err(Failure::new(
            FailureKind::Usage,
            Diagnostic::new("`--schema-check` is softened without a reason")
                .help("add `--reason TEXT`: it is kept in the history"),
        ));
    }
    let context = Context::open(global, &args.from)?;
    let connect = context.connector(!args.dry_run)?;
    let mode = if args.locked || args.from.is_bundle() { LockMode::Locked } else { LockMode::Update };
    let request = Request {
        connect: &*connect,
        mode,
        dry_run: args.dry_run,
        allow_split: args.allow_split || context.config.policy.allow_split,
        rehearsal: args.rehearsal.map_or(context.config.policy.rehearsal, Rehearsing::value),
        compensate: args.compensate,
        guard_wait: args.guard_wait.map_or(context.config.database.guard_wait, Duration::from_secs),
        check,
        reason: args.reason,
        user: context::user(),
    };
    let mut project = context.project()?;
    // what can be mended in a folder is said where the lock may change, not in every deploy
    if mode == LockMode::Update {
        for warning in std::mem::take(&mut project.discovery.warnings) {
            reporter(global).tell(Event::Warned(warning));
        }
    }
    let seen = Arc::new(Mutex::new(Seen::default()));
    let mut sink = Watching { inner: reporter(global), seen: Arc::clone(&seen) };
    let outcome = interruptible(engine::migrate(&mut project, &request, &mut sink), &seen).await?;
    drop(sink);
    let warnings = std::mem::take(&mut peek(&seen).warnings);
    let with_warnings = |mut rest: serde_json::Value| {
        rest["warnings"] = warnings.into();
        rest
    };
    match outcome {
        Outcome::NothingToDo(prepared) => {
            if global.format == Format::Human {
                human::line("nothing to do: all locked migrations have run");
            }
            Ok(Done::new(Exit::Done, "nothing-to-do", with_warnings(json::prepared(&prepared))))
        }
        Outcome::Planned(prepared) => {
            if global.format == Format::Human {
                plan::print(&prepared);
                human::line("dry run: nothing was written");
            }
            let (exit, outcome) = plan::verdict(&prepared, request.allow_split, false);
            Ok(Done::new(exit, outcome, with_warnings(json::prepared(&prepared))))
        }
        Outcome::Migrated(migrated) => {
            if global.format == Format::Human {
                print(&migrated, global.quiet);
            }
            Ok(Done::new(Exit::Done, "migrated", with_warnings(json::migrated(&migrated))))
        }
    }
}

/// Who listens: people on a terminal, nobody when the output is for machines.
pub(super) fn reporter(global: &Global) -> Box<dyn Sink> {
    match global.format {
        Format::Human => Box::new(Reporter::new(global.quiet)),
        Format::Json => Box::new(Silence),
    }
}

/// What has been seen of a run, for the case that a signal ends it.
#[derive(Default)]
struct Seen {
    /// A commit was sent, and its answer is not there yet.
    committing: bool,
    /// A migration outside of a transaction has begun, and not ended.
    alone: Option<MigrationId>,
    /// Ended in the open transaction.
    open: Vec<MigrationId>,
    /// Ended and committed.
    committed: Vec<MigrationId>,
    /// All warnings, for machines.
    warnings: Vec<serde_json::Value>,
}

/// Passes events on, and remembers what an interrupt must tell.
struct Watching {
    inner: Box<dyn Sink>,
    seen: Arc<Mutex<Seen>>,
}

impl Seen {
    fn note(&mut self, event: &Event) {
        match event {
            Event::Warned(diagnostic) => self.warnings.push(json::diagnostic(diagnostic)),
            Event::CommitStarted => self.committing = true,
            Event::StepStarted { id, alone, .. } => {
                self.committing = false;
                self.alone = alone.then(|| id.clone());
            }
            Event::StepFinished { id, .. } if self.alone.take().is_some() => self.committed.push(id.clone()),
            Event::StepFinished { id, .. } => self.open.push(id.clone()),
            Event::Undone { id } => self.committed.retain(|committed| committed != id),
            Event::Committed => {
                self.committing = false;
                self.committed.append(&mut self.open);
            }
            _ => {}
        }
    }

    /// The truth about an interrupted run.
    fn interrupted(&self) -> Failure {
        let diagnostic = Diagnostic::new("interrupted");
        if self.committed.is_empty() && self.alone.is_none() {
            let note = "the connection is closed: the database rolls back what was open";
            return Failure::new(FailureKind::Interrupted, diagnostic.note(note));
        }
        let mut diagnostic =
            diagnostic.help("`db-migrations status` says what has run; run `migrate` again to go on");
        if !self.committed.is_empty() {
            let ids: Vec<String> = self.committed.iter().map(|id| format!("`{id}`")).collect();
            diagnostic.notes.push(format!("committed before, and stayed: {}", ids.join(", ")));
        }
        diagnostic.notes.extend(self.alone.as_ref().map(|id| {
            format!("`{id}` runs outside of a transaction: the statements that it finished stayed, and one at work may go on at the server")
        }));
        Failure::new(FailureKind::Stayed, diagnostic)
    }
}

impl Sink for Watching {
    fn tell(&mut self, event: Event) {
        peek(&self.seen).note(&event);
        self.inner.tell(event);
    }
}

fn peek(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs until it ends or a signal comes. Dropping the run closes its connection, which rolls back;
/// from the commit on it is not dropped any more: the end is near, and its answer is needed.
async fn interruptible<T>(
    run: impl Future<Output = Result<T, Failure>>,
    seen: &Mutex<Seen>,
) -> Result<T, Failure> {
    let mut run = std::pin::pin!(run);
    tokio::select! {
        biased;
        result = &mut run => return result,
        () = signal() => {}
    }
    if peek(seen).committing {
        human::note("interrupted during the commit: waiting for its answer");
        return run.await;
    }
    Err(peek(seen).interrupted())
}

/// Waits for Ctrl-C or a request to end.
async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

fn print(migrated: &Migrated, quiet: bool) {
    let lines: Vec<String> = migrated
        .applied
        .iter()
        .filter(|_| !quiet)
        .map(|applied| format!("applied {} ({} ms)\n", applied.id, applied.milliseconds))
        .collect();
    human::raw(&crate::report::clean(&lines.concat()));
    let total: i64 = migrated.applied.iter().map(|applied| applied.milliseconds).sum();
    if migrated.applied.is_empty() {
        let verdict = verdict(&migrated.verdict);
        human::line(&format!("nothing had to run; lock and history are in step; schema check: {verdict}"));
        return;
    }
    let what = count(migrated.applied.len(), "migration", "migrations");
    human::line(&format!("{what} committed ({total} ms); schema check: {}", verdict(&migrated.verdict)));
}

/// What the check said, in words.
pub(super) fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Passed(drift) => {
            let extra = drift.notes.iter().filter(|note| note.change == Change::Extra).count();
            match extra {
                0 => "passed".to_owned(),
                1 => "passed (1 extra object, see `db-migrations schema check`)".to_owned(),
                n => format!("passed ({n} extra objects, see `db-migrations schema check`)"),
            }
        }
        other => other.word(),
    }
}

/// A connector for commands that only look.
pub(super) fn looking(context: &Context) -> Result<Box<dyn Connect>, Failure> {
    context.connector(false)
}
