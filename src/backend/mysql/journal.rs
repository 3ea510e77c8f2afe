//! Statement by statement, with a journal: what is written before and behind each, and how a run that
//! was cut off goes on.
//!
//! Statements that change rows only run in one transaction with their row of the journal, up to the
//! next one that commits by itself. Such a one has a row before it, with the fingerprint of what it
//! changes, and one behind it, which goes with the next message: if that never comes, the fingerprint
//! tells whether the statement has happened. So there is one commit and one round trip for a statement,
//! beside its own and that of reading the fingerprint.

use std::borrow::Cow;
use std::ops::Range;
use std::time::Instant;

use super::MySql;
use super::dynamic::Meaning;
use super::message::{Failed, offset};
use super::rows::elapsed;
use crate::database::{Clock, DatabaseError, NewRun, Record, SqlError, TaskFailure, Trace};
use crate::fault::fault_point;
use crate::history::Partial;
use crate::id::Checksum;
use crate::migration::Script;
use crate::sql::{self, Commits, ObjectName, Statement};

/// A script to be run with the journal.
pub(super) struct Work<'a> {
    pub(super) run: &'a NewRun,
    pub(super) script: &'a Script,
    pub(super) statements: &'a [Statement],
    pub(super) record: Record<'a>,
    /// An earlier run began with it and left traces of a failing statement.
    pub(super) marked: bool,
    /// Where durations are noted.
    pub(super) clock: Option<&'a Clock>,
}

impl Work<'_> {
    pub(super) fn text(&self, n: usize) -> &str {
        &self.script.text[self.statements[n].span.clone()]
    }

    pub(super) fn is_last(&self, n: usize) -> bool {
        n + 1 >= self.statements.len()
    }

    /// A failure at statement `n`; those before it stay.
    fn failed(&self, n: usize, trace: Trace, error: DatabaseError) -> TaskFailure {
        let (start, text) = (self.statements[n].span.start, self.text(n));
        let offset = offset(text, &error).map(|at| start + at);
        TaskFailure { offset, ..TaskFailure::new(Some(n), error).outside(n, trace) }
    }
}

impl MySql {
    /// Runs a script from where it stopped before; answers with the milliseconds that it took.
    pub(super) async fn run_work(
        &mut self,
        work: &Work<'_>,
        resume: Option<&Partial>,
    ) -> Result<i64, TaskFailure> {
        let outcome = self.run_tidily(work, resume).await;
        if outcome.is_err() {
            // what ran before is not forgotten; if the connection is gone, the next run finds it out
            let _ = self.pay().await;
        }
        outcome
    }

    async fn run_tidily(&mut self, work: &Work<'_>, resume: Option<&Partial>) -> Result<i64, TaskFailure> {
        let start = Instant::now();
        let from = resume.map_or(0, |partial| partial.finished);
        let before = |error| TaskFailure::before(error).outside(from, Trace::Nothing);
        self.make_tables().await.map_err(before)?;
        fault_point!("alone.tables", before);
        self.owe_run(work.run);
        fault_point!("alone.noted", before);
        let leftovers = sql::leftovers(self.server.dialect, &work.script.text, work.statements);
        let outcome = match self.prepare_session(&work.script.session, &leftovers).await {
            Ok(()) => self.run_from(work, resume, start).await,
            Err(error) => Err(before(error)),
        };
        let tidied = self.tidy(&work.script.session, &leftovers).await;
        outcome?;
        let after = |error| TaskFailure::new(None, error).outside(work.statements.len(), Trace::Nothing);
        tidied.map_err(after)?;
        fault_point!("alone.recorded", after);
        Ok(elapsed(start))
    }

    async fn run_from(
        &mut self,
        work: &Work<'_>,
        resume: Option<&Partial>,
        start: Instant,
    ) -> Result<(), TaskFailure> {
        let from = resume.map_or(0, |partial| partial.finished);
        let before = |error| TaskFailure::before(error).outside(from, Trace::Nothing);
        for n in 0..from {
            self.set_again(work.text(n)).await.map_err(before)?;
        }
        let mut next = match resume {
            Some(partial) => self.decide(work, partial, start).await.map_err(before)?,
            None => from,
        };
        if work.statements.len() <= next && (next == from || work.statements.is_empty()) {
            self.owe_end(work, start);
        }
        while next < work.statements.len() {
            fault_point!("alone.started", |error| TaskFailure::new(Some(next), error)
                .outside(next, Trace::Nothing));
            let unit = self.unit(work, next).await.map_err(before)?;
            match &unit.meaning.commits {
                Commits::No => self.run_data(work, unit.range.clone(), start).await?,
                _ => self.run_committing(work, unit.range.start, &unit.meaning, start).await?,
            }
            next = unit.range.end;
            fault_point!("alone.finished", |error| TaskFailure::new(None, error)
                .outside(next, Trace::Nothing));
        }
        Ok(())
    }

    /// What a finished statement set for the session is needed by those that follow. A text that can no
    /// longer be prepared has done its work.
    async fn set_again(&mut self, statement: &str) -> Result<(), DatabaseError> {
        let dialect = self.server.dialect;
        if !sql::sets_session(dialect, statement) {
            return Ok(());
        }
        match self.send_alone(statement).await {
            Err(DatabaseError::Sql(_)) if sql::prepared(dialect, statement).is_some() => Ok(()),
            Err(error) => Err(error),
            Ok(()) => self.note_prepared(statement).await,
        }
    }

    /// The statements from `n` on that stand or fall together: up to one that commits, or that prepares
    /// a text which the next may execute.
    async fn unit(&mut self, work: &Work<'_>, n: usize) -> Result<Unit, DatabaseError> {
        let dialect = self.server.dialect;
        let meaning = self.meaning(work.text(n)).await?;
        let first = sql::commits(dialect, work.text(n));
        if first != Commits::No {
            return Ok(Unit { range: n..n + 1, meaning });
        }
        let mut end = n;
        while end < work.statements.len() && sql::commits(dialect, work.text(end)) == Commits::No {
            end += 1;
            if sql::prepared(dialect, work.text(end - 1)).is_some() {
                break;
            }
        }
        Ok(Unit { range: n..end, meaning })
    }

    /// Where a migration goes on whose next statement was begun and not seen to end.
    async fn decide(
        &mut self,
        work: &Work<'_>,
        partial: &Partial,
        start: Instant,
    ) -> Result<usize, DatabaseError> {
        let n = partial.finished;
        let Some(interrupted) = partial.interrupted.as_ref().filter(|_| n < work.statements.len()) else {
            return Ok(n);
        };
        let dialect = self.server.dialect;
        let statement = interrupted.meant.as_deref().unwrap_or(work.text(n));
        let commits = sql::commits(dialect, statement);
        let now = self.fingerprint(&commits).await?;
        if now.is_none() || now == interrupted.fingerprint {
            if let (Commits::Changing(objects), true) = (&commits, sql::creates_table(dialect, statement)) {
                self.drop_orphaned_partitions(objects).await;
            }
            return Ok(n); // it has not happened, or may happen twice
        }
        if let Some(rest) = sql::completion(dialect, statement) {
            self.execute(rest).await?;
        }
        self.owe_finished(work, n, start);
        Ok(n + 1)
    }

    /// A server that dies in `CREATE TABLE … PARTITION BY` can leave partitions without their table, in
    /// the way of a second try. They were being made by us, and hold no rows. Without the right to see
    /// them (PROCESS) the statement fails, and the message says what to drop.
    async fn drop_orphaned_partitions(&mut self, objects: &[ObjectName]) {
        let plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let table = objects.first().and_then(|object| object.parts.last());
        let Some(table) = table.filter(|table| plain(table) && plain(&self.database)) else { return };
        let (database, like) = (&self.database, table.replace('_', "\\_"));
        let query = format!(
            "SELECT SUBSTRING(NAME, {}) FROM information_schema.INNODB_SYS_TABLES WHERE NAME LIKE '{}/{like}#P#%'",
            database.len() + 2,
            database.replace('_', "\\_"),
        );
        for row in self.fetch(query).await.unwrap_or_default() {
            if let Ok(Some(name)) = super::text(&row, 0) {
                let drop = format!("DROP TABLE IF EXISTS {}", super::quote_name(&format!("#mysql50#{name}")));
                let _ = self.execute(drop).await;
            }
        }
    }

    /// Statements that change rows only, in one transaction with their row.
    async fn run_data(
        &mut self,
        work: &Work<'_>,
        range: Range<usize>,
        start: Instant,
    ) -> Result<(), TaskFailure> {
        let xa = crate::run_id::random();
        let owed = std::mem::take(&mut self.owed);
        let row = self.data_row(work, range.end - 1, start);
        let mut statements: Vec<Cow<'_, str>> =
            vec![format!("XA START '{xa}'").into(), "SET @db_migrations_start = UTC_TIMESTAMP(6)".into()];
        statements.extend(owed.iter().cloned().map(Cow::from));
        let first = statements.len();
        statements.extend(range.clone().map(|n| Cow::from(work.text(n))));
        let last = statements.len();
        statements.extend(row.into_iter().map(Cow::from));
        statements.extend([format!("XA END '{xa}'").into(), format!("XA COMMIT '{xa}' ONE PHASE").into()]);
        // a CALL may give any number of answers: then nothing may stand behind it
        let called =
            range.len() == 1 && sql::called_procedure(self.server.dialect, work.text(range.start)).is_some();
        self.time(work.clock);
        let result =
            if called { self.send_around(&statements, first).await } else { self.send(&statements).await };
        self.tell_times(work.clock, range.start, first, range.len());
        let Err(failed) = result else {
            let last = work.text(range.end - 1);
            let own = |error| TaskFailure::new(None, error).outside(range.end, Trace::Nothing);
            return self.note_prepared(last).await.map_err(own);
        };
        let trace = if failed.may_have_run(statements.len() - 1) {
            Trace::Possible
        } else {
            self.owed = owed;
            if self.end_xa(&xa).await { Trace::Rows } else { Trace::Nothing }
        };
        let own = !(first..last).contains(&failed.n);
        let n = range.start + failed.n.clamp(first, last - 1) - first;
        let error = self.explain(failed.error).await;
        let failure = if own {
            TaskFailure::new(None, error).outside(range.start, trace)
        } else {
            TaskFailure { kept: range.start, ..work.failed(n, trace, error) }
        };
        self.note_failure(work, range.start, n, &failure).await;
        Err(failure)
    }

    /// The same statements with the one at `at` in a message of its own.
    async fn send_around(&mut self, statements: &[Cow<'_, str>], at: usize) -> Result<(), Failed> {
        self.send(&statements[..at]).await?;
        self.send_alone(&statements[at]).await.map_err(|error| Failed { n: at, last: at, error })?;
        let rest = self.send(&statements[at + 1..]).await;
        rest.map_err(|failed| Failed { n: at + 1 + failed.n, last: at + 1 + failed.last, ..failed })
    }

    /// A statement that commits by itself, with a row before it.
    async fn run_committing(
        &mut self,
        work: &Work<'_>,
        n: usize,
        meaning: &Meaning,
        start: Instant,
    ) -> Result<(), TaskFailure> {
        let commits = &meaning.commits;
        let own = |error| TaskFailure::new(Some(n), error).outside(n, Trace::Nothing);
        let before = if self.scratch { None } else { self.fingerprint(commits).await.map_err(own)? };
        let mut statements: Vec<String> = Vec::new();
        if !self.scratch {
            statements.push("START TRANSACTION".to_owned());
            statements.append(&mut self.owed.clone());
            statements.push(self.started(work, n, before, meaning.text.as_deref()));
            statements.push("COMMIT".to_owned());
        }
        let journal = statements.len();
        self.time(work.clock);
        // what stands for another statement may give any number of answers
        let result = if sql::commits(self.server.dialect, work.text(n)) == Commits::Opaque {
            match self.send(&statements).await {
                Ok(()) => self.send_alone(work.text(n)).await.map_err(|error| (true, error)),
                Err(failed) => Err((false, failed.error)),
            }
        } else {
            statements.push(work.text(n).to_owned());
            let begun = |failed: Failed| (failed.n >= journal || failed.may_have_run(journal), failed.error);
            self.send(&statements).await.map_err(begun)
        };
        self.tell_times(work.clock, n, journal, 1);
        fault_point!("alone.executed", |error| TaskFailure::new(Some(n), error).outside(n, Trace::Possible));
        match result {
            Ok(()) => {
                self.owed.clear();
                if *commits == Commits::Opaque {
                    self.prepared.clear(); // it may have prepared something under any name
                }
                self.owe_finished(work, n, start);
                Ok(())
            }
            Err((false, error)) => {
                let _ = self.execute("ROLLBACK").await;
                Err(own(error))
            }
            Err((true, error)) => {
                self.owed.clear();
                let mut trace = self.trace(commits, before, &error).await;
                if trace == Trace::Nothing
                    && sql::selects(self.server.dialect, work.text(n))
                    && self.has_functions().await
                {
                    trace = Trace::Possible; // one that it called may have changed rows
                }
                let error = self.explain(error).await;
                let failure = work.failed(n, trace, error);
                self.note_failure(work, n, n, &failure).await;
                Err(failure)
            }
        }
    }

    /// Whether the database has functions of its own.
    async fn has_functions(&mut self) -> bool {
        let sql = "SELECT 1 FROM information_schema.ROUTINES \
                   WHERE ROUTINE_SCHEMA = DATABASE() AND ROUTINE_TYPE = 'FUNCTION' LIMIT 1";
        self.fetch(sql).await.map_or(true, |rows| !rows.is_empty())
    }

    /// What a failing statement that commits by itself has left.
    async fn trace(&mut self, commits: &Commits, before: Option<Checksum>, error: &DatabaseError) -> Trace {
        match error {
            // what does not parse does not run
            DatabaseError::Sql(SqlError { number: Some(1064), .. }) if *commits != Commits::Opaque => {
                return Trace::Nothing;
            }
            DatabaseError::Sql(_) if before.is_some() => {}
            _ => return Trace::Possible,
        }
        match self.fingerprint(commits).await {
            Ok(after) if after == before => Trace::Nothing,
            Ok(_) => Trace::Certain,
            Err(_) => Trace::Possible,
        }
    }
}

/// Statements that stand or fall together.
struct Unit {
    range: Range<usize>,
    /// Of its first statement.
    meaning: Meaning,
}
