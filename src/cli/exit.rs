//! The exit codes. `docs/exit-codes.md` describes each; a test keeps the two equal.

use std::process::ExitCode;

use crate::engine::FailureKind;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do.
    Done,
    /// Findings of a check command: pending, drift, stale lock or snapshot.
    Findings,
    /// Usage, configuration, unreadable lock.
    Usage,
    /// The run failed, and everything was rolled back.
    RolledBack,
    /// The run failed and something stayed; or committed, but the lock could not be written.
    Stayed,
    /// The guard was held by another until the limit.
    Guarded,
    /// Database unreachable, or login refused.
    Unreachable,
    /// Refused before anything ran.
    Refused,
    /// The outcome is unknown.
    Unknown,
    /// A person said no.
    Declined,
    /// A bug.
    Bug,
    /// Interrupted, rolled back.
    Interrupted,
    /// That of the command which was run.
    Passed(u8),
}

/// What `--help` says of them.
pub(super) const HELP: &str = "\
Exit codes: 0 done or nothing to do · 1 findings · 2 usage or configuration · 3 failed, rolled back · \
4 failed, something stayed · 5 guard held by another · 6 database unreachable · 7 refused before anything ran · \
8 outcome unknown · 9 declined · 70 bug · 130 interrupted, rolled back";

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Findings => 1,
            Self::Usage => 2,
            Self::RolledBack => 3,
            Self::Stayed => 4,
            Self::Guarded => 5,
            Self::Unreachable => 6,
            Self::Refused => 7,
            Self::Unknown => 8,
            Self::Declined => 9,
            Self::Bug => 70,
            Self::Interrupted => 130,
            Self::Passed(code) => code,
        }
    }

    /// The exit of a failure.
    pub const fn of(kind: FailureKind) -> Self {
        match kind {
            FailureKind::Findings => Self::Findings,
            FailureKind::Usage => Self::Usage,
            FailureKind::RolledBack => Self::RolledBack,
            FailureKind::Stayed => Self::Stayed,
            FailureKind::Guarded => Self::Guarded,
            FailureKind::Unreachable => Self::Unreachable,
            FailureKind::Refused => Self::Refused,
            FailureKind::Unknown => Self::Unknown,
            FailureKind::Declined => Self::Declined,
            FailureKind::Bug => Self::Bug,
            FailureKind::Interrupted => Self::Interrupted,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}
