//! Watching a run: who is told of it, and what must be said when a signal ends it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Format, Global};
use crate::database::{Connect, Holder};
use crate::diagnostic::Diagnostic;
use crate::engine::{Failure, FailureKind};
use crate::event::{Event, Silence, Sink};
use crate::id::MigrationId;
use crate::report::human::{self, Reporter};
use crate::report::json;

/// Who listens: people on a terminal, nobody when the output is for machines.
pub(super) fn reporter(global: &Global) -> Box<dyn Sink> {
    match global.format {
        Format::Human => Box::new(Reporter::new(global.quiet)),
        Format::Json | Format::Github | Format::Sarif => Box::new(Silence),
    }
}

/// What has been seen of a run, for the case that a signal ends it.
#[derive(Default)]
pub(super) struct Seen {
    /// Down scripts may run.
    may_undo: bool,
    /// How many migrations the run has.
    total: usize,
    /// The last commit is answered.
    finished: bool,
    /// A commit was sent, and its answer is not there yet.
    committing: bool,
    /// A migration is at work since then.
    step_since: Option<Instant>,
    /// Who was in its way when that was looked at last.
    blockers: Vec<String>,
    /// A migration outside of a transaction has begun, and not ended.
    alone: Option<MigrationId>,
    /// Ended in the open transaction.
    open: Vec<MigrationId>,
    /// Ended and committed.
    committed: Vec<MigrationId>,
    /// Rows that data steps have changed again, in the open transaction and committed.
    caught_up: [u64; 2],
    /// How long each statement took, for machines.
    pub(super) statements: Vec<serde_json::Value>,
    /// All warnings, for machines.
    pub(super) warnings: Vec<serde_json::Value>,
}

/// Passes events on, and remembers what an interrupt must tell.
pub(super) struct Watching {
    pub(super) inner: Box<dyn Sink>,
    pub(super) seen: Arc<Mutex<Seen>>,
}

impl Seen {
    /// Nothing yet, of what may undo or not.
    pub(super) fn new(may_undo: bool) -> Self {
        Self { may_undo, ..Self::default() }
    }

    fn note(&mut self, event: &Event) {
        if matches!(event, Event::StepFinished { .. } | Event::CaughtUp { .. }) {
            self.step_since = None;
        }
        match event {
            Event::StatementTimed { id, number, duration, .. } => self.statements.push(serde_json::json!({
                "id": id.as_str(),
                "statement": number,
                "execution_ms": duration.as_secs_f64() * 1000.0,
            })),
            Event::Warned(diagnostic) => self.warnings.push(json::diagnostic(diagnostic)),
            Event::CatchUpStarted { .. } => self.step_since = Some(Instant::now()),
            Event::CaughtUp { rows, .. } => self.caught_up[0] += rows,
            Event::RunStarted { total } => self.begin(*total),
            Event::CommitStarted => {
                self.committing = true;
                self.step_since = None;
            }
            Event::StepStarted { id, alone, .. } => {
                self.committing = false;
                self.step_since = Some(Instant::now());
                self.alone = alone.then(|| id.clone());
            }
            Event::StepFinished { id, .. } if self.alone.take().is_some() => self.committed.push(id.clone()),
            Event::StepFinished { id, .. } => self.open.push(id.clone()),
            Event::Undone { id } => self.committed.retain(|committed| committed != id),
            Event::Committed => {
                self.committing = false;
                self.finished = self.committed.len() + self.open.len() >= self.total;
                self.committed.append(&mut self.open);
                self.caught_up = [0, self.caught_up[0] + self.caught_up[1]];
            }
            _ => {}
        }
    }

    /// A run begins, or begins again.
    fn begin(&mut self, total: usize) {
        self.total = total;
        self.open.clear();
        self.caught_up[0] = 0;
        self.alone = None;
        self.committing = false;
        self.finished = false;
    }

    /// The last commit was sent: only its answer and the writing of the files are left.
    fn ending(&self) -> Option<Ending> {
        if self.committing {
            return Some(Ending::Commit);
        }
        (self.finished && self.open.is_empty()).then_some(Ending::Files)
    }

    /// The truth about an interrupted run, of which nothing is at work any more (`ended`), or may be.
    fn interrupted(&self, ended: bool) -> Failure {
        let diagnostic = Diagnostic::new("interrupted");
        if self.committed.is_empty() && self.alone.is_none() && self.caught_up[1] == 0 {
            let note = if ended {
                "the connection is closed: the database has rolled back what was open"
            } else {
                "the connection is closed: the database rolls back what was open"
            };
            return Failure::new(FailureKind::Interrupted, diagnostic.note(note));
        }
        let on = if self.may_undo {
            "`db-migrations list` says what has run; look there before you type the command again"
        } else {
            "`db-migrations status` says what has run; the same command again goes on"
        };
        let mut diagnostic = diagnostic.help(on);
        if self.caught_up[1] > 0 {
            diagnostic.notes.push("rows that were caught up before stay so".to_owned());
        }
        if !self.committed.is_empty() {
            let ids: Vec<String> = self.committed.iter().map(|id| format!("`{id}`")).collect();
            diagnostic.notes.push(format!("done before, and committed: {}", ids.join(", ")));
        }
        diagnostic.notes.extend(self.alone.as_ref().map(|id| {
            let last = if ended { "was ended" } else { "may go on at the server" };
            format!("`{id}` runs outside of a transaction: statements that it has finished stay, and one at work {last}")
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

pub(super) fn peek(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs until it ends or a signal comes. Dropping the run closes its connection; what it left at work is ended
/// at the server, so that what was open is rolled back by the time that is said. From the last commit on it
/// is not dropped any more: the end is near, and its answer is needed. A second signal ends at once.
pub(super) async fn interruptible<T>(
    mut run: Pin<Box<dyn Future<Output = Result<T, Failure>> + '_>>,
    seen: &Mutex<Seen>,
    connect: &dyn Connect,
    global: &Global,
) -> Result<T, Failure> {
    let mut signals = Signals::listen();
    tokio::select! {
        biased;
        result = &mut run => return with_blockers(result, seen),
        _ = signals.next() => {}
        () = tell_blockers(seen, connect, global.format == Format::Human) => {}
    }
    let ending = peek(seen).ending();
    if let Some(ending) = ending {
        human::note(match ending {
            Ending::Commit => "interrupted during the commit: waiting for its answer",
            Ending::Files => "interrupted after the commit: the run ends in good order",
        });
        return tokio::select! {
            biased;
            result = &mut run => result,
            _ = signals.next() => Err(twice(ending)),
        };
    }
    drop(run);
    let ended = tokio::select! {
        biased;
        ended = connect.end_sessions() => ended,
        _ = signals.next() => false,
    };
    Err(peek(seen).interrupted(ended))
}

/// What is left of a run when its last commit was sent.
#[derive(Clone, Copy)]
enum Ending {
    /// The answer.
    Commit,
    /// Writing the files, and freeing the guard.
    Files,
}

/// The end of a run that was interrupted a second time.
fn twice(ending: Ending) -> Failure {
    match ending {
        Ending::Commit => Failure::new(
            FailureKind::Unknown,
            Diagnostic::new("interrupted twice during the commit: nobody waited for its answer")
                .help("`db-migrations status` says what has run; run `db-migrations migrate` again to go on"),
        ),
        Ending::Files => Failure::new(
            FailureKind::Stayed,
            Diagnostic::new("interrupted twice after the commit")
                .note("the run is committed: the database is migrated")
                .help("run `db-migrations migrate` again: it writes what the lock and the snapshot lack"),
        ),
    }
}

/// Says who is in the way of a statement that takes long; never ends. It is asked at once and then more and more
/// seldom: most long statements wait for nobody.
async fn tell_blockers(seen: &Mutex<Seen>, connect: &dyn Connect, aloud: bool) {
    let (mut step, mut wait) = (None, SOON);
    loop {
        tokio::time::sleep(wait).await;
        let since = peek(seen).step_since;
        if since.is_none() || since != step {
            (step, wait) = (since, SOON);
            continue;
        }
        let blockers: Vec<String> = connect.blockers().await.iter().map(blocker).collect();
        wait = if blockers.is_empty() { wait.saturating_mul(2).min(SELDOM) } else { SOON };
        let mut seen = peek(seen);
        if seen.blockers != blockers && !blockers.is_empty() {
            for line in blockers.iter().filter(|_| aloud) {
                human::note(&format!("waiting for a lock of {line}"));
            }
            seen.blockers = blockers;
        }
    }
}

/// How long a statement may take before it is asked who is in its way.
const SOON: Duration = Duration::from_millis(300);

/// How long it may be until that is asked again.
const SELDOM: Duration = Duration::from_secs(5);

fn blocker(holder: &Holder) -> String {
    let mut line = holder.who.clone();
    line.extend(holder.since.iter().map(|since| format!(", since {since}")));
    line.extend(holder.query_line().map(|query| format!(": `{query}`")));
    line.extend(holder.remedy.iter().map(|remedy| format!("; to end it: `{remedy}`")));
    line
}

/// Whoever was in the way is named with the failure: by then it may be gone.
fn with_blockers<T>(result: Result<T, Failure>, seen: &Mutex<Seen>) -> Result<T, Failure> {
    result.map_err(|mut failure| {
        if let Some(diagnostic) = failure.diagnostics.first_mut().filter(|_| failure.transient) {
            diagnostic
                .notes
                .extend(peek(seen).blockers.iter().map(|line| format!("the lock was held by {line}")));
        }
        failure
    })
}

/// A request to end.
#[derive(Clone, Copy)]
pub(super) enum Signal {
    /// Of somebody at a terminal, mostly.
    Interrupt,
    /// Of what has started us.
    Terminate,
}

/// Requests to end. Listened to from the beginning: one that comes between two looks is not lost.
pub(super) struct Signals {
    #[cfg(unix)]
    streams: Option<[tokio::signal::unix::Signal; 2]>,
}

impl Signals {
    #[cfg(unix)]
    pub(super) fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let both =
            signal(SignalKind::interrupt()).and_then(|one| Ok([one, signal(SignalKind::terminate())?]));
        Self { streams: both.ok() }
    }

    #[cfg(not(unix))]
    pub(super) fn listen() -> Self {
        Self {}
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> Signal {
        #[cfg(unix)]
        if let Some([interrupt, terminate]) = &mut self.streams {
            return tokio::select! {
                _ = interrupt.recv() => Signal::Interrupt,
                _ = terminate.recv() => Signal::Terminate,
            };
        }
        let _ = tokio::signal::ctrl_c().await;
        Signal::Interrupt
    }
}
