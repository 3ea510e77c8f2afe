//! Maintenance mode around a run: on before its first statement, off after a good end or a clean rollback, kept
//! on where something stayed or nobody knows.
//!
//! Which end is which is decided here; how it is switched, `crate::maintenance` knows. The end is an explicit step
//! of the run, or of who dropped it; only where nobody takes it (a panic) does the drop of the keeper end it, by
//! what was heard of the run until then.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::{self, MaintenanceWay as Way, OnFailure};
use crate::database::NewRun;
use crate::diagnostic::{Diagnostic, count};
use crate::event::{Event, Sink};
use crate::maintenance::{self as port, Beats, End, Keeper, Mark, Owner, Put, State};
use crate::plan::Plan;

use super::failure::{Failure, Kind};
use super::migrate::{Outcome, Request};

/// What is said where our mark is gone at the end.
const TAKEN: &str = "somebody else has switched maintenance mode meanwhile: this run leaves it so";

/// Maintenance mode for one run, with all its tries.
pub struct Maintenance {
    config: config::Maintenance,
    folder: PathBuf,
    held: Mutex<Option<Keeper>>,
    /// The mark of somebody else goes before ours.
    is_left: AtomicBool,
    /// An earlier run had left it on.
    is_taken_over: AtomicBool,
    /// Something may stay of the run, if it ends now.
    keeps: Arc<AtomicBool>,
    word: Mutex<Option<&'static str>>,
}

impl Maintenance {
    /// As the configuration says; `None` where it says nothing.
    pub fn new(config: &config::Maintenance, folder: &Path) -> Option<Self> {
        config.way.as_ref()?;
        Some(Self {
            config: config.clone(),
            folder: folder.to_owned(),
            held: Mutex::default(),
            is_left: AtomicBool::new(false),
            is_taken_over: AtomicBool::new(false),
            keeps: Arc::default(),
            word: Mutex::default(),
        })
    }

    /// What became of it: `off`, `kept`, `left` (to somebody else who had switched it on) or `unknown`; `None` if
    /// nothing was switched.
    pub fn word(&self) -> Option<&'static str> {
        *lock(&self.word)
    }

    /// Switches it on; what cannot be told to the application does not begin. Between two tries it stays on.
    async fn begin(&self, run: &NewRun, sink: &mut dyn Sink) -> Result<(), Failure> {
        let held = lock(&self.held).take();
        let is_first = held.is_none();
        let keeper = match held {
            Some(keeper) => keeper,
            None => self.keeper(run).map_err(refused)?,
        };
        let put = keeper.on().await.map_err(refused)?;
        let left = match put {
            Put::Done(_) => None,
            Put::TakenOver(_) => {
                self.is_taken_over.store(true, Ordering::Release);
                None
            }
            Put::Left(mark) => Some(mark.shown()),
        };
        self.is_left.store(left.is_some(), Ordering::Release);
        *lock(&self.held) = Some(keeper);
        if is_first {
            let place = port::open(&self.config, &self.folder).ok().flatten();
            let place = place.map(|switch| switch.place()).unwrap_or_default();
            sink.tell(Event::MaintenanceOn { place, left });
        }
        Ok(())
    }

    fn keeper(&self, run: &NewRun) -> Result<Keeper, Diagnostic> {
        let Some(switch) = port::open(&self.config, &self.folder)? else {
            return Err(Diagnostic::new("nothing says how maintenance mode is switched"));
        };
        let mark = Mark {
            run: Some(run.id.clone()),
            reason: run.reason.clone(),
            message: self.config.message.clone(),
            retry_after: self.config.retry_after.map(|time| time.as_secs()),
            ..Mark::new(Owner::Run, &run.user, self.config.heartbeat)
        };
        Keeper::new(switch, mark, Arc::clone(&self.keeps))
            .map_err(|error| Diagnostic::new("no thread can be started").cause(error))
    }

    /// Ends it as the end of the run wants it. Nothing happens the second time.
    pub async fn settle<T>(&self, ended: Result<T, Failure>, sink: &mut dyn Sink) -> Result<T, Failure> {
        let end = match &ended {
            Err(failure) => self.end_of(failure.kind),
            Ok(_) => End::Off,
        };
        let is_kept = self.finish(end, sink).await;
        ended.map_err(|mut failure| {
            failure.maintenance = self.word();
            if let Some(last) = failure.diagnostics.last_mut().filter(|_| is_kept) {
                last.notes.push("maintenance mode stays on".to_owned());
                last.help.push(
                    "the next run that ends well switches maintenance mode off, or `db-migrations maintenance off`".to_owned(),
                );
            }
            failure
        })
    }

    fn end_of(&self, kind: Kind) -> End {
        let may_stay = match kind {
            Kind::Stayed | Kind::Unknown => true,
            Kind::Bug => self.keeps.load(Ordering::Acquire),
            // an earlier run did leave something: this one has not mended it
            _ => self.is_taken_over.load(Ordering::Acquire),
        };
        if may_stay && self.config.on_failure == OnFailure::Keep { End::Kept } else { End::Off }
    }

    /// Whether it was on, and is kept.
    async fn finish(&self, end: End, sink: &mut dyn Sink) -> bool {
        let Some(keeper) = lock(&self.held).take() else { return false };
        let is_left = self.is_left.load(Ordering::Acquire);
        let ended = keeper.end(end).await;
        let (word, event) = match (&ended, end) {
            (Err(_), _) => ("unknown", None),
            (Ok(_), End::Kept) => ("kept", Some(Event::MaintenanceKept)),
            (Ok(beats), End::Off) if beats.was_ours => ("off", Some(Event::MaintenanceOff)),
            (Ok(_), End::Off) if is_left => ("left", None),
            (Ok(_), End::Off) => ("left", Some(Event::Noted(TAKEN.to_owned()))),
        };
        *lock(&self.word) = Some(word);
        match ended {
            Ok(beats) => {
                if let Some(fault) = weak(beats) {
                    sink.tell(Event::Warned(fault));
                }
            }
            Err(fault) => sink.tell(Event::Warned(unsettled(fault, end))),
        }
        if let Some(event) = event {
            sink.tell(event);
        }
        end == End::Kept && word == "kept"
    }
}

/// Switches it on for a run that will do something.
pub(super) async fn begin(
    request: &Request<'_>,
    plan: &Plan,
    run: &NewRun,
    sink: &mut dyn Sink,
) -> Result<(), Failure> {
    match request.maintenance {
        Some(maintenance) if !plan.is_empty() => maintenance.begin(run, sink).await,
        _ => Ok(()),
    }
}

/// Switches it off after a good end, if it is on.
pub(super) async fn end(request: &Request<'_>, sink: &mut dyn Sink) {
    if let Some(maintenance) = request.maintenance {
        maintenance.finish(End::Off, sink).await;
    }
}

/// Where all has run without a statement of this run, what an earlier one had left on is over: a person has mended
/// it, or an outcome that nobody knew is known.
pub(super) async fn lift(maintenance: &Maintenance, ended: &Result<Outcome, Failure>, sink: &mut dyn Sink) {
    let prepared = match ended {
        Ok(Outcome::NothingToDo(prepared)) => prepared,
        Ok(Outcome::Migrated(migrated)) => &migrated.prepared,
        Ok(Outcome::Planned(_)) | Err(_) => return,
    };
    let is_over = prepared.plan.is_empty() && prepared.plan.remaining == 0 && !prepared.plan.undoes;
    let is_free = lock(&maintenance.held).is_none();
    if !is_over || !is_free || !matches!(maintenance.config.way, Some(Way::File(_) | Way::Redis { .. })) {
        return;
    }
    let (config, folder) = (maintenance.config.clone(), maintenance.folder.clone());
    match tokio::task::spawn_blocking(move || lift_left(&config, &folder)).await {
        Ok(Ok(true)) => {
            *lock(&maintenance.word) = Some("off");
            sink.tell(Event::MaintenanceOff);
        }
        Ok(Ok(false)) | Err(_) => {}
        Ok(Err(fault)) => {
            let mut diagnostic =
                Diagnostic::new("nobody knows whether an earlier run has left maintenance mode on");
            diagnostic.causes = [vec![fault.message], fault.causes].concat();
            sink.tell(Event::Warned(diagnostic.help("`db-migrations maintenance status` says it")));
        }
    }
}

/// Takes away the mark that a run has left on, if there is one.
fn lift_left(config: &config::Maintenance, folder: &Path) -> Result<bool, Diagnostic> {
    let Some(mut switch) = port::open(config, folder)? else { return Ok(false) };
    match switch.state()? {
        State::On(mark) if mark.kept && mark.owner == Owner::Run => switch.off(Some(&mark)),
        _ => Ok(false),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn refused(fault: Diagnostic) -> Failure {
    let mut diagnostic = Diagnostic::new("maintenance mode cannot be switched on, so nothing has run");
    diagnostic.causes = [vec![fault.message], fault.causes].concat();
    diagnostic.notes = fault.notes;
    diagnostic.help = fault.help;
    Failure::new(Kind::Refused, diagnostic.help("or run without it: `--no-maintenance`"))
}

fn unsettled(fault: Diagnostic, end: End) -> Diagnostic {
    let message = match end {
        End::Off => "maintenance mode could not be switched off: it may still be on",
        End::Kept => "maintenance mode could not be told to stay on: it may go off by itself",
    };
    let way = match end {
        End::Off => "switch it off with `db-migrations maintenance off`",
        End::Kept => "switch it on with `db-migrations maintenance on`",
    };
    let mut diagnostic = Diagnostic::new(message);
    diagnostic.causes = [vec![fault.message], fault.causes].concat();
    diagnostic.notes = fault.notes;
    diagnostic.help(way)
}

/// A heartbeat that failed now and then.
fn weak(beats: Beats) -> Option<Diagnostic> {
    let fault = beats.fault?;
    let failed = count(beats.failed as usize, "heartbeat", "heartbeats");
    let mut diagnostic = Diagnostic::new(format!("{failed} of maintenance mode failed during the run"));
    diagnostic.causes = [vec![fault.message], fault.causes].concat();
    Some(diagnostic.note("where several in a row did, the application may have worked meanwhile"))
}

/// Passes events on, and remembers whether something may stay of the run.
pub(super) struct Listening<'a> {
    pub(super) maintenance: &'a Maintenance,
    pub(super) sink: &'a mut dyn Sink,
}

impl Sink for Listening<'_> {
    fn tell(&mut self, event: Event) {
        let keeps = &self.maintenance.keeps;
        match &event {
            Event::StepStarted { alone: true, .. } | Event::CommitStarted | Event::Committed => {
                keeps.store(self.maintenance.config.on_failure == OnFailure::Keep, Ordering::Release);
            }
            Event::RunStarted { .. } => keeps.store(false, Ordering::Release),
            _ => {}
        }
        self.sink.tell(event);
    }
}
