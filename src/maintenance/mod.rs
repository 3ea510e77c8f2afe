//! Maintenance mode: a mark that says that an application must not work on its database now.
//!
//! A run of ours puts the mark and takes it away; an application looks at it (`watch`, and `layer` for those
//! that speak `tower`). The mark is a file or a Redis key (`store`), or programs are told (`programs`). Who puts
//! one keeps it alive by a heartbeat (`keeper`), never by a fixed time: it counts as gone when its beats have
//! stopped, unless it was put to stay. What a run is, when it needs the mark and which ends keep it, this does
//! not know.

mod file;
mod keeper;
#[cfg(feature = "tower")]
mod layer;
mod mark;
mod programs;
#[cfg(feature = "redis")]
mod redis;
mod store;
mod watch;

use std::path::Path;

use secrecy::ExposeSecret;

use crate::config::{Maintenance, MaintenanceWay};
use crate::diagnostic::Diagnostic;

pub use file::FileStore;
pub use keeper::{Beats, End, Keeper};
#[cfg(feature = "tower")]
pub use layer::{MaintenanceLayer, MaintenanceService, Page, Text};
pub use mark::{MISSED, Mark, Owner};
pub use programs::Programs;
#[cfg(feature = "redis")]
pub use redis::RedisStore;
pub use store::{Marked, Store};
pub use watch::{Unreadable, Watch, Watcher};

/// Whether maintenance mode is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It is off.
    Off,
    /// It is on.
    On(Mark),
    /// There is a mark whose beats have stopped: who put it is gone, so it counts as off.
    Stale(Mark),
}

/// What became of a mark that was to be put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is there.
    Done(Mark),
    /// It is there in the place of one that a run has left on. It stays by itself, as that one did.
    TakenOver(Mark),
    /// Somebody else's is there, and stays.
    Left(Mark),
}

/// Switches maintenance mode. Its calls may block for as long as their time limits.
pub trait Switch: Send {
    /// Switches it on, unless somebody else's mark goes before.
    fn on(&mut self, mark: &Mark) -> Result<Put, Diagnostic>;
    /// Says that who switched it on is alive; puts a mark that is lost again.
    fn beat(&mut self, mark: &Mark) -> Result<(), Diagnostic>;
    /// Leaves it on without any beat.
    fn keep(&mut self, mark: &Mark) -> Result<(), Diagnostic>;
    /// Switches it off: this mark, or whatever there is. Whether there was one.
    fn off(&mut self, mark: Option<&Mark>) -> Result<bool, Diagnostic>;
    /// Whether it is on.
    fn state(&mut self) -> Result<State, Diagnostic>;
    /// Where the mark is, in words.
    fn place(&self) -> String;
}

impl Switch for Box<dyn Switch> {
    fn on(&mut self, mark: &Mark) -> Result<Put, Diagnostic> {
        (**self).on(mark)
    }

    fn beat(&mut self, mark: &Mark) -> Result<(), Diagnostic> {
        (**self).beat(mark)
    }

    fn keep(&mut self, mark: &Mark) -> Result<(), Diagnostic> {
        (**self).keep(mark)
    }

    fn off(&mut self, mark: Option<&Mark>) -> Result<bool, Diagnostic> {
        (**self).off(mark)
    }

    fn state(&mut self) -> Result<State, Diagnostic> {
        (**self).state()
    }

    fn place(&self) -> String {
        (**self).place()
    }
}

/// A marker file.
pub fn file(path: impl Into<std::path::PathBuf>) -> Marked<FileStore> {
    Marked::new(FileStore::at(path.into()))
}

/// A key of a Redis server. Nothing is connected before it is used.
#[cfg(feature = "redis")]
pub fn redis(url: &str, key: &str) -> Result<Marked<RedisStore>, Diagnostic> {
    RedisStore::at(url, key).map(Marked::new)
}

/// What the configuration says; paths and programs are relative to the folder. `None` where it says nothing.
pub fn open(config: &Maintenance, folder: &Path) -> Result<Option<Box<dyn Switch>>, Diagnostic> {
    let Some(way) = &config.way else { return Ok(None) };
    Ok(Some(match way {
        MaintenanceWay::File(path) => Box::new(file(folder.join(path))),
        MaintenanceWay::Redis { url: None, variable, .. } => {
            let fault = Diagnostic::new("`maintenance.redis.url` has no value");
            let unset =
                variable.as_ref().map(|name| format!("it needs the variable `{name}`, which is not set"));
            return Err(Diagnostic { notes: unset.into_iter().collect(), ..fault }
                .help("set it in the environment or in `.env`"));
        }
        MaintenanceWay::Redis { url: Some(url), key, .. } => by_redis(url.expose_secret(), key)?,
        MaintenanceWay::Command { on, off, timeout } => {
            Box::new(Programs::new(on.clone(), off.clone(), folder.to_owned(), *timeout))
        }
    }))
}

#[cfg(feature = "redis")]
fn by_redis(url: &str, key: &str) -> Result<Box<dyn Switch>, Diagnostic> {
    Ok(Box::new(redis(url, key)?))
}

#[cfg(not(feature = "redis"))]
fn by_redis(_: &str, _: &str) -> Result<Box<dyn Switch>, Diagnostic> {
    Err(Diagnostic::new("this build cannot speak to Redis")
        .help("build it with the cargo feature `redis`, or name a `maintenance.file`"))
}
