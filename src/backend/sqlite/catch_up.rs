//! Data statements that have run before, once more in the open transaction.
//!
//! Handed over one by one, so that the rows of each are counted. What they are for, and that they only change
//! rows, the plan knows.

use sqlx::AssertSqlSafe;

use super::Sqlite;
use crate::backend::error;
use crate::database::TaskFailure;
use crate::migration::Script;
use crate::sql::Statement;

impl Sqlite {
    /// Answers with how many rows they changed.
    pub(super) async fn run_again(
        &mut self,
        script: &Script,
        statements: &[Statement],
    ) -> Result<u64, TaskFailure> {
        let mut rows = 0;
        for (n, statement) in statements.iter().enumerate() {
            let text = script.text[statement.span.clone()].to_owned();
            let done = sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut self.connection).await;
            rows += done.map_err(|fault| TaskFailure::new(Some(n), error(fault)))?.rows_affected();
        }
        Ok(rows)
    }
}
