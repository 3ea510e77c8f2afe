//! The ports to a database: what may be asked of a connection, of the guard, of a transaction.
//!
//! A connection becomes a guard, a guard becomes a session (an open transaction), and a session is
//! consumed by its commit or rollback: wrong orders do not compile. Only [`Committed`] lets a run
//! write the lock. How a database does it belongs to `backend`; nothing here sends a byte.

mod connect;
mod foreign;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::dialect::Dialect;
use crate::history::{History, Partial, Row, RowKind};
use crate::id::{Checksum, MigrationId};
use crate::migration::Script;
use crate::schema::Schema;
use crate::sql::Statement;
use crate::tool::Tool;

pub use connect::{Connect, Contents, Scratch};
pub use foreign::{
    FOREIGN_TABLES, ForeignColumn, ForeignColumnKind, ForeignRows, ForeignTable, MirrorRow, MirrorTable,
    Stranger, foreign_tool,
};

/// A future in a box, since the ports are trait objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The database behind a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its engine.
    pub dialect: Dialect,
    /// Its version as it says itself: `15.20`, `3.51.3`.
    pub version: String,
    /// Where it is, for people; no password in it.
    pub address: String,
    /// Why the session or the server accepts no change, if it does not.
    pub read_only: Option<&'static str>,
}

impl Server {
    /// `PostgreSQL 15.20`.
    pub fn title(&self) -> String {
        format!("{} {}", self.dialect.facts().title, self.version)
    }

    /// What stands before the first dot.
    pub fn major(&self) -> &str {
        self.version.split('.').next().unwrap_or_default()
    }
}

/// What a database says when a statement fails.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SqlError {
    /// SQLSTATE, or the engine's own code.
    pub code: Option<String>,
    /// The number that says more than the SQLSTATE (MariaDB, MySQL).
    pub number: Option<u16>,
    /// The message.
    pub message: String,
    /// More of it.
    pub detail: Option<String>,
    /// The server's own advice.
    pub hint: Option<String>,
    /// Where inside of a function it happened.
    pub context: Option<String>,
    /// The character (from 1) of the text that was sent.
    pub position: Option<usize>,
    /// The account lacks a right.
    pub lacks_right: bool,
    /// Rows that are not there can be the cause.
    pub misses_rows: bool,
    /// Another session was in the way (a lock that was not to be had in time, a deadlock, a serialization failure):
    /// the same may go well the next time.
    pub transient: bool,
}

/// What can go wrong between us and a database.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DatabaseError {
    /// Nobody answers, or the login is refused.
    #[error("cannot connect to {address}: {message}")]
    Unreachable {
        /// Where.
        address: String,
        /// Why.
        message: String,
        /// The way out, where it is another one than to look at the address.
        help: Option<&'static str>,
    },
    /// The connection broke.
    #[error("the connection to the database was lost: {0}")]
    Lost(String),
    /// The database refused a statement of ours.
    #[error("{}", .0.message)]
    Sql(SqlError),
    /// Another run is writing, and the database cannot even be read until it ends.
    #[error("another run is writing, and the database cannot be read until it ends")]
    Busy(Option<Holder>),
    /// Another program has a transaction open that lets nobody else write.
    #[error("{0}")]
    Blocked(String),
    /// The database, or its setting, is not one we can work with.
    #[error("{0}")]
    Unfit(String),
}

impl DatabaseError {
    /// Whether the same may go well the next time.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Sql(sql) => sql.transient,
            Self::Blocked(_) => true,
            _ => false,
        }
    }
}

/// Who holds the guard, or another lock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// For people: process, user, host.
    pub who: String,
    /// Since when, if it is known.
    pub since: Option<String>,
    /// What it is doing.
    pub query: Option<String>,
    /// How to end it, if it must be.
    pub remedy: Option<String>,
}

impl Holder {
    /// What it is doing, on one line.
    pub fn query_line(&self) -> Option<String> {
        let words: Vec<&str> = self.query.as_deref()?.split_whitespace().collect();
        let line = words.join(" ");
        let line = line.trim_end_matches([';', ' ']);
        (!line.is_empty()).then(|| line.to_owned())
    }
}

/// A history row to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRow {
    /// The migration.
    pub id: MigrationId,
    /// The hash of the text that ran.
    pub checksum: Checksum,
    /// How it comes here.
    pub kind: RowKind,
    /// Its place in the order of execution.
    pub position: i64,
    /// When it ran, if not now.
    pub executed_at: Option<String>,
    /// How long it took, if not measured here.
    pub execution_ms: Option<i64>,
    /// What it stands for and has no row yet: it gets archived ones.
    pub formers: Vec<MigrationId>,
}

impl NewRow {
    /// As it will be read; where it says no time, none is known yet.
    pub fn as_row(&self) -> Row {
        Row {
            id: self.id.clone(),
            checksum: Some(self.checksum),
            dialect: None,
            kind: self.kind,
            run: String::new(),
            position: self.position,
            executed_at: self.executed_at.clone().unwrap_or_default(),
            execution_ms: self.execution_ms,
        }
    }
}

/// A row of `db_migrations_run`, written when a run begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRun {
    /// Its random id.
    pub id: String,
    /// The digest of the lock that is run.
    pub lock_digest: Checksum,
    /// Ours.
    pub tool_version: &'static str,
    /// Who runs it: user and host of the operating system.
    pub user: String,
    /// Why a check was softened.
    pub reason: Option<String>,
    /// The release that it belongs to, if it is known.
    pub release: Option<String>,
}

/// A script to be run together with what it means for the history.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// What is executed.
    pub script: &'a Script,
    /// Its statements.
    pub statements: &'a [Statement],
    /// What is written with it.
    pub record: Record<'a>,
    /// Where the duration of each statement is noted.
    pub clock: Option<&'a Clock>,
}

impl Task<'_> {
    /// Statement `n` has ended; it began then.
    pub fn took(&self, n: usize, begin: Instant) {
        if let Some(clock) = self.clock {
            clock.took(n, begin.elapsed());
        }
    }
}

/// How long each statement took, where a person wants to know it. Statements are sent one by one then.
#[derive(Debug, Default)]
pub struct Clock(Mutex<Vec<(usize, Duration)>>);

impl Clock {
    /// Statement `n` of the script that is run took so long.
    pub fn took(&self, n: usize, duration: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((n, duration));
    }

    /// What was noted since this was asked last.
    pub fn take(&self) -> Vec<(usize, Duration)> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What the end of a script means for the history.
#[derive(Clone, Copy, Debug)]
pub enum Record<'a> {
    /// The migration has run: its row is written.
    Applied(&'a NewRow),
    /// The migration is undone: its row goes, and those archived ones for which it stood.
    Undone(&'a MigrationId, &'a [MigrationId]),
}

impl Record<'_> {
    /// The migration.
    pub const fn id(&self) -> &MigrationId {
        match self {
            Self::Applied(row) => &row.id,
            Self::Undone(id, _) => id,
        }
    }

    /// How many rows of the history it touches.
    pub fn rows(&self) -> u64 {
        match self {
            Self::Applied(row) => 1 + row.formers.len() as u64,
            Self::Undone(_, formers) => 1 + formers.len() as u64,
        }
    }

    /// The word for its direction, in the table of steps.
    pub const fn direction(&self) -> &'static str {
        match self {
            Self::Applied(_) => "up",
            Self::Undone(..) => "down",
        }
    }
}

/// What a failing statement outside of a transaction has left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trace {
    /// Nothing: it was undone, or what it changes was compared with before.
    #[default]
    Nothing,
    /// Nobody can know.
    Possible,
    /// A part of what it does.
    Certain,
    /// Rows, its own or those of statements that would have been undone with it, in tables whose engine
    /// cannot take them back.
    Rows,
}

/// Why a migration did not end well.
#[derive(Clone, Debug)]
pub struct TaskFailure {
    /// The failing statement; `None` when it happened after the last one (deferred constraints, the
    /// history row).
    pub statement: Option<usize>,
    /// The byte of the script where the database points at.
    pub offset: Option<usize>,
    /// What it said.
    pub error: DatabaseError,
    /// The migration ended our transaction; what it did before cannot be rolled back.
    pub escaped: bool,
    /// How many of its statements stay (outside of a transaction only).
    pub kept: usize,
    /// What the failing one left.
    pub trace: Trace,
    /// It failed before any of its statements ran.
    pub before: bool,
}

impl TaskFailure {
    /// A failure that left nothing.
    pub fn new(statement: Option<usize>, error: DatabaseError) -> Self {
        Self { statement, offset: None, error, escaped: false, kept: 0, trace: Trace::Nothing, before: false }
    }

    /// A failure before any of its statements ran.
    pub fn before(error: DatabaseError) -> Self {
        Self { before: true, ..Self::new(None, error) }
    }

    /// A failure outside of a transaction.
    #[must_use]
    pub fn outside(self, kept: usize, trace: Trace) -> Self {
        Self { kept, trace, ..self }
    }
}

/// How a transaction is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Begin {
    /// Foreign keys, where they are switched per connection; `None` = as the database has them.
    pub foreign_keys: Option<bool>,
    /// Whether the guard must outlive this transaction.
    pub keep_guard: Keep,
}

/// Whether the guard outlives a transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// It ends with it.
    #[default]
    No,
    /// It should: the lock file is written after the commit.
    Wanted,
    /// It must: more groups follow.
    Needed,
}

/// What may be asked of every connection. Nothing of it changes anything.
pub trait Read: Send {
    /// The database.
    fn server(&self) -> &Server;
    /// What has run; empty when our tables are not there.
    fn history(&mut self) -> BoxFuture<'_, Result<History, DatabaseError>>;
    /// Other tools' tables that hold rows.
    fn strangers(&mut self) -> BoxFuture<'_, Result<Vec<Stranger>, DatabaseError>>;
    /// The schema, without our own tables.
    fn introspect(&mut self) -> BoxFuture<'_, Result<Schema, DatabaseError>>;
    /// Objects of kinds that introspection does not read, for a warning.
    fn not_covered(&mut self) -> BoxFuture<'_, Result<Vec<String>, DatabaseError>>;
    /// Tables that a foreign key points at, lower-cased (asked only where the plan needs it).
    fn referenced_tables(&mut self) -> BoxFuture<'_, Result<BTreeSet<String>, DatabaseError>>;
    /// Rows that violate a foreign key, as text (only where they can exist).
    fn violations(&mut self) -> BoxFuture<'_, Result<BTreeSet<String>, DatabaseError>>;
    /// Tables whose changes cannot be undone, by lower-cased name, with the engine that keeps them; the
    /// empty name stands for new tables that name no engine.
    fn unrecoverable(&mut self) -> BoxFuture<'_, Result<BTreeMap<String, String>, DatabaseError>> {
        Box::pin(async { Ok(BTreeMap::new()) })
    }
    /// How large each table is, as the database estimates it; ours are among them.
    fn table_sizes(&mut self) -> BoxFuture<'_, Result<Vec<TableSize>, DatabaseError>>;
    /// Who holds the guard, as far as can be seen from here.
    fn holder(&mut self) -> BoxFuture<'_, Result<Option<Holder>, DatabaseError>>;
    /// The first rows (as text) that a query returns.
    fn query<'a>(&'a mut self, sql: &'a str) -> BoxFuture<'a, Result<Vec<String>, DatabaseError>>;
    /// Whether there is a table of this name; in the usual schema where none is given.
    fn has_table<'a>(
        &'a mut self,
        schema: Option<&'a str>,
        table: &'a str,
    ) -> BoxFuture<'a, Result<bool, DatabaseError>>;
    /// All rows of another tool's table.
    fn foreign_rows<'a>(
        &'a mut self,
        table: ForeignTable<'a>,
    ) -> BoxFuture<'a, Result<ForeignRows, DatabaseError>>;
    /// The statements of a part of a run as text, without the last terminator; nothing is sent.
    fn written(&self, part: Written<'_>) -> String;
}

/// How large a table is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSize {
    /// Its schema, unless it is the usual one.
    pub schema: Option<String>,
    /// Its name.
    pub table: String,
    /// How many rows it has, more or less.
    pub rows: u64,
    /// How many bytes it holds with its indexes, where that is known.
    pub bytes: Option<u64>,
}

/// A part of a run as SQL text, for another client to carry out.
#[derive(Clone, Copy, Debug)]
pub enum Written<'a> {
    /// How the text itself is to be read.
    Encoding,
    /// Our tables, where they are absent or outdated.
    Tables,
    /// The beginning of a transaction.
    Begin,
    /// Foreign keys, where they are switched per connection.
    ForeignKeys(bool),
    /// The settings that a migration asks for.
    Settings(&'a BTreeMap<String, String>),
    /// What takes them away again.
    Reset(&'a BTreeMap<String, String>),
    /// What is written into our tables.
    Note(Note<'a>),
    /// What the end of a script means for the history of a run.
    Record(&'a str, Record<'a>),
}

/// A connection without the guard.
pub trait Database: Read {
    /// One try to get the guard; never waits.
    fn guard(self: Box<Self>) -> BoxFuture<'static, Result<Attempt, DatabaseError>>;
    /// Ends the connection in good order.
    fn close(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// The answer to a try.
pub enum Attempt {
    /// The guard is ours.
    Held(Box<dyn Guard>),
    /// Another run has it.
    Busy(Box<dyn Database>, Option<Holder>),
}

/// A connection that holds the guard. Dropping it closes the connection and so frees the guard.
pub trait Guard: Read {
    /// Opens the transaction of a group, with our tables in it.
    fn begin(self: Box<Self>, begin: Begin) -> BoxFuture<'static, Result<Box<dyn Session>, DatabaseError>>;
    /// Runs statement by statement outside of a transaction, each with a started and a finished row,
    /// and what it means for the history at the end. Where it stopped half-way before, it goes on.
    fn run_alone<'a>(
        &'a mut self,
        run: &'a NewRun,
        task: Task<'a>,
        resume: Option<&'a Partial>,
        foreign_keys: Option<bool>,
    ) -> BoxFuture<'a, Result<i64, TaskFailure>>;
    /// Makes the table of another tool where it is absent, if no transaction can take it back: else it is made
    /// with its first row.
    fn make_mirror<'a>(&'a mut self, table: &'a MirrorTable) -> BoxFuture<'a, Result<(), DatabaseError>> {
        let _ = table;
        Box::pin(async { Ok(()) })
    }
    /// One try to take the lock of another tool's runs, too, where it has one; freed with the guard.
    fn lock_out(&mut self, tool: Tool) -> BoxFuture<'_, Result<bool, DatabaseError>> {
        let _ = tool;
        Box::pin(async { Ok(true) })
    }
    /// Makes sure that the guard can be held from one transaction to the next, before anything runs.
    fn keep(&mut self) -> BoxFuture<'_, Result<(), DatabaseError>> {
        Box::pin(async { Ok(()) })
    }
    /// Frees the guard.
    fn free(self: Box<Self>) -> BoxFuture<'static, Result<Box<dyn Database>, DatabaseError>>;
}

/// What is written into our own tables beside the rows of migrations that run.
#[derive(Clone, Copy, Debug)]
pub enum Note<'a> {
    /// A run has begun; first thing of its first transaction. A row that is there already stays.
    Run(&'a NewRun),
    /// Migrations that have run elsewhere or by hand.
    Rows(&'a NewRun, &'a [NewRow]),
    /// What the schema check said.
    Verdict(&'a NewRun, &'a str),
    /// A migration has not run any more.
    Unrecorded(&'a MigrationId),
    /// A base stands for these now.
    Archived(&'a [MigrationId]),
    /// The text of a migration that has run counts as this one.
    Accepted(&'a MigrationId, Checksum),
    /// Rows that another tool's table lacks; the table is made where it is absent and that can be taken back.
    Mirrored(&'a MirrorTable, &'a [MirrorRow]),
    /// Versions that another tool's table must not have any more.
    Unmirrored(&'a MirrorTable, &'a [String]),
    /// What was remembered of a migration that stopped half-way is settled.
    Settled(&'a MigrationId),
}

/// An open transaction under the guard.
pub trait Session: Read {
    /// Runs scripts in order, each followed by what it means for the history, up to the first failure. Answers
    /// for each that was begun: its duration in milliseconds, or why it failed.
    fn run<'a>(
        &'a mut self,
        run: &'a NewRun,
        tasks: &'a [Task<'a>],
    ) -> BoxFuture<'a, Vec<Result<i64, TaskFailure>>>;
    /// Runs data statements that have run before once more, and says how many rows they changed. The history
    /// stays as it is.
    fn catch_up<'a>(
        &'a mut self,
        script: &'a Script,
        statements: &'a [Statement],
    ) -> BoxFuture<'a, Result<u64, TaskFailure>>;
    /// How many migrations are worth handing over at once.
    fn batch(&self) -> usize;
    /// Writes into our own tables.
    fn write<'a>(&'a mut self, note: Note<'a>) -> BoxFuture<'a, Result<(), DatabaseError>>;
    /// Commits.
    fn commit(self: Box<Self>) -> BoxFuture<'static, CommitResult>;
    /// Rolls back; an error means that the connection is gone, which rolls back, too.
    fn rollback(self: Box<Self>) -> BoxFuture<'static, Result<RolledBack, DatabaseError>>;
}

/// The guard, which goes on, after a rollback.
pub struct RolledBack {
    /// The guard.
    pub guard: Box<dyn Guard>,
    /// What has stayed all the same, as a note; `None` = everything was undone.
    pub left: Option<&'static str>,
}

/// The proof and the guard, which goes on; or why there is none.
pub type CommitResult = Result<(Committed, Box<dyn Guard>), CommitError>;

/// Why a commit did not say that it is done.
#[derive(Debug)]
pub enum CommitError {
    /// The database refused; everything is rolled back.
    RolledBack(DatabaseError),
    /// The answer was lost: committed or not, nobody knows yet.
    Unknown(DatabaseError),
}

/// The proof that a transaction was committed. Only a backend makes one.
#[derive(Debug)]
pub struct Committed(());

impl Committed {
    /// Made where the database has said so.
    pub(crate) fn by_database() -> Self {
        Self(())
    }
}
