//! The rows of the journal: what is written before, with and behind a statement, and what is owed.
//!
//! A row that only says what the schema says, too, waits for the next message (`owed`); whatever reads
//! or ends a run writes it first (`pay`).

use std::time::Instant;

use super::history::{NOW, create, upgrade};
use super::journal::Work;
use super::{MySql, quote};
use crate::backend::tables::is_outdated;
use crate::database::{DatabaseError, NewRun, TaskFailure, Trace};
use crate::id::Checksum;
use crate::plan::prefix_hash;

impl MySql {
    /// SQL for the row before a statement.
    pub(super) fn started(
        &self,
        work: &Work<'_>,
        n: usize,
        before: Option<Checksum>,
        meant: Option<&str>,
    ) -> String {
        let (steps, id) = (self.tables.steps(), quote(work.record.id().as_str()));
        let hash = prefix_hash(work.script, work.statements, n);
        let before = before.map_or_else(|| "NULL".to_owned(), |hash| format!("'{hash}'"));
        let meant = meant.map_or_else(|| "NULL".to_owned(), quote);
        format!(
            "REPLACE INTO {steps} (id, n, started_at, prefix_hash, fingerprint, meant, direction) \
             VALUES ({id}, {n}, {NOW}, '{hash}', {before}, {meant}, '{}')",
            work.record.direction()
        )
    }

    /// What goes with the next message when statement `n` is done.
    pub(super) fn owe_finished(&mut self, work: &Work<'_>, n: usize, start: Instant) {
        if work.is_last(n) {
            self.owe_end(work, start);
        } else if !self.scratch {
            let (steps, id) = (self.tables.steps(), quote(work.record.id().as_str()));
            self.owed.push(format!(
                "UPDATE {steps} SET finished_at = {NOW}, error = NULL WHERE id = {id} AND n = {n}"
            ));
        }
    }

    pub(super) fn owe_end(&mut self, work: &Work<'_>, start: Instant) {
        let end = self.end(work, &elapsed(start).to_string());
        self.owed.extend(end);
    }

    /// SQL that is written when a script is done.
    pub(super) fn end(&self, work: &Work<'_>, duration: &str) -> Vec<String> {
        if self.scratch {
            return Vec::new();
        }
        let record = self.tables.record(&self.words(), &work.run.id, work.record, duration);
        vec![record, self.tables.delete_steps(&self.words(), work.record.id())]
    }

    /// SQL that is written in the transaction of statements that end with `n`.
    pub(super) fn data_row(&self, work: &Work<'_>, n: usize, start: Instant) -> Vec<String> {
        if work.is_last(n) {
            let so_far = elapsed(start);
            return self.end(work, &format!("{so_far} + {}", super::session::DURATION));
        }
        if self.scratch {
            return Vec::new();
        }
        let (steps, id) = (self.tables.steps(), quote(work.record.id().as_str()));
        let hash = prefix_hash(work.script, work.statements, n);
        vec![format!(
            "REPLACE INTO {steps} (id, n, started_at, finished_at, prefix_hash, direction) \
             VALUES ({id}, {n}, {NOW}, {NOW}, '{hash}', '{}')",
            work.record.direction()
        )]
    }

    /// Remembers what a statement failed with, so that `status` can tell; nothing where nothing of the
    /// migration stayed. The connection may be gone: then the row before the statement speaks.
    pub(super) async fn note_failure(
        &mut self,
        work: &Work<'_>,
        kept: usize,
        n: usize,
        failure: &TaskFailure,
    ) {
        if self.scratch || !matches!(failure.error, DatabaseError::Sql(_)) {
            return;
        }
        if kept == 0 && failure.trace == Trace::Nothing && !work.marked {
            self.owed.push(self.tables.delete_steps(&self.words(), work.record.id()));
        } else {
            let (steps, id) = (self.tables.steps(), quote(work.record.id().as_str()));
            let hash = prefix_hash(work.script, work.statements, n);
            let error = quote(&failure.error.to_string());
            self.owed.push(format!("DELETE FROM {steps} WHERE id = {id} AND error IS NOT NULL"));
            self.owed.push(format!(
                "INSERT INTO {steps} (id, n, started_at, prefix_hash, error, direction) \
                 VALUES ({id}, {n}, {NOW}, '{hash}', {error}, '{}') ON DUPLICATE KEY UPDATE error = VALUES(error)",
                work.record.direction()
            ));
        }
        let _ = self.pay().await;
    }

    /// The row of a run, once.
    pub(super) fn owe_run(&mut self, run: &NewRun) {
        if !self.scratch && self.run.as_ref() != Some(&run.id) {
            self.owed.push(self.tables.insert_run(&self.words(), run));
            self.run = Some(run.id.clone());
        }
    }

    /// Writes what the journal owes.
    pub(super) async fn pay(&mut self) -> Result<(), DatabaseError> {
        if self.owed.is_empty() {
            return Ok(());
        }
        let mut statements = vec!["START TRANSACTION".to_owned()];
        statements.extend(self.owed.iter().cloned());
        statements.push("COMMIT".to_owned());
        if let Err(failed) = self.send(&statements).await {
            let _ = self.execute("ROLLBACK").await;
            return Err(failed.error);
        }
        self.owed.clear();
        Ok(())
    }

    /// Our tables, where they are absent.
    pub(super) async fn make_tables(&mut self) -> Result<(), DatabaseError> {
        if !self.ready && !self.scratch {
            let mut statements = Vec::from(create(&self.tables));
            statements.extend(is_outdated(self.layout).then(|| upgrade(&self.tables)));
            self.send(&statements).await.map_err(|failed| failed.error)?;
            self.ready = true;
        }
        Ok(())
    }
}

/// Milliseconds since then.
pub(super) fn elapsed(start: Instant) -> i64 {
    i64::try_from(start.elapsed().as_millis()).unwrap_or(i64::MAX)
}
