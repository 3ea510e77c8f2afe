//! Transactions on SQLite.
//!
//! A commit hook refuses every commit but ours, so a migration that hides a `COMMIT` fails instead
//! of passing silently. Migrations and their history rows go to SQLite's thread some at a time; the
//! results are counted, so the failing statement is known.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use futures_util::TryStreamExt;
use sqlx::{AssertSqlSafe, Either, Row as _};

use super::history::{NOW, NOW_MS, create, layout, upgrade};
use super::{Sqlite, quote};
use crate::backend::error;
use crate::backend::tables::{Words, is_outdated};
use crate::database::{
    Begin, BoxFuture, CommitError, CommitResult, Committed, Database, DatabaseError, Guard, NewRun, Note,
    Record, RolledBack, Session, SqlError, Task, TaskFailure, Trace, Written,
};
use crate::dialect::Dialect;
use crate::fault::fault_point;
use crate::history::{LAYOUT, Partial};
use crate::migration::Script;
use crate::plan::prefix_hash;
use crate::sql::{self, Statement};

/// Settings that a migration may change and the next must not see.
const RESET: &str = "PRAGMA recursive_triggers = OFF; PRAGMA ignore_check_constraints = OFF; PRAGMA writable_schema = OFF; \
     PRAGMA legacy_alter_table = OFF; PRAGMA defer_foreign_keys = OFF; PRAGMA reverse_unordered_selects = OFF; \
     PRAGMA query_only = OFF;";

/// A row that is there already stays as it is.
const ONCE: &str = " ON CONFLICT DO NOTHING";

const WORDS: Words = Words { dialect: Dialect::Sqlite, quote, now: NOW, timestamp: quote, once: ("", ONCE) };

impl Sqlite {
    async fn install_hook(&mut self) -> Result<(), DatabaseError> {
        let may_commit = Arc::clone(&self.may_commit);
        let mut handle = self.connection.lock_handle().await.map_err(error)?;
        handle.set_commit_hook(move || may_commit.load(Ordering::SeqCst));
        Ok(())
    }

    async fn insert_run(&mut self, run: &NewRun) -> Result<(), DatabaseError> {
        let sql = self.tables.insert_run(&WORDS, run);
        self.execute(sql).await
    }

    /// A part of a run, for the shell of SQLite or any other client.
    pub(super) fn text_of(&self, part: Written<'_>) -> String {
        match part {
            Written::Tables => {
                let upgrade = if is_outdated(self.layout) { upgrade(&self.tables) } else { String::new() };
                format!("{}\n{upgrade}", create(&self.tables)).trim_end_matches([';', '\n']).to_owned()
            }
            Written::Begin => "BEGIN IMMEDIATE".to_owned(),
            Written::Encoding | Written::Settings(_) => String::new(),
            Written::ForeignKeys(on) => format!("PRAGMA foreign_keys = {}", if on { "ON" } else { "OFF" }),
            Written::Reset(_) => RESET.trim_end_matches(';').replace("; ", ";\n"),
            Written::Note(note) => self.tables.note_text(&WORDS, note),
            Written::Record(run, record) => self.tables.record(&WORDS, run, record, "NULL"),
        }
    }

    /// On unless they must be off: that is how the driver opens a database for an application, too.
    async fn switch_foreign_keys(&mut self, mode: Option<bool>) -> Result<(), DatabaseError> {
        self.execute(if mode == Some(false) {
            "PRAGMA foreign_keys = OFF"
        } else {
            "PRAGMA foreign_keys = ON"
        })
        .await
    }

    async fn open(&mut self, begin: Begin) -> Result<(), DatabaseError> {
        self.switch_foreign_keys(begin.foreign_keys).await?;
        self.may_commit.store(true, Ordering::SeqCst);
        self.install_hook().await?;
        self.execute("BEGIN IMMEDIATE").await.map_err(|error| match error {
            DatabaseError::Sql(SqlError { code: Some(code), .. }) if code == "5" || code == "517" => {
                DatabaseError::Blocked(
                    "another program has a write transaction open on the database (not a run of db-migrations: the guard is ours)"
                        .to_owned(),
                )
            }
            other => other,
        })?;
        self.may_commit.store(false, Ordering::SeqCst);
        fault_point!("session.begun");
        self.make_tables().await?;
        fault_point!("session.opened");
        Ok(())
    }

    /// Our tables, in the present layout.
    async fn make_tables(&mut self) -> Result<(), DatabaseError> {
        let sql = create(&self.tables);
        self.execute(sql).await?;
        if is_outdated(self.layout) && layout(self).await? != Some(LAYOUT) {
            let sql = upgrade(&self.tables);
            self.execute(sql).await?;
        }
        Ok(())
    }

    /// Runs tasks of which at most a single one leaks, as one text for SQLite's thread: each hand-over
    /// to it costs more than a small migration.
    async fn run_texts(&mut self, run: &str, tasks: &[Task<'_>]) -> Vec<Result<i64, TaskFailure>> {
        let baseline = match &self.baseline {
            Some(baseline) if tasks.iter().any(|task| leaks(*task)) => baseline.reset.clone(),
            _ => String::new(),
        };
        let reset = baseline.as_str();
        let resets = reset.matches(';').count();
        let text = self.texts(run, tasks, reset);
        let mut outcomes = Vec::with_capacity(tasks.len());
        let (mut done, mut start) = (0, Instant::now());
        let mut begin = start;
        let mut stream = sqlx::raw_sql(AssertSqlSafe(text)).fetch_many(&mut self.connection);
        while let Some(task) = tasks.get(outcomes.len()) {
            let rows = match stream.try_next().await {
                Ok(Some(Either::Left(result))) => result.rows_affected(),
                Ok(Some(Either::Right(_))) => continue,
                Ok(None) => {
                    outcomes.push(Err(failure(*task, done, untrusted(done, task))));
                    break;
                }
                Err(error) => {
                    outcomes.push(Err(failure(*task, done, explain(super::error(error)))));
                    break;
                }
            };
            done += 1;
            if done <= task.statements.len() {
                task.took(done - 1, std::mem::replace(&mut begin, Instant::now()));
            }
            if done == task.statements.len() + resets + 1 {
                let milliseconds = i64::try_from(start.elapsed().as_millis()).unwrap_or(i64::MAX);
                outcomes.push(if rows == task.record.rows() {
                    Ok(milliseconds)
                } else {
                    Err(failure(*task, done, untrusted(done, task)))
                });
                (done, start) = (0, Instant::now());
                begin = start;
            }
        }
        outcomes
    }

    /// The tasks' texts, each with its history row; a row's duration counts from the row before it.
    fn texts(&self, run: &str, tasks: &[Task<'_>], reset: &str) -> String {
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let mut begin = epoch.to_string();
        let mut text = String::new();
        for task in tasks {
            let record = self.tables.record(&WORDS, run, task.record, &format!("{NOW_MS} - {begin}"));
            text.push_str(&task.script.text);
            text.push_str("\n;");
            text.push_str(reset);
            text.push_str(&record);
            text.push_str(";\n");
            if let Record::Applied(row) = task.record {
                begin = format!(
                    "(SELECT CAST(unixepoch(executed_at, 'subsec') * 1000 AS INTEGER) FROM {} WHERE id = {})",
                    self.tables.migrations(),
                    quote(row.id.as_str())
                );
            }
        }
        text
    }

    async fn run_tasks(&mut self, run: &str, tasks: &[Task<'_>]) -> Vec<Result<i64, TaskFailure>> {
        let mut outcomes = Vec::with_capacity(tasks.len());
        while let Some(first) = tasks.get(outcomes.len()) {
            let rest = &tasks[outcomes.len()..];
            let tidy = rest.iter().take_while(|task| !leaks(**task) && !makes_temporary(**task)).count();
            let begun = outcomes.len();
            if tidy == 0
                && leaks(*first)
                && let Err(error) = self.baseline().await
            {
                outcomes.push(Err(TaskFailure::before(error)));
                break;
            }
            outcomes.extend(self.run_texts(run, &rest[..tidy.max(1)]).await);
            if let Err(fault) = self.ran(*first).await {
                outcomes.truncate(begun);
                outcomes.push(Err(fault));
            }
            if outcomes.last().is_some_and(Result::is_err) {
                break;
            }
            if tidy == 0
                && makes_temporary(*first)
                && let Err(error) = self.drop_temporary().await
            {
                outcomes[begun] = Err(failure(*first, first.statements.len(), error));
                break;
            }
        }
        outcomes
    }

    /// A text has run.
    #[cfg_attr(not(feature = "faults"), expect(clippy::unused_async, reason = "only a fault waits here"))]
    async fn ran(&mut self, task: Task<'_>) -> Result<(), TaskFailure> {
        let _ = task;
        fault_point!("session.ran", |error| failure(task, task.statements.len(), error));
        Ok(())
    }

    /// Temporary tables must not reach the next migration.
    pub(super) async fn drop_temporary(&mut self) -> Result<(), DatabaseError> {
        let rows = self
            .fetch("SELECT type, name FROM sqlite_temp_schema WHERE type IN ('table', 'view', 'trigger') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type = 'table'")
            .await?;
        for row in rows {
            let (kind, name): (String, String) =
                (row.try_get(0).map_err(error)?, row.try_get(1).map_err(error)?);
            self.execute(format!("DROP {kind} IF EXISTS temp.\"{}\"", name.replace('"', "\"\""))).await?;
        }
        Ok(())
    }

    async fn run_statements(
        &mut self,
        run: &NewRun,
        task: Task<'_>,
        from: usize,
    ) -> Result<i64, TaskFailure> {
        let start = Instant::now();
        let before = |error| TaskFailure::new(None, error).outside(from, Trace::Nothing);
        let after = |error| TaskFailure::new(None, error).outside(task.statements.len(), Trace::Nothing);
        self.may_commit.store(true, Ordering::SeqCst);
        if is_outdated(self.layout) {
            self.execute("BEGIN IMMEDIATE").await.map_err(before)?;
            self.make_tables().await.map_err(before)?;
            self.execute("COMMIT").await.map_err(before)?;
        } else {
            self.make_tables().await.map_err(before)?;
        }
        fault_point!("alone.tables", before);
        self.insert_run(run).await.map_err(before)?;
        fault_point!("alone.noted", before);
        self.baseline().await.map_err(before)?;
        let id = quote(task.record.id().as_str());
        let (steps, direction) = (self.tables.steps(), task.record.direction());
        // what a finished statement set for the connection is needed by those that follow
        for statement in task.statements.iter().take(from) {
            let text = &task.script.text[statement.span.clone()];
            if sql::sets_session(Dialect::Sqlite, text) {
                self.execute(text).await.map_err(before)?;
            }
        }
        for (n, statement) in task.statements.iter().enumerate().skip(from) {
            let failure = |error| TaskFailure::new(Some(n), error).outside(n, Trace::Nothing);
            let hash = prefix_hash(task.script, task.statements, n);
            self.execute(format!("INSERT OR REPLACE INTO {steps} (id, n, started_at, prefix_hash, direction) VALUES ({id}, {n}, {NOW}, '{hash}', '{direction}')"))
                .await
                .map_err(failure)?;
            fault_point!("alone.started", failure);
            let text = &task.script.text[statement.span.clone()];
            let begin = Instant::now();
            let finish = format!("UPDATE {steps} SET finished_at = {NOW} WHERE id = {id} AND n = {n}");
            if goes_with_its_row(text) {
                let both = format!("BEGIN IMMEDIATE;{text}\n;{finish};COMMIT");
                if let Err(error) = self.execute(both).await {
                    let _ = self.execute("ROLLBACK").await;
                    return Err(failure(error));
                }
            } else {
                let possible = |error| failure(error).outside(n, Trace::Possible);
                self.execute(text).await.map_err(possible)?;
                fault_point!("alone.executed", possible);
                self.execute(finish).await.map_err(possible)?;
            }
            fault_point!("alone.finished", |error| TaskFailure::new(None, error)
                .outside(n + 1, Trace::Nothing));
            task.took(n, begin);
        }
        let milliseconds = i64::try_from(start.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.tidy().await.map_err(after)?;
        let record = self.tables.record(&WORDS, &run.id, task.record, &milliseconds.to_string());
        self.execute(format!("BEGIN IMMEDIATE; {record}; DELETE FROM {steps} WHERE id = {id}; COMMIT"))
            .await
            .map_err(after)?;
        fault_point!("alone.recorded", after);
        Ok(milliseconds)
    }
}

fn failure(task: Task<'_>, done: usize, error: DatabaseError) -> TaskFailure {
    let statement = (done < task.statements.len()).then_some(done);
    TaskFailure::new(statement, error)
}

/// Whether a statement can share a transaction with its step row: those that write rows or schema can, a
/// PRAGMA or VACUUM cannot.
fn goes_with_its_row(statement: &str) -> bool {
    let first = statement.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    let writes = ["insert", "update", "delete", "replace", "with", "create", "alter", "drop"];
    writes.iter().any(|word| first.eq_ignore_ascii_case(word))
}

fn untrusted(done: usize, task: &Task<'_>) -> DatabaseError {
    DatabaseError::Unfit(format!(
        "the database ran {done} statements where {} were read: the history row cannot be trusted",
        task.statements.len() + 1
    ))
}

/// Whether a script makes temporary objects.
fn makes_temporary(task: Task<'_>) -> bool {
    let text = &task.script.text;
    task.statements.iter().any(|s| sql::creates_temporary(Dialect::Sqlite, &text[s.span.clone()]))
}

/// Whether a script may leave settings behind.
fn leaks(task: Task<'_>) -> bool {
    task.statements.iter().any(|s| sql::is_pragma(&task.script.text[s.span.clone()]).is_some())
}

/// The commit hook speaks through an error code that says nothing to a person.
fn explain(error: DatabaseError) -> DatabaseError {
    match error {
        DatabaseError::Sql(sql) if sql.code.as_deref() == Some("531") => DatabaseError::Sql(SqlError {
            message: "the migration tried to commit the transaction of the run".to_owned(),
            ..sql
        }),
        other => other,
    }
}

impl Guard for Sqlite {
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
        foreign_keys: Option<bool>,
    ) -> BoxFuture<'a, Result<i64, TaskFailure>> {
        Box::pin(async move {
            let from = resume.map_or(0, |partial| partial.finished);
            let unswitched = |error| TaskFailure::new(None, error).outside(from, Trace::Nothing);
            self.switch_foreign_keys(foreign_keys).await.map_err(unswitched)?;
            let outcome = self.run_statements(run, task, from).await;
            self.switch_foreign_keys(None).await.map_err(unswitched)?;
            outcome
        })
    }

    fn free(mut self: Box<Self>) -> BoxFuture<'static, Result<Box<dyn Database>, DatabaseError>> {
        Box::pin(async move {
            fault_point!("guard.free");
            // a process that is just being started still holds the open file
            if let Some(guard) = self.guard.take() {
                let _ = guard.unlock();
            }
            fault_point!("guard.freed");
            Ok(self as Box<dyn Database>)
        })
    }
}

impl Session for Sqlite {
    fn run<'a>(
        &'a mut self,
        run: &'a NewRun,
        tasks: &'a [Task<'a>],
    ) -> BoxFuture<'a, Vec<Result<i64, TaskFailure>>> {
        Box::pin(self.run_tasks(&run.id, tasks))
    }

    fn catch_up<'a>(
        &'a mut self,
        script: &'a Script,
        statements: &'a [Statement],
    ) -> BoxFuture<'a, Result<u64, TaskFailure>> {
        Box::pin(self.run_again(script, statements))
    }

    fn batch(&self) -> usize {
        32
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
            self.may_commit.store(true, Ordering::SeqCst);
            fault_point!("session.commit", CommitError::Unknown);
            match self.execute("COMMIT").await {
                Ok(()) => {
                    fault_point!("session.committed", CommitError::Unknown);
                    Ok((Committed::by_database(), self as Box<dyn Guard>))
                }
                Err(error @ DatabaseError::Sql(_)) => {
                    let _ = self.execute("ROLLBACK").await;
                    Err(CommitError::RolledBack(error))
                }
                Err(error) => Err(CommitError::Unknown(error)),
            }
        })
    }

    fn rollback(mut self: Box<Self>) -> BoxFuture<'static, Result<RolledBack, DatabaseError>> {
        Box::pin(async move {
            fault_point!("session.rollback");
            // an error of SQLite may have rolled back already: then there is no transaction to end
            let _ = self.execute("ROLLBACK").await;
            self.may_commit.store(true, Ordering::SeqCst);
            Ok(RolledBack { guard: self, left: None })
        })
    }
}
