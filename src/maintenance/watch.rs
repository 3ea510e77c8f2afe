//! Looking at maintenance mode from an application: a thread asks now and then, everybody else reads what it
//! found last.
//!
//! So no request ever waits for a look-up, and a server that is slow to answer slows down nothing. What is done
//! with the answer, this does not know.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::{Mark, State, Switch};

/// What holds while the state cannot be read, and nothing that was read before holds any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unreadable {
    /// Maintenance mode counts as off: a store that is down must not take the application down.
    #[default]
    Off,
    /// It counts as on: rather nobody works than somebody on a half-migrated database.
    On,
}

/// How maintenance mode is looked at.
pub struct Watcher {
    switch: Box<dyn Switch>,
    interval: Duration,
    unreadable: Unreadable,
}

impl Watcher {
    /// The time between two look-ups; one second unless it is said.
    #[must_use]
    pub fn every(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    /// What holds while the state cannot be read.
    #[must_use]
    pub fn when_unreadable(self, unreadable: Unreadable) -> Self {
        Self { unreadable, ..self }
    }

    /// Looks, and goes on looking until the last clone of the watch is dropped. Returns after the first look-up, so that
    /// an application that starts in the middle of a run knows that; a file takes no time, a Redis server that does
    /// not answer some seconds.
    pub fn start(self) -> std::io::Result<Watch> {
        let shared = Arc::new(Shared::default());
        let (first, looked) = mpsc::channel();
        let weak = Arc::downgrade(&shared);
        std::thread::Builder::new()
            .name("maintenance-watch".to_owned())
            .spawn(move || look_on(self, &weak, &first))?;
        let _ = looked.recv();
        Ok(Watch { shared })
    }
}

/// What was found at the last look.
#[derive(Default)]
struct Shared {
    is_on: AtomicBool,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    mark: Arc<Mark>,
    fault: Option<String>,
}

impl Shared {
    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether maintenance mode is on, as of the last look. Clones share it.
#[derive(Clone)]
pub struct Watch {
    shared: Arc<Shared>,
}

impl Watch {
    /// How this one is looked at.
    pub fn of(switch: impl Switch + 'static) -> Watcher {
        Watcher {
            switch: Box::new(switch),
            interval: Duration::from_secs(1),
            unreadable: Unreadable::default(),
        }
    }

    /// The mark while it is on.
    pub fn mark(&self) -> Option<Arc<Mark>> {
        self.shared.is_on.load(Ordering::Acquire).then(|| Arc::clone(&self.shared.found().mark))
    }

    /// Why the last look-up failed, if it did.
    pub fn fault(&self) -> Option<String> {
        self.shared.found().fault.clone()
    }
}

/// The thread: sleeps between look-ups, and ends when nobody is interested any more.
fn look_on(mut watcher: Watcher, shared: &Weak<Shared>, first: &mpsc::Sender<()>) {
    let mut known = None;
    loop {
        let looked = watcher.switch.state().map_err(|fault| {
            let causes = fault.causes.iter().map(|cause| format!(": {cause}"));
            fault.message.clone() + &causes.collect::<String>()
        });
        let Some(shared) = shared.upgrade() else { return };
        let (mark, fault) = match looked {
            Ok(State::On(mark)) => {
                known = Some((mark.clone(), Instant::now()));
                (Some(mark), None)
            }
            Ok(State::Off | State::Stale(_)) => {
                known = None;
                (None, None)
            }
            Err(fault) => (unread(known.as_ref(), watcher.unreadable), Some(fault)),
        };
        let is_on = mark.is_some();
        {
            let mut found = shared.found();
            found.fault = fault;
            if let Some(mark) = mark {
                found.mark = Arc::new(mark);
            }
        }
        shared.is_on.store(is_on, Ordering::Release);
        drop(shared);
        let _ = first.send(());
        std::thread::sleep(watcher.interval);
    }
}

/// What holds when nothing could be read: a mark that was seen before, as long as its last beat may count.
fn unread(known: Option<&(Mark, Instant)>, otherwise: Unreadable) -> Option<Mark> {
    let holds = |(mark, seen): &&(Mark, Instant)| mark.lives().is_none_or(|lives| seen.elapsed() <= lives);
    match (known.filter(holds), otherwise) {
        (Some((mark, _)), _) => Some(mark.clone()),
        (None, Unreadable::Off) => None,
        (None, Unreadable::On) => Some(Mark { kept: true, ..Mark::default() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maintenance::{Owner, file};

    #[test]
    fn what_was_seen_last_holds_as_long_as_it_would_have_lived() {
        let mark = Mark::new(Owner::Run, "ann@host", Duration::from_secs(1));
        let long_ago = Instant::now().checked_sub(Duration::from_mins(1)).unwrap();
        let kept = Mark { kept: true, ..mark.clone() };
        for (known, off, on) in [
            (None, false, true),
            (Some((mark.clone(), Instant::now())), true, true),
            (Some((mark, long_ago)), false, true),
            (Some((kept, long_ago)), true, true),
        ] {
            assert_eq!(unread(known.as_ref(), Unreadable::Off).is_some(), off);
            assert_eq!(unread(known.as_ref(), Unreadable::On).is_some(), on);
        }
    }

    #[test]
    fn the_first_look_is_over_when_it_has_started() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("down");
        let mark = Mark::new(Owner::Hand, "ann@host", Duration::from_secs(1));
        file(&path).on(&mark).unwrap();
        let watch = Watch::of(file(&path)).every(Duration::from_millis(5)).start().unwrap();
        assert_eq!(watch.mark().map(|mark| mark.token.clone()), Some(mark.token));
        std::fs::remove_file(&path).unwrap();
        while watch.mark().is_some() {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::fs::create_dir(&path).unwrap();
        while watch.fault().is_none() {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(watch.mark().is_none(), "it is not shut by what cannot be read");
    }
}
