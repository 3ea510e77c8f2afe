//! How a command can end badly. Each kind has its exit code, which belongs to the face.

use crate::database::{DatabaseError, SqlError};
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
    /// Another session was in the way: the same may go well the next time.
    pub transient: bool,
    /// What became of maintenance mode, if the run had switched it on.
    pub maintenance: Option<&'static str>,
}

impl Failure {
    /// A bad end for one reason.
    pub fn new(kind: Kind, diagnostic: Diagnostic) -> Self {
        Self { kind, diagnostics: vec![diagnostic], transient: false, maintenance: None }
    }

    /// A bad end for several.
    pub fn all(kind: Kind, diagnostics: Vec<Diagnostic>) -> Self {
        Self { kind, diagnostics, transient: false, maintenance: None }
    }

    /// The same, and whether it may go well the next time.
    pub(super) fn transient_if(self, error: &DatabaseError) -> Self {
        Self { transient: error.is_transient(), ..self }
    }
}

/// An error before anything was changed.
impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        let kind = match &error {
            DatabaseError::Unreachable { .. } | DatabaseError::Lost(_) => Kind::Unreachable,
            DatabaseError::Busy(_) => Kind::Guarded,
            DatabaseError::Sql(_) | DatabaseError::Blocked(_) | DatabaseError::Unfit(_) => Kind::Refused,
        };
        Self::new(kind, describe(&error))
    }
}

/// What a database said, as a diagnostic.
pub(super) fn describe(error: &DatabaseError) -> Diagnostic {
    match error {
        DatabaseError::Sql(sql) => {
            let mut diagnostic = Diagnostic::new(sql.message.clone());
            // SQLite's numbers say nothing that its message does not
            let state = sql.code.as_ref().filter(|code| code.len() == 5);
            diagnostic.notes.extend(state.map(|code| match sql.number {
                Some(number) => format!("the database's code is {number} ({code})"),
                None => format!("the database's code is {code}"),
            }));
            diagnostic.notes.extend(sql.detail.clone());
            diagnostic.notes.extend(sql.hint.as_ref().map(|hint| format!("the database's hint: {hint}")));
            diagnostic.help.extend(advice(sql).map(str::to_owned));
            diagnostic
        }
        DatabaseError::Busy(holder) => {
            let mut diagnostic = Diagnostic::new(error.to_string());
            if let Some(holder) = holder {
                let since = holder.since.as_ref().map(|since| format!(" since {since}")).unwrap_or_default();
                diagnostic.notes.push(format!("held by {}{since}", holder.who));
                diagnostic.help.extend(holder.remedy.as_ref().map(|remedy| format!("to end it: `{remedy}`")));
            }
            diagnostic.help("wait until it ends")
        }
        DatabaseError::Unreachable { help, .. } => Diagnostic::new(error.to_string()).help(
            help.unwrap_or("check `DATABASE_URL`, `--url` or `database.url`, and that the server runs"),
        ),
        other => Diagnostic::new(other.to_string()),
    }
}

/// What helps against errors that have a known way out.
fn advice(error: &SqlError) -> Option<&'static str> {
    if error.lacks_right {
        return Some(
            "the account of the database URL lacks a right: `migrate` needs to create what its migrations create, looking needs SELECT on the tables `db_migrations*`",
        );
    }
    match error.code.as_deref()? {
        "55P04" => Some(
            "PostgreSQL wants a commit before a new enum value is used: put `-- db-migrations: no-transaction` at the top of the migration that adds it",
        ),
        "55P03" => Some(
            "somebody else uses what the statement needs; `database.lock-timeout` says how many seconds to wait, `database.lock-retries` how often to try again",
        ),
        "57014" if error.message.contains("statement timeout") => Some(
            "`database.statement-timeout` says how many seconds a statement may run; a single migration asks for more with `-- db-migrations: session statement_timeout = 2h`",
        ),
        "70100" if error.message.contains("max_statement_time") => Some(
            "`database.statement-timeout` says how many seconds a statement may run; a single migration asks for more with `-- db-migrations: session max_statement_time = 7200`",
        ),
        "25001" => Some(
            "this statement cannot run inside a transaction: put `-- db-migrations: no-transaction` at the top of its file",
        ),
        "53200" => Some(
            "one transaction needs more locks than the server has: raise `max_locks_per_transaction`, or migrate in steps",
        ),
        "55006" => Some("triggers are pending on the table: split the migration in two"),
        "42P07" | "42710" | "42701" | "42723" => Some(ALREADY),
        _ if error.message.ends_with("already exists") => Some(ALREADY),
        _ => None,
    }
}

const ALREADY: &str =
    "if another tool made it here before, take its history over first: `db-migrations import --help`";
