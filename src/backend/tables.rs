//! Our own tables: their names, and the SQL that differs by nothing but names.

use crate::database::NewRow;
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

    /// `INSERT INTO … VALUES (…` of a history row, up to and without the time and the duration.
    pub(super) fn insert_row(
        &self,
        row: &NewRow,
        dialect: &str,
        run: &str,
        quote: fn(&str) -> String,
    ) -> String {
        format!(
            "INSERT INTO {} (id, checksum, dialect, kind, run, position, executed_at, execution_ms) VALUES ({}, '{}', '{dialect}', '{}', {}, {}",
            self.migrations(),
            quote(row.id.as_str()),
            row.checksum,
            row.kind.name(),
            quote(run),
            row.position,
        )
    }
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
