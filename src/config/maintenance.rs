//! `maintenance:` as a value: how an application is told that it must not work on its database now.

use std::time::Duration;

use secrecy::SecretString;

/// `maintenance:`.
#[derive(Clone, Debug)]
pub struct Maintenance {
    /// How it is switched; `None`: never.
    pub way: Option<MaintenanceWay>,
    /// What becomes of it after a run that left something behind, or whose outcome nobody knows.
    pub on_failure: OnFailure,
    /// The time between two signs of life.
    pub heartbeat: Duration,
    /// When users may try again.
    pub retry_after: Option<Duration>,
    /// What users are told.
    pub message: Option<String>,
}

/// How it is switched.
#[derive(Clone, Debug)]
pub enum MaintenanceWay {
    /// By a marker file, relative to the configuration.
    File(String),
    /// By a key of a Redis server.
    Redis {
        /// `None` when a variable in it is not set.
        url: Option<SecretString>,
        /// The variable that is not set.
        variable: Option<String>,
        /// The key.
        key: String,
    },
    /// By programs, each with its arguments.
    Command {
        /// Switches it on.
        on: Vec<String>,
        /// Switches it off.
        off: Vec<String>,
        /// How long each may take.
        timeout: Duration,
    },
}

/// `on-failure`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// It stays on until a person, or the next good run, switches it off.
    #[default]
    Keep,
    /// It is switched off all the same.
    Lift,
}

impl OnFailure {
    /// The words of the configuration.
    pub const WORDS: [(&'static str, Self); 2] = [("keep", Self::Keep), ("lift", Self::Lift)];
}

impl Default for Maintenance {
    fn default() -> Self {
        Self {
            way: None,
            on_failure: OnFailure::default(),
            heartbeat: Duration::from_secs(5),
            retry_after: None,
            message: None,
        }
    }
}
