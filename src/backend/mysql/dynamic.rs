//! What a `CALL` or an `EXECUTE` stands for, as far as the server tells.
//!
//! A conditional change is written there as a text in a variable that is prepared and executed, or as
//! a procedure that is called. Knowing the text makes such a statement as decidable after a crash as
//! if it stood there itself; a procedure whose body only changes rows takes part in a transaction.

use super::{MySql, quote_name, text};
use crate::database::DatabaseError;
use crate::sql::{self, Commits, Executed, Source};

/// What a statement does to the transaction, and the text that it means if it stands for another one.
pub(super) struct Meaning {
    pub(super) commits: Commits,
    pub(super) text: Option<String>,
}

impl MySql {
    pub(super) async fn meaning(&mut self, statement: &str) -> Result<Meaning, DatabaseError> {
        let dialect = self.server.dialect;
        let commits = sql::commits(dialect, statement);
        if commits != Commits::Opaque {
            return Ok(Meaning { commits, text: None });
        }
        if self.calls_data_only(statement).await? {
            return Ok(Meaning { commits: Commits::No, text: None });
        }
        let text = match sql::executed(dialect, statement) {
            Some(Executed::Named(name)) => self.prepared.get(&name).cloned(),
            Some(Executed::Immediate(source)) => self.source(source).await?,
            None => None,
        };
        let commits = text.as_ref().map_or(commits, |text| sql::commits(dialect, text));
        Ok(Meaning { commits, text })
    }

    /// Remembers what a `PREPARE` that has run means.
    pub(super) async fn note_prepared(&mut self, statement: &str) -> Result<(), DatabaseError> {
        if let Some((name, source)) = sql::prepared(self.server.dialect, statement) {
            let text = match source {
                Some(source) => self.source(source).await?,
                None => None,
            };
            match text {
                Some(text) => _ = self.prepared.insert(name, text),
                None => _ = self.prepared.remove(&name),
            }
        }
        Ok(())
    }

    async fn source(&mut self, source: Source) -> Result<Option<String>, DatabaseError> {
        match source {
            Source::Text(text) => Ok(Some(text)),
            Source::Variable(name) => self.one(format!("SELECT @{}", quote_name(&name))).await,
        }
    }

    /// Whether a statement calls a procedure whose body holds nothing that could commit.
    async fn calls_data_only(&mut self, statement: &str) -> Result<bool, DatabaseError> {
        let Some(name) = sql::called_procedure(self.server.dialect, statement) else { return Ok(false) };
        let name: Vec<String> = name.iter().map(|part| quote_name(part)).collect();
        let rows = match self.fetch(format!("SHOW CREATE PROCEDURE {}", name.join("."))).await {
            Ok(rows) => rows,
            Err(DatabaseError::Sql(_)) => return Ok(false),
            Err(error) => return Err(error),
        };
        let body = rows.first().map_or(Ok(None), |row| text(row, 2))?;
        Ok(body.is_some_and(|body| sql::body_only_changes_rows(self.server.dialect, &body)))
    }
}
