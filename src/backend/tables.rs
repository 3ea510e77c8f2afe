//! Our own tables: their names, and the SQL that differs by nothing but names.

use crate::database::{NewRow, NewRun};
use crate::id::IdError;

/// The three tables of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    schema: Option<String>,
    base: String,
}

impl Default for Tables {
    fn default() -> Self {
        Self { schema: None, base: "db_migrations".to_owned() }
    }
}

impl Tables {
    /// Takes names of letters, digits and `_`, so that they need no escape anywhere.
    pub fn new(schema: Option<&str>, base: &str) -> Result<Self, IdError> {
        for name in schema.into_iter().chain([base]) {
            let first = name.chars().next().ok_or(IdError::Empty)?;
            if !first.is_ascii_alphabetic() && first != '_' {
                return Err(IdError::Character(first));
            }
            if let Some(c) = name.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '_') {
                return Err(IdError::Character(c));
            }
            if name.len() > 58 {
                return Err(IdError::TooLong);
            }
        }
        Ok(Self { schema: schema.map(str::to_owned), base: base.to_owned() })
    }

    /// The schema, where the database has schemas.
    pub fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// The unqualified names of all three.
    pub fn names(&self) -> [String; 3] {
        [self.base.clone(), format!("{}_run", self.base), format!("{}_step", self.base)]
    }

    fn qualified(&self, name: &str) -> String {
        match &self.schema {
            Some(schema) => format!("\"{schema}\".\"{name}\""),
            None => format!("\"{name}\""),
        }
    }

    /// The table of what has run.
    pub fn migrations(&self) -> String {
        self.qualified(&self.base)
    }

    /// The table of runs.
    pub fn runs(&self) -> String {
        self.qualified(&format!("{}_run", self.base))
    }

    /// The table of statements outside of transactions.
    pub fn steps(&self) -> String {
        self.qualified(&format!("{}_step", self.base))
    }

    /// What the guard is named after.
    pub fn guard_name(&self, default_schema: &str) -> String {
        format!("db-migrations:{}.{}", self.schema.as_deref().unwrap_or(default_schema), self.base)
    }

    /// SQL that writes a history row; `duration` is an expression for what was measured.
    pub(super) fn insert_row(&self, words: &Words, run: &str, row: &NewRow, duration: &str) -> String {
        format!(
            "INSERT INTO {} (id, checksum, dialect, kind, run, position, executed_at, execution_ms) \
             VALUES ({}, '{}', '{}', '{}', {}, {}, {}, {})",
            self.migrations(),
            (words.quote)(row.id.as_str()),
            row.checksum,
            words.dialect,
            row.kind.name(),
            (words.quote)(run),
            row.position,
            row.executed_at.as_deref().map_or_else(|| words.now.to_owned(), words.timestamp),
            row.execution_ms.map_or_else(|| duration.to_owned(), |ms| ms.to_string()),
        )
    }

    /// SQL that writes rows of migrations that did not run here, a message at a time.
    pub(super) fn insert_rows(&self, words: &Words, run: &str, rows: &[NewRow]) -> Vec<String> {
        let message = |chunk: &[NewRow]| {
            let rows: Vec<String> =
                chunk.iter().map(|row| self.insert_row(words, run, row, "NULL")).collect();
            rows.join(";\n")
        };
        rows.chunks(200).map(message).collect()
    }

    /// SQL that writes a run's row, once.
    pub(super) fn insert_run(&self, words: &Words, run: &NewRun) -> String {
        let quote = words.quote;
        format!(
            "INSERT INTO {} (id, started_at, lock_digest, tool_version, \"user\", reason) VALUES ({}, {}, '{}', {}, {}, {}) \
             ON CONFLICT DO NOTHING",
            self.runs(),
            quote(&run.id),
            words.now,
            run.lock_digest,
            quote(run.tool_version),
            quote(&run.user),
            run.reason.as_deref().map_or_else(|| "NULL".to_owned(), quote),
        )
    }

    /// SQL that writes down what the schema check said.
    pub(super) fn set_verdict(&self, words: &Words, run: &NewRun, verdict: &str) -> String {
        let quote = words.quote;
        format!("UPDATE {} SET verdict = {} WHERE id = {}", self.runs(), quote(verdict), quote(&run.id))
    }
}

/// How a database spells what the shared statements need.
pub(super) struct Words {
    /// Its name.
    pub(super) dialect: &'static str,
    /// A text as a literal.
    pub(super) quote: fn(&str) -> String,
    /// The server's clock.
    pub(super) now: &'static str,
    /// A time of another tool's history.
    pub(super) timestamp: fn(&str) -> String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_need_quoting_are_refused() {
        for bad in ["", "a b", "a\"b", "a.b", "1a", "a;drop", "ä"] {
            assert!(Tables::new(None, bad).is_err(), "{bad}");
            assert!(Tables::new(Some(bad), "x").is_err(), "{bad}");
        }
        assert_eq!(Tables::new(Some("s"), "m").unwrap().steps(), "\"s\".\"m_step\"");
    }
}
