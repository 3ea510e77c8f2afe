//! Transactions on PostgreSQL.
//!
//! A migration, the resets that keep its session state from the next one, and its history row are
//! one message: one round trip. The transaction id taken after BEGIN must be the same after each:
//! only that catches every `COMMIT` in disguise.

use std::collections::BTreeMap;
use std::time::Instant;

use futures_util::TryStreamExt;
use sqlx::{AssertSqlSafe, Either, Row as _};

use super::history::create;
use super::{Held, Postgres, quote};
use crate::backend::tables::{Words, is_outdated};
use crate::backend::{error, sqlx_key};
use crate::database::{
    Begin, BoxFuture, CommitError, CommitResult, Committed, Database, DatabaseError, Guard, Keep, NewRun,
    Note, Record, RolledBack, Session, Task, TaskFailure, Written,
};
use crate::dialect::Dialect;
use crate::fault::fault_point;
use crate::history::Partial;
use crate::migration::Script;
use crate::sql::Statement;
use crate::tool::Tool;

/// Fires pending deferred triggers: each deferrable constraint by name (`SET CONSTRAINTS ALL` would
/// stay on for tables that come later).
pub(super) const FIRE_DEFERRED: &str = "DO $db_migrations$ DECLARE c record; BEGIN \
     FOR c IN SELECT n.nspname, k.conname, k.condeferred FROM pg_catalog.pg_constraint k \
     JOIN pg_catalog.pg_namespace n ON n.oid = k.connamespace WHERE k.condeferrable LOOP \
     EXECUTE pg_catalog.format('SET CONSTRAINTS %I.%I IMMEDIATE', c.nspname, c.conname); \
     IF c.condeferred THEN EXECUTE pg_catalog.format('SET CONSTRAINTS %I.%I DEFERRED', c.nspname, c.conname); END IF; \
     END LOOP; END $db_migrations$; ";

pub(super) const RESET: &str = "CLOSE ALL; UNLISTEN *; RESET ALL; RESET ROLE; RESET SESSION AUTHORIZATION; DISCARD TEMP; DISCARD SEQUENCES";

/// How many results `RESET` gives.
const RESET_RESULTS: usize = 7;

/// How long a setting holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// To the end of the transaction: nothing of it stays in a server process that a pooler gives to others.
    Transaction,
    /// To the end of the session.
    Session,
}

impl Postgres {
    /// Our own settings, as calls: no limit of the role or the server may end a run in its middle, a dead client
    /// frees its guard soon, and nobody waits long behind us.
    pub(super) fn settings(&self, scope: Scope) -> String {
        let milliseconds = |limit: std::time::Duration| limit.as_millis().to_string();
        // outside of a transaction a statement keeps nobody waiting for longer than it runs itself
        let statement = match scope {
            Scope::Transaction => milliseconds(self.limits.statement),
            Scope::Session => "0".to_owned(),
        };
        let mut settings = vec![
            ("statement_timeout", statement),
            ("lock_timeout", milliseconds(self.limits.lock)),
            ("idle_in_transaction_session_timeout", "600000".to_owned()),
            // the lexer reads backslashes so: a server or a role that has it otherwise must not read another text
            ("standard_conforming_strings", "on".to_owned()),
        ];
        if self.connection.server_version_num().is_some_and(|version| version >= 140_000) {
            settings.push(("client_connection_check_interval", "2000".to_owned()));
            settings.push(("idle_session_timeout", "0".to_owned()));
        }
        let local = scope == Scope::Transaction;
        let calls = settings
            .iter()
            .map(|(name, value)| format!("pg_catalog.set_config('{name}', '{value}', {local})"));
        calls.collect::<Vec<_>>().join(", ")
    }
}

/// Why a plan that splits is refused behind a pooler.
const POOLED: &str = "a pooler in transaction mode is between us and the server: it gives each transaction another \
     session, so nothing would keep other runs out between the transactions of this one. Give the server's direct URL \
     for it, in `DATABASE_URL`, `--url` or `database.url`";

/// Prepared statements live as long as the session.
pub(super) const FORGET_PREPARED: &str = "DEALLOCATE ALL; ";

/// How long the message took so far: the server's clock, so that the network does not count.
const DURATION: &str =
    "(extract(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.statement_timestamp()) * 1000)::bigint";

pub(super) const WORDS: Words = Words {
    dialect: Dialect::Postgres,
    quote,
    now: "pg_catalog.clock_timestamp()",
    timestamp: |at| format!("{}::timestamptz", quote(at)),
    once: ("", " ON CONFLICT DO NOTHING"),
};

impl Postgres {
    pub(super) async fn insert_run(&mut self, run: &NewRun) -> Result<(), DatabaseError> {
        let sql = self.tables.insert_run(&WORDS, run);
        self.execute(sql).await
    }

    /// The settings that a migration asks for; the resets behind it take them away.
    pub(super) async fn set(&mut self, settings: &BTreeMap<String, String>) -> Result<(), DatabaseError> {
        if settings.is_empty() {
            return Ok(());
        }
        let call = |(name, value): (&String, &String)| {
            format!("pg_catalog.set_config({}, {}, false)", quote(name), quote(value))
        };
        let calls: Vec<String> = settings.iter().map(call).collect();
        self.execute(format!("SELECT {}", calls.join(", "))).await
    }

    /// A part of a run, for psql or any other client.
    pub(super) fn text_of(&self, part: Written<'_>) -> String {
        match part {
            Written::Encoding => "SET client_encoding = 'UTF8'".to_owned(),
            Written::Tables => create(&self.tables, is_outdated(self.layout)),
            Written::Begin => "BEGIN ISOLATION LEVEL READ COMMITTED".to_owned(),
            Written::ForeignKeys(_) => String::new(),
            Written::Settings(settings) => {
                let set = |(name, value): (&String, &String)| {
                    let name: Vec<String> = name.split('.').map(|part| format!("\"{part}\"")).collect();
                    format!("SET {} = {}", name.join("."), quote(value))
                };
                settings.iter().map(set).collect::<Vec<_>>().join(";\n")
            }
            Written::Reset(_) => {
                format!("{};\n{}", RESET.replace("; ", ";\n"), self.text_of(Written::Encoding))
            }
            Written::Note(note) => self.tables.note_text(&WORDS, note),
            Written::Record(run, record) => self.tables.record(&WORDS, run, record, "NULL"),
        }
    }

    /// Makes the guard outlive transactions: the session takes it, too. One that a migration has freed
    /// (`pg_advisory_unlock_all()`, `DISCARD ALL`) is taken again. Behind a pooler no session is ours.
    pub(super) async fn keep_guard(&mut self) -> Result<(), DatabaseError> {
        if self.guard == Held::Session && self.has_session_guard().await? {
            return Ok(());
        }
        if self.is_pooled().await? {
            return Err(DatabaseError::Unfit(POOLED.to_owned()));
        }
        if !self.one::<bool>(format!("SELECT pg_catalog.pg_try_advisory_lock({})", self.key)).await? {
            return Err(DatabaseError::Unfit("the guard was lost, and another run holds it now".to_owned()));
        }
        self.guard = Held::Session;
        fault_point!("guard.kept");
        Ok(())
    }

    async fn has_session_guard(&mut self) -> Result<bool, DatabaseError> {
        self.one::<bool>(format!(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 \
             AND pid = pg_catalog.pg_backend_pid() AND (classid::bigint << 32) | objid::bigint = {})",
            self.key
        ))
        .await
    }

    /// Whether the transaction of the run is committed, although it should have been rolled back.
    async fn was_committed(&mut self, transaction: Option<String>) -> Result<bool, DatabaseError> {
        let Some(id) = transaction else { return Ok(false) };
        let status = self.one::<String>(format!("SELECT pg_catalog.pg_xact_status('{id}'::xid8)")).await?;
        Ok(status == "committed")
    }

    async fn open(&mut self, begin: Begin) -> Result<(), DatabaseError> {
        match begin.keep_guard {
            Keep::Needed => self.keep_guard().await?,
            Keep::Wanted if !self.is_pooled().await? => self.keep_guard().await?,
            _ if self.guard == Held::Session => self.keep_guard().await?,
            Keep::Wanted | Keep::No => {}
        }
        let begin = if self.open { "" } else { "BEGIN ISOLATION LEVEL READ COMMITTED; " };
        let sql = format!(
            "{begin}{}; SELECT pg_current_xact_id()::text, EXISTS (SELECT FROM pg_constraint WHERE condeferrable), {}",
            create(&self.tables, is_outdated(self.layout)),
            self.settings(Scope::Transaction)
        );
        self.open = true;
        let rows = self.fetch(sql).await?;
        let row = rows.last().ok_or_else(|| DatabaseError::Lost("no answer".to_owned()))?;
        self.transaction = Some(row.try_get(0).map_err(error)?);
        self.said.deferrable = row.try_get(1).map_err(error)?;
        fault_point!("session.opened");
        Ok(())
    }

    /// Notes that the transaction is over, and the guard with it if it was the transaction's.
    pub(super) fn ended(&mut self) {
        self.open = false;
        self.transaction = None;
        if self.guard == Held::Transaction {
            self.guard = Held::Not;
        }
    }

    async fn run_script(&mut self, run: &str, task: Task<'_>) -> Result<i64, TaskFailure> {
        self.set(&task.script.session).await.map_err(TaskFailure::before)?;
        let Some(clock) = task.clock else {
            return self.run_message(run, task, &task.script.text, DURATION).await;
        };
        let start = Instant::now();
        for (n, statement) in task.statements.iter().enumerate() {
            let begin = Instant::now();
            let result = self.execute(&task.script.text[statement.span.clone()]).await;
            clock.took(n, begin.elapsed());
            result.map_err(|error| statement_failure(task, n, error))?;
        }
        let milliseconds = start.elapsed().as_millis().to_string();
        self.run_message(run, task, "", &milliseconds).await
    }

    /// A script and all that stands behind it, or only that.
    async fn run_message(
        &mut self,
        run: &str,
        task: Task<'_>,
        script: &str,
        took: &str,
    ) -> Result<i64, TaskFailure> {
        // asked once and remembered: the block costs more than most migrations
        self.said.deferrable |= says(&task.script.text, b"deferr");
        self.said.prepares |= says(&task.script.text, b"prepare");
        let (fire, fired) = if self.said.deferrable { (FIRE_DEFERRED, 1) } else { ("", 0) };
        let (forget, forgotten) = if self.said.prepares { (FORGET_PREPARED, 1) } else { ("", 0) };
        let settings = self.settings(Scope::Transaction);
        let record = self.tables.record(&WORDS, run, task.record, took);
        let duration = if matches!(task.record, Record::Applied(_)) { "execution_ms" } else { took };
        let text = format!(
            "{script}\n;{fire}{forget}{RESET}; {record} RETURNING pg_catalog.pg_current_xact_id()::text, {duration}::bigint, {settings}"
        );
        let before_row = task.statements.len() + fired + forgotten + RESET_RESULTS;
        let mut done = if script.is_empty() { task.statements.len() } else { 0 };
        let mut last = None;
        let result = {
            let mut stream = sqlx::raw_sql(AssertSqlSafe(text)).fetch_many(&mut self.connection);
            loop {
                match stream.try_next().await {
                    Ok(Some(Either::Left(_))) => done += 1,
                    Ok(Some(Either::Right(row))) if done == before_row => last = Some(row),
                    Ok(Some(Either::Right(_))) => {}
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(super::error(error)),
                }
            }
        };
        result.map_err(|error| failure(task, done, error))?;
        fault_point!("session.ran", |error| failure(task, done, error));
        let row = last.filter(|_| done == before_row + 1).ok_or_else(|| {
            let message = format!("the server ran {done} statements, not those that were read");
            failure(task, done, DatabaseError::Unfit(message))
        })?;
        let transaction: String = row.try_get(0).map_err(|e| failure(task, done, error(e)))?;
        if self.transaction.as_ref() != Some(&transaction) {
            let message =
                "the migration ended the transaction of the run: what it did before that is committed";
            let failure = failure(task, done, DatabaseError::Unfit(message.to_owned()));
            return Err(TaskFailure { escaped: true, ..failure });
        }
        row.try_get(1).map_err(|e| failure(task, done, error(e)))
    }
}

/// Whether a text has these letters anywhere: what it may have done is undone then.
fn says(text: &str, letters: &[u8]) -> bool {
    text.as_bytes().windows(letters.len()).any(|word| word.eq_ignore_ascii_case(letters))
}

/// A failure of a message that held a whole script.
fn failure(task: Task<'_>, done: usize, error: DatabaseError) -> TaskFailure {
    let offset = offset(&task.script.text, &error);
    let at_offset = offset.and_then(|at| task.statements.iter().position(|s| s.span.end >= at));
    let statement = at_offset.or((done < task.statements.len()).then_some(done));
    TaskFailure { offset, ..TaskFailure::new(statement, error) }
}

/// A failure of one statement that was sent alone.
pub(super) fn statement_failure(task: Task<'_>, n: usize, error: DatabaseError) -> TaskFailure {
    let span = task.statements[n].span.clone();
    let offset = offset(&task.script.text[span.clone()], &error).map(|at| span.start + at);
    TaskFailure { offset, ..TaskFailure::new(Some(n), error) }
}

/// The byte that the server's position (a character, from 1) means, if it is in the text.
pub(super) fn offset(text: &str, error: &DatabaseError) -> Option<usize> {
    let DatabaseError::Sql(error) = error else { return None };
    text.char_indices().nth(error.position?.checked_sub(1)?).map(|(at, _)| at)
}

impl Guard for Postgres {
    fn begin(
        mut self: Box<Self>,
        begin: Begin,
    ) -> BoxFuture<'static, Result<Box<dyn Session>, DatabaseError>> {
        Box::pin(async move {
            self.open(begin).await?;
            Ok(self as Box<dyn Session>)
        })
    }

    fn run_alone<'a>(
        &'a mut self,
        run: &'a NewRun,
        task: Task<'a>,
        resume: Option<&'a Partial>,
        _: Option<bool>,
    ) -> BoxFuture<'a, Result<i64, TaskFailure>> {
        Box::pin(self.run_statements(run, task, resume))
    }

    fn lock_out(&mut self, tool: Tool) -> BoxFuture<'_, Result<bool, DatabaseError>> {
        Box::pin(async move {
            if tool != Tool::Sqlx || self.locked_out.is_some() {
                return Ok(true);
            }
            let name: String = self.one("SELECT current_database()::text".to_owned()).await?;
            let key = sqlx_key(&name);
            if self.is_pooled().await? {
                return self.one::<bool>(format!("SELECT pg_try_advisory_xact_lock({key})")).await;
            }
            let taken = self.one::<bool>(format!("SELECT pg_try_advisory_lock({key})")).await?;
            self.locked_out = taken.then_some(key);
            Ok(taken)
        })
    }

    fn keep(&mut self) -> BoxFuture<'_, Result<(), DatabaseError>> {
        Box::pin(self.keep_guard())
    }

    fn free(mut self: Box<Self>) -> BoxFuture<'static, Result<Box<dyn Database>, DatabaseError>> {
        Box::pin(async move {
            fault_point!("guard.free");
            if self.open {
                self.execute("ROLLBACK").await?;
                self.ended();
            }
            if let Some(key) = self.locked_out.take() {
                self.execute(format!("SELECT pg_advisory_unlock({key})")).await?;
            }
            if self.guard == Held::Session {
                self.execute(format!("SELECT pg_advisory_unlock({})", self.key)).await?;
                self.guard = Held::Not;
            }
            fault_point!("guard.freed");
            Ok(self as Box<dyn Database>)
        })
    }
}

impl Session for Postgres {
    fn run<'a>(
        &'a mut self,
        run: &'a NewRun,
        tasks: &'a [Task<'a>],
    ) -> BoxFuture<'a, Vec<Result<i64, TaskFailure>>> {
        Box::pin(async move {
            let mut outcomes = Vec::with_capacity(tasks.len());
            for task in tasks {
                outcomes.push(self.run_script(&run.id, *task).await);
                if outcomes.last().is_some_and(Result::is_err) {
                    break;
                }
            }
            outcomes
        })
    }

    fn catch_up<'a>(
        &'a mut self,
        script: &'a Script,
        statements: &'a [Statement],
    ) -> BoxFuture<'a, Result<u64, TaskFailure>> {
        Box::pin(self.run_again(script, statements))
    }

    /// One message per migration: the server parses a whole message before it runs any of it.
    fn batch(&self) -> usize {
        1
    }

    fn write<'a>(&'a mut self, note: Note<'a>) -> BoxFuture<'a, Result<(), DatabaseError>> {
        Box::pin(async move {
            for sql in self.tables.notes(&WORDS, note) {
                self.execute(sql).await?;
            }
            Ok(())
        })
    }

    fn commit(mut self: Box<Self>) -> BoxFuture<'static, CommitResult> {
        Box::pin(async move {
            fault_point!("session.commit", CommitError::Unknown);
            match self.execute("COMMIT").await {
                Ok(()) => {
                    fault_point!("session.committed", CommitError::Unknown);
                    self.ended();
                    Ok((Committed::by_database(), self as Box<dyn Guard>))
                }
                Err(error @ DatabaseError::Sql(_)) => Err(CommitError::RolledBack(error)),
                Err(error) => Err(CommitError::Unknown(error)),
            }
        })
    }

    fn rollback(mut self: Box<Self>) -> BoxFuture<'static, Result<RolledBack, DatabaseError>> {
        Box::pin(async move {
            fault_point!("session.rollback");
            let transaction = self.transaction.take();
            self.execute("ROLLBACK").await?;
            self.ended();
            let left = self
                .was_committed(transaction)
                .await?
                .then_some("a migration ended the run's transaction: what ran before that is committed");
            Ok(RolledBack { guard: self, left })
        })
    }
}
