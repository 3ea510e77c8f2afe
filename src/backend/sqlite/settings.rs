//! Settings of the connection, which one migration may change and the next must not see.
//!
//! What they are is read once, before the first migration that has a PRAGMA, and set again behind each
//! such one. `case_sensitive_like` cannot be read; nobody but a migration switches it on. What belongs
//! to the database (`user_version`, a journal in WAL mode) is a migration's work, and stays.

use sqlx::Row as _;

use super::Sqlite;
use crate::backend::error;
use crate::database::DatabaseError;

/// Settings that can be set inside of a transaction; `query_only` first, since it forbids much.
const NAMES: [&str; 27] = [
    "query_only",
    "analysis_limit",
    "automatic_index",
    "busy_timeout",
    "cache_size",
    "cache_spill",
    "cell_size_check",
    "checkpoint_fullfsync",
    "count_changes",
    "defer_foreign_keys",
    "empty_result_callbacks",
    "full_column_names",
    "fullfsync",
    "ignore_check_constraints",
    "journal_size_limit",
    "legacy_alter_table",
    "locking_mode",
    "mmap_size",
    "read_uncommitted",
    "recursive_triggers",
    "reverse_unordered_selects",
    "secure_delete",
    "short_column_names",
    "threads",
    "trusted_schema",
    "wal_autocheckpoint",
    "writable_schema",
];

/// Settings that can be set outside of a transaction only.
const OUTSIDE: [&str; 2] = ["synchronous", "temp_store"];

/// How a connection was before a migration changed it.
#[derive(Clone, Debug)]
pub(super) struct Baseline {
    /// The statements that bring its settings back.
    pub(super) reset: String,
    outside: String,
    journal: Option<String>,
}

impl Sqlite {
    /// How the connection is; read once.
    pub(super) async fn baseline(&mut self) -> Result<Baseline, DatabaseError> {
        if self.baseline.is_none() {
            let mut reset = String::new();
            for name in NAMES {
                reset.push_str(&self.bring_back(name).await?);
            }
            reset.push_str("PRAGMA case_sensitive_like = OFF; ");
            let mut outside = String::new();
            for name in OUTSIDE {
                outside.push_str(&self.bring_back(name).await?);
            }
            let journal = self.setting("journal_mode").await?;
            self.baseline = Some(Baseline { reset, outside, journal });
        }
        self.baseline.clone().ok_or_else(|| DatabaseError::Lost("no settings".to_owned()))
    }

    /// The value of a setting, as it can be set again; `None` where this build does not have it.
    async fn setting(&mut self, name: &str) -> Result<Option<String>, DatabaseError> {
        let rows = self.fetch(format!("PRAGMA {name}")).await?;
        let Some(row) = rows.first().filter(|row| !row.columns().is_empty()) else { return Ok(None) };
        let value = row.try_get_unchecked::<String, _>(0).map_err(error)?;
        Ok(Some(value))
    }

    async fn bring_back(&mut self, name: &str) -> Result<String, DatabaseError> {
        let value = self.setting(name).await?;
        Ok(value.map_or_else(String::new, |value| format!("PRAGMA {name} = {value}; ")))
    }

    /// Behind a migration outside of a transaction: its settings, its temporary objects and what it has
    /// attached are gone. A journal that could not roll back does not stay either.
    pub(super) async fn tidy(&mut self) -> Result<(), DatabaseError> {
        let baseline = self.baseline().await?;
        self.execute(format!("{}{}", baseline.reset, baseline.outside)).await?;
        self.drop_temporary().await?;
        for row in self.fetch("SELECT name FROM pragma_database_list WHERE seq > 1").await? {
            let name: String = row.try_get(0).map_err(error)?;
            self.execute(format!("DETACH \"{}\"", name.replace('"', "\"\""))).await?;
        }
        let now = self.setting("journal_mode").await?;
        if let Some(before) = baseline.journal.filter(|before| Some(before) != now.as_ref())
            && now.as_deref() != Some("wal")
            && before != "wal"
        {
            self.execute(format!("PRAGMA journal_mode = {before}")).await?;
        }
        Ok(())
    }
}
