//! How a command can end badly. Each kind has its exit code, which belongs to the face.

use crate::database::DatabaseError;
use crate::diagnostic::Diagnostic;

/// What kind of end it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Findings of a check command.
    Findings,
    /// Usage, configuration, an unreadable lock.
    Usage,
    /// The run failed, and everything is rolled back.
    RolledBack,
    /// The run failed, and something stayed; or it is committed and the lock could not be written.
    Stayed,
    /// Another run held the guard until the limit.
    Guarded,
    /// Nobody answers, or the login is refused.
    Unreachable,
    /// Refused before anything ran.
    Refused,
    /// Nobody knows whether the commit happened.
    Unknown,
    /// A person said no.
    Declined,
    /// A signal ended it; everything is rolled back.
    Interrupted,
    /// A bug of ours.
    Bug,
}

/// A bad end, with what a person is told.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Of what kind.
    pub kind: Kind,
    /// Why, and what to do.
    pub diagnostics: Vec<Diagnostic>,
}

impl Failure {
    /// A bad end for one reason.
    pub fn new(kind: Kind, diagnostic: Diagnostic) -> Self {
        Self { kind, diagnostics: vec![diagnostic] }
    }

    /// A bad end for several.
    pub fn all(kind: Kind, diagnostics: Vec<Diagnostic>) -> Self {
        Self { kind, diagnostics }
    }
}

/// An error before anything was changed.
impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        let kind = match &error {
            DatabaseError::Unreachable { .. } | DatabaseError::Lost(_) => Kind::Unreachable,
            DatabaseError::Sql(_) | DatabaseError::Unfit(_) => Kind::Refused,
        };
        Self::new(kind, describe(&error))
    }
}

/// What a database said, as a diagnostic.
pub(super) fn describe(error: &DatabaseError) -> Diagnostic {
    match error {
        DatabaseError::Sql(sql) => {
            let mut diagnostic = Diagnostic::new(sql.message.clone());
            diagnostic.notes.extend(sql.code.as_ref().map(|code| format!("the database's code is {code}")));
            diagnostic.notes.extend(sql.detail.clone());
            diagnostic.notes.extend(sql.hint.as_ref().map(|hint| format!("the database's hint: {hint}")));
            diagnostic
        }
        DatabaseError::Unreachable { .. } => Diagnostic::new(error.to_string())
            .help("check `DATABASE_URL`, `--url` or `database.url`, and that the server runs"),
        other => Diagnostic::new(other.to_string()),
    }
}
