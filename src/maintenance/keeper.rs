//! A thread that holds maintenance mode on: it switches it on, beats, and switches it off or leaves it on.
//!
//! A thread of its own beats whatever the run is busy with, and may block in a program or a dead network. When
//! its other end is dropped without a word (a panic, a future that nobody polls any more) it ends as it was told
//! beforehand, and the drop waits for that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Mark, Put, Switch};
use crate::diagnostic::Diagnostic;

/// How maintenance mode ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is switched off.
    Off,
    /// It stays on.
    Kept,
}

enum Order {
    /// Switch it on, or on again.
    On(oneshot::Sender<Result<Put, Diagnostic>>),
    End(End, oneshot::Sender<Result<Beats, Diagnostic>>),
}

/// How it went.
#[derive(Debug, Default)]
pub struct Beats {
    /// The mark was there, and ours, until the end.
    pub was_ours: bool,
    /// So many failed.
    pub failed: u32,
    /// Why the last of them did.
    pub fault: Option<Diagnostic>,
}

/// Maintenance mode that is held on until this is ended, or dropped.
pub struct Keeper {
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// A thread for this mark; nothing is switched yet. When the keeper is dropped, the mark is left on if `keeps` says
    /// so by then.
    pub fn new(switch: Box<dyn Switch>, mark: Mark, keeps: Arc<AtomicBool>) -> std::io::Result<Self> {
        let (orders, received) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("maintenance".to_owned())
            .spawn(move || hold(switch, mark, &received, &keeps))?;
        Ok(Self { orders: Some(orders), thread: Some(thread) })
    }

    /// Switches it on, or makes sure that it still is.
    pub async fn on(&self) -> Result<Put, Diagnostic> {
        let (reply, answer) = oneshot::channel();
        self.send(Order::On(reply));
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Ends it.
    pub async fn end(self, end: End) -> Result<Beats, Diagnostic> {
        let (reply, answer) = oneshot::channel();
        self.send(Order::End(end, reply));
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    fn send(&self, order: Order) {
        if let Some(orders) = &self.orders {
            let _ = orders.send(order); // who waits for the answer sees that nobody took it
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn gone() -> Diagnostic {
    Diagnostic::new("the thread that holds maintenance mode on is gone")
}

fn hold(mut switch: Box<dyn Switch>, mut mark: Mark, orders: &Receiver<Order>, keeps: &AtomicBool) {
    let heartbeat = Duration::from_secs(mark.heartbeat.max(1));
    let (mut is_on, mut beats) = (false, Beats::default());
    loop {
        match orders.recv_timeout(heartbeat) {
            Ok(Order::On(reply)) => {
                let put = switch.on(&mark);
                is_on |= put.is_ok();
                if let Ok(Put::Done(put) | Put::TakenOver(put)) = &put {
                    mark.clone_from(put);
                }
                let _ = reply.send(put);
            }
            Ok(Order::End(end, reply)) => {
                let ended = if is_on { finish(&mut *switch, &mark, end) } else { Ok(false) };
                let _ = reply.send(ended.map(|was_ours| Beats { was_ours, ..beats }));
                return;
            }
            Err(RecvTimeoutError::Timeout) if is_on => {
                if let Err(fault) = switch.beat(&mark) {
                    beats.failed += 1;
                    beats.fault = Some(fault);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                let end = if mark.kept || keeps.load(Ordering::Acquire) { End::Kept } else { End::Off };
                if is_on {
                    let _ = finish(&mut *switch, &mark, end); // nobody is there to be told
                }
                return;
            }
        }
    }
}

fn finish(switch: &mut dyn Switch, mark: &Mark, end: End) -> Result<bool, Diagnostic> {
    match end {
        End::Off => switch.off(Some(mark)),
        End::Kept => switch.keep(mark).map(|()| true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maintenance::{Owner, State, file};

    fn keeper(path: &std::path::Path, keeps: bool) -> Keeper {
        let mark = Mark::new(Owner::Run, "ann@host", Duration::from_secs(1));
        Keeper::new(Box::new(file(path)), mark, Arc::new(AtomicBool::new(keeps))).unwrap()
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn it_beats_while_nobody_does_anything() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("down");
        let keeper = keeper(&path, false);
        let Ok(Put::Done(first)) = block_on(keeper.on()) else { panic!("it is switched on") };
        let beat = || Mark::of_text(&std::fs::read_to_string(&path).unwrap_or_default()).beat;
        while beat() == first.beat {
            std::thread::sleep(Duration::from_millis(20));
        }
        let beats = block_on(keeper.end(End::Off)).unwrap();
        assert_eq!((beats.failed, beats.was_ours), (0, true));
        assert!(!path.exists());
    }

    #[test]
    fn what_was_taken_over_outlives_who_took_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("down");
        let failed = Mark::new(Owner::Run, "ann@host", Duration::from_secs(1));
        file(&path).on(&failed).unwrap();
        file(&path).keep(&failed).unwrap();
        let keeper = keeper(&path, false);
        assert!(matches!(block_on(keeper.on()), Ok(Put::TakenOver(_))));
        drop(keeper);
        let Ok(State::On(mark)) = file(&path).state() else { panic!("it is on") };
        assert!(mark.kept && mark.token != failed.token);
    }

    #[test]
    fn a_drop_ends_it_as_it_was_told() {
        let folder = tempfile::tempdir().unwrap();
        for keeps in [false, true] {
            let path = folder.path().join("down");
            let keeper = keeper(&path, keeps);
            block_on(keeper.on()).unwrap();
            drop(keeper);
            let state = file(&path).state().unwrap();
            assert_eq!(matches!(state, State::On(mark) if mark.kept), keeps);
        }
    }

    #[test]
    fn what_was_never_on_is_not_switched_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("absent/down");
        let keeper = keeper(&path, true);
        assert!(block_on(keeper.on()).is_err());
        drop(keeper);
        assert!(!path.exists());
    }
}
