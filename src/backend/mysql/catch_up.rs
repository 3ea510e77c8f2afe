//! Data statements that have run before, once more in the open transaction.
//!
//! Sent one by one, so that the rows of each are counted: those that its condition finds, as the driver asks the
//! server. What they are for, and that they only change rows, the plan knows.

use sqlx::AssertSqlSafe;

use super::MySql;
use super::message::offset;
use crate::database::{DatabaseError, TaskFailure};
use crate::migration::Script;
use crate::sql::{self, Statement};

impl MySql {
    /// Answers with how many rows they changed.
    pub(super) async fn run_again(
        &mut self,
        script: &Script,
        statements: &[Statement],
    ) -> Result<u64, TaskFailure> {
        let leftovers = sql::leftovers(self.server.dialect, &script.text, statements);
        self.prepare_session(&script.session, &leftovers).await.map_err(TaskFailure::before)?;
        let mut rows = 0;
        for (n, statement) in statements.iter().enumerate() {
            let text = &script.text[statement.span.clone()];
            let sent = sqlx::raw_sql(AssertSqlSafe(text.to_owned())).execute(&mut self.connection).await;
            match sent.map_err(super::error) {
                Ok(done) => rows += done.rows_affected(),
                Err(error) => return Err(self.not_again(script, statement, n, error).await),
            }
        }
        let tidied = self.tidy(&script.session, &leftovers).await;
        tidied.map_err(|error| TaskFailure::new(None, error))?;
        Ok(rows)
    }

    async fn not_again(
        &mut self,
        script: &Script,
        statement: &Statement,
        n: usize,
        error: DatabaseError,
    ) -> TaskFailure {
        let text = &script.text[statement.span.clone()];
        let at = offset(text, &error).map(|at| statement.span.start + at);
        TaskFailure { offset: at, ..TaskFailure::new(Some(n), self.explain(error).await) }
    }
}
