//! Watching a run: who is told of it, and what must be said when a signal ends it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Format, Global};
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
        Format::Json => Box::new(Silence),
    }
}

/// What has been seen of a run, for the case that a signal ends it.
#[derive(Default)]
pub(super) struct Seen {
    /// Down scripts may run.
    may_undo: bool,
    /// A commit was sent, and its answer is not there yet.
    committing: bool,
    /// A migration outside of a transaction has begun, and not ended.
    alone: Option<MigrationId>,
    /// Ended in the open transaction.
    open: Vec<MigrationId>,
    /// Ended and committed.
    committed: Vec<MigrationId>,
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
        match event {
            Event::StatementTimed { id, number, duration, .. } => self.statements.push(serde_json::json!({
                "id": id.as_str(),
                "statement": number,
                "execution_ms": duration.as_secs_f64() * 1000.0,
            })),
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
        let on = if self.may_undo {
            "`db-migrations list` says what has run; look there before you type the command again"
        } else {
            "`db-migrations status` says what has run; run `db-migrations migrate` again to go on"
        };
        let mut diagnostic = diagnostic.help(on);
        if !self.committed.is_empty() {
            let ids: Vec<String> = self.committed.iter().map(|id| format!("`{id}`")).collect();
            diagnostic.notes.push(format!("done before, and committed: {}", ids.join(", ")));
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

pub(super) fn peek(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs until it ends or a signal comes. Dropping the run closes its connection, which rolls back;
/// from the commit on it is not dropped any more: the end is near, and its answer is needed.
pub(super) async fn interruptible<T>(
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
