//! Data statements that have run before, once more in the open transaction.
//!
//! Sent one by one, so that the rows of each are counted. What they are for, and that they only change rows, the
//! plan knows.

use sqlx::AssertSqlSafe;

use super::Postgres;
use super::session::{FIRE_DEFERRED, RESET, Scope, offset};
use crate::database::TaskFailure;
use crate::migration::Script;
use crate::sql::Statement;

impl Postgres {
    /// Answers with how many rows they changed.
    pub(super) async fn run_again(
        &mut self,
        script: &Script,
        statements: &[Statement],
    ) -> Result<u64, TaskFailure> {
        self.set(&script.session).await.map_err(TaskFailure::before)?;
        let mut rows = 0;
        for (n, statement) in statements.iter().enumerate() {
            let text = &script.text[statement.span.clone()];
            let sent = sqlx::raw_sql(AssertSqlSafe(text.to_owned())).execute(&mut self.connection).await;
            let done = sent.map_err(super::error).map_err(|error| {
                let at = offset(text, &error).map(|at| statement.span.start + at);
                TaskFailure { offset: at, ..TaskFailure::new(Some(n), error) }
            })?;
            rows += done.rows_affected();
        }
        // a table with pending triggers cannot be altered behind it
        let fire = if self.said.deferrable { FIRE_DEFERRED } else { "" };
        let tidy = format!("{fire}{RESET}; SELECT {}", self.settings(Scope::Transaction));
        self.execute(tidy).await.map_err(|error| TaskFailure::new(None, error))?;
        Ok(rows)
    }
}
