//! Migrations outside of a transaction: statement by statement, each with a row before it and its end.
//!
//! A statement that can be in a transaction shares an implicit one with its row: a kill leaves both or
//! none. Of one that cannot, `unfinished` finds out what it has left. A procedure or a block may commit by
//! itself, which the server allows only where it is sent alone: that is tried second.

use std::time::Instant;

use super::history::{STEP_COLUMNS, add_step_columns, create};
use super::session::{FORGET_PREPARED, RESET, Scope, WORDS, statement_failure};
use super::unfinished::calls;
use super::{Postgres, quote};
use crate::backend::tables::is_outdated;
use crate::database::{DatabaseError, NewRun, SqlError, Task, TaskFailure, Trace};
use crate::dialect::Dialect;
use crate::fault::fault_point;
use crate::history::Partial;
use crate::id::Checksum;
use crate::plan::prefix_hash;
use crate::sql::{self, Boundary};

impl Postgres {
    pub(super) async fn run_statements(
        &mut self,
        run: &NewRun,
        task: Task<'_>,
        resume: Option<&Partial>,
    ) -> Result<i64, TaskFailure> {
        let start = Instant::now();
        let mut from = resume.map_or(0, |partial| partial.finished);
        let before = |error| TaskFailure::before(error).outside(from, Trace::Nothing);
        let cut_off = |error| TaskFailure::before(error).outside(from, Trace::Possible);
        let after = |error| TaskFailure::new(None, error).outside(task.statements.len(), Trace::Nothing);
        self.leave_transaction().await.map_err(before)?;
        fault_point!("alone.tables", before);
        self.insert_run(run).await.map_err(before)?;
        fault_point!("alone.noted", before);
        self.set(&task.script.session).await.map_err(before)?;
        self.set_again(task, from).await.map_err(before)?;
        if let Some(partial) = resume {
            let decided = self.decide(task, partial).await.map_err(cut_off)?;
            if decided > from {
                self.execute(self.finished(task, from)).await.map_err(before)?;
                from = decided;
            }
        }
        for n in from..task.statements.len() {
            self.run_statement(task, n).await?;
            fault_point!("alone.finished", |error| TaskFailure::new(None, error)
                .outside(n + 1, Trace::Nothing));
        }
        let milliseconds = i64::try_from(start.elapsed().as_millis()).unwrap_or(i64::MAX);
        let record = self.tables.record(&WORDS, &run.id, task.record, &milliseconds.to_string());
        let settings = self.settings(Scope::Session);
        let steps = self.tables.delete_steps(&WORDS, task.record.id());
        let end = format!("{FORGET_PREPARED}{RESET}; SELECT {settings}; BEGIN; {record}; {steps}; COMMIT");
        self.execute(end).await.map_err(after)?;
        self.keep_guard().await.map_err(after)?;
        fault_point!("alone.recorded", after);
        Ok(milliseconds)
    }

    /// Ends the transaction of the guard, which the session keeps, and makes our tables.
    async fn leave_transaction(&mut self) -> Result<(), DatabaseError> {
        self.keep_guard().await?;
        if self.open {
            self.execute("COMMIT").await?;
            self.ended();
        }
        let settings = self.settings(Scope::Session);
        let create =
            format!("BEGIN; {}; COMMIT; SELECT {settings}", create(&self.tables, is_outdated(self.layout)));
        self.execute(create).await?;
        let known = format!(
            "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('{}') AND {STEP_COLUMNS})",
            self.tables.steps()
        );
        if !self.one::<bool>(known).await? {
            self.execute(add_step_columns(&self.tables)).await?;
        }
        Ok(())
    }

    /// What a finished statement set for the session is needed by those that follow.
    async fn set_again(&mut self, task: Task<'_>, finished: usize) -> Result<(), DatabaseError> {
        for statement in task.statements.iter().take(finished) {
            let text = &task.script.text[statement.span.clone()];
            if sql::sets_session(Dialect::Postgres, text) {
                self.execute(text).await?;
            }
        }
        Ok(())
    }

    async fn run_statement(&mut self, task: Task<'_>, n: usize) -> Result<(), TaskFailure> {
        let failed = |error| statement_failure(task, n, error).outside(n, Trace::Nothing);
        let possible = |error| failed(error).outside(n, Trace::Possible);
        let text = &task.script.text[task.statements[n].span.clone()];
        let with_row = sql::boundary(Dialect::Postgres, text) == Boundary::Ordinary;
        let before = if with_row { None } else { self.remembered(text).await.map_err(failed)? };
        self.execute(self.started(task, n, before, None)).await.map_err(failed)?;
        fault_point!("alone.started", failed);
        let (begin, finish) = (Instant::now(), self.finished(task, n));
        if with_row {
            // one message is one implicit transaction
            match self.execute(format!("{text}\n;{finish}")).await {
                Err(error) if calls(text) && commits_itself(&error) => {
                    self.execute(self.started(task, n, None, Some(text))).await.map_err(failed)?;
                    if let Err(error) = self.execute(text).await {
                        if matches!(error, DatabaseError::Sql(_)) {
                            // it has ended: who mends it decides what of it may stay, and it runs from its beginning
                            let _ = self.execute(self.not_begun(task, n)).await;
                        }
                        return Err(possible(error));
                    }
                    fault_point!("alone.called", possible);
                    self.execute(finish).await.map_err(possible)?;
                }
                // without an answer it may have happened, with its row
                Err(error @ DatabaseError::Lost(_)) => return Err(possible(error)),
                outcome => outcome.map_err(failed)?,
            }
        } else {
            // it waits behind nobody that others wait behind, and a half-made index is worse than a wait
            let patient = !mentions_lock_timeout(task);
            if patient {
                self.execute("SET lock_timeout = 0").await.map_err(failed)?;
            }
            if let Err(error) = self.execute(text).await {
                return Err(self.failed_outside(task, n, before, error).await);
            }
            fault_point!("alone.executed", possible);
            if let Err(error) = self.refuse_invalid(text).await {
                return Err(self.failed_outside(task, n, before, error).await);
            }
            if patient {
                let usual = format!("{finish}; SET lock_timeout = {}", self.limits.lock.as_millis());
                self.execute(usual).await.map_err(possible)?;
            } else {
                self.execute(finish).await.map_err(possible)?;
            }
        }
        task.took(n, begin);
        Ok(())
    }

    /// A statement that no transaction can take back has failed: what it left is found out.
    async fn failed_outside(
        &mut self,
        task: Task<'_>,
        n: usize,
        before: Option<Checksum>,
        error: DatabaseError,
    ) -> TaskFailure {
        let text = &task.script.text[task.statements[n].span.clone()];
        let failed = |error, trace| statement_failure(task, n, error).outside(n, trace);
        let DatabaseError::Sql(sql) = error else { return failed(error, Trace::Possible) };
        match self.remains(text, before).await {
            None => failed(DatabaseError::Sql(sql), Trace::Possible),
            Some(left) if left.is_empty() => {
                // nothing of it is there: it has not begun
                let _ = self.execute(self.not_begun(task, n)).await;
                failed(DatabaseError::Sql(sql), Trace::Nothing)
            }
            Some(left) => {
                let what = format!(
                    "it left an invalid index, which the next run drops before it tries again (by hand: `{};`)",
                    left.join("; ")
                );
                let detail = sql.detail.iter().cloned().chain([what]).collect::<Vec<_>>().join("; ");
                failed(DatabaseError::Sql(SqlError { detail: Some(detail), ..sql }), Trace::Certain)
            }
        }
    }

    /// SQL for the row before a statement: what it changes, as it was, and the text if it commits by itself.
    fn started(&self, task: Task<'_>, n: usize, before: Option<Checksum>, meant: Option<&str>) -> String {
        let (id, direction) = (quote(task.record.id().as_str()), task.record.direction());
        let hash = prefix_hash(task.script, task.statements, n);
        let before = before.map_or_else(|| "NULL".to_owned(), |hash| format!("'{hash}'"));
        let meant = meant.map_or_else(|| "NULL".to_owned(), quote);
        format!(
            "INSERT INTO {} (id, n, started_at, prefix_hash, direction, fingerprint, meant) \
             VALUES ({id}, {n}, clock_timestamp(), '{hash}', '{direction}', {before}, {meant}) \
             ON CONFLICT (id, n) DO UPDATE SET started_at = excluded.started_at, prefix_hash = excluded.prefix_hash, \
             direction = excluded.direction, fingerprint = excluded.fingerprint, meant = excluded.meant",
            self.tables.steps()
        )
    }

    /// SQL that takes the row before a statement away.
    fn not_begun(&self, task: Task<'_>, n: usize) -> String {
        let id = quote(task.record.id().as_str());
        format!("DELETE FROM {} WHERE id = {id} AND n = {n}", self.tables.steps())
    }

    /// SQL for the end of a statement.
    fn finished(&self, task: Task<'_>, n: usize) -> String {
        let id = quote(task.record.id().as_str());
        format!(
            "UPDATE {} SET finished_at = clock_timestamp() WHERE id = {id} AND n = {n}",
            self.tables.steps()
        )
    }
}

/// Whether a migration says itself how long it waits.
fn mentions_lock_timeout(task: Task<'_>) -> bool {
    task.script.session.contains_key("lock_timeout")
        || task.script.text.to_ascii_lowercase().contains("lock_timeout")
}

/// What the server says of a commit where it allows none.
fn commits_itself(error: &DatabaseError) -> bool {
    matches!(error, DatabaseError::Sql(SqlError { code: Some(code), .. }) if code == "2D000")
}
