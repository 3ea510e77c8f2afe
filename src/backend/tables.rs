//! Our own tables: their names, and the SQL that differs by nothing but names.
//!
//! The layout of the tables is the default value of the runs' column `layout`, so every row of a run says
//! the layout that it was written into.

use super::mirror;
use crate::database::{DatabaseError, ForeignColumn, ForeignTable, NewRow, NewRun, Note, Record};
use crate::dialect::Dialect;
use crate::history::{LAYOUT, RowKind};
use crate::id::{Checksum, IdError, MigrationId};

/// The three tables of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    schema: Option<String>,
    base: String,
    /// What stands around a name.
    mark: char,
}

impl Default for Tables {
    fn default() -> Self {
        Self { schema: None, base: "db_migrations".to_owned(), mark: '"' }
    }
}

impl Tables {
    /// Takes names of letters, digits and `_`, so that they need no escape anywhere.
    pub fn new(schema: Option<&str>, base: &str) -> Result<Self, IdError> {
        for name in schema.into_iter().chain([base]) {
            let first = name.chars().next().ok_or(IdError::Empty)?;
            if !first.is_ascii_alphabetic() && first != '_' {
                return Err(if first.is_ascii_digit() {
                    IdError::First(first)
                } else {
                    IdError::Character(first)
                });
            }
            if let Some(c) = name.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '_') {
                return Err(IdError::Character(c));
            }
            if name.len() > 58 {
                return Err(IdError::TooLong);
            }
        }
        Ok(Self { schema: schema.map(str::to_owned), base: base.to_owned(), mark: '"' })
    }

    /// The same in a schema of any name, with other quotes around the names.
    #[cfg(feature = "mysql")]
    pub(super) fn quoted(self, schema: &str, mark: char) -> Self {
        Self { schema: Some(schema.to_owned()), mark, ..self }
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
        let mark = self.mark;
        let quote = |name: &str| format!("{mark}{}{mark}", name.replace(mark, &format!("{mark}{mark}")));
        match &self.schema {
            Some(schema) => format!("{}.{}", quote(schema), quote(name)),
            None => quote(name),
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

    /// SQL that writes a history row, and those of what it stands for; `duration` is an expression for what was measured.
    pub(super) fn insert_row(&self, words: &Words, run: &str, row: &NewRow, duration: &str) -> String {
        let values = |id: &MigrationId, checksum: &str, kind: RowKind, duration: &str| {
            format!(
                "({}, {checksum}, '{}', '{}', {}, {}, {}, {duration})",
                (words.quote)(id.as_str()),
                words.dialect,
                kind.name(),
                (words.quote)(run),
                row.position,
                row.executed_at.as_deref().map_or_else(|| words.now.to_owned(), words.timestamp),
            )
        };
        let duration = row.execution_ms.map_or_else(|| duration.to_owned(), |ms| ms.to_string());
        let formers = row.formers.iter().map(|id| values(id, "NULL", RowKind::Archived, "NULL"));
        let own = values(&row.id, &format!("'{}'", row.checksum), row.kind, &duration);
        // its own last: what it returns is read from the last row
        let rows: Vec<String> = formers.chain([own]).collect();
        format!(
            "INSERT INTO {} (id, checksum, dialect, kind, run, position, executed_at, execution_ms) VALUES {}",
            self.migrations(),
            rows.join(", ")
        )
    }

    /// SQL that writes what a script's end means for the history.
    pub(super) fn record(&self, words: &Words, run: &str, record: Record<'_>, duration: &str) -> String {
        match record {
            Record::Applied(row) => self.insert_row(words, run, row, duration),
            Record::Undone(id, formers) => self.delete_rows(words, id, formers),
        }
    }

    /// SQL that writes rows of migrations that did not run here, a message at a time.
    fn insert_rows(&self, words: &Words, run: &str, rows: &[NewRow]) -> Vec<String> {
        let message = |chunk: &[NewRow]| {
            let rows: Vec<String> =
                chunk.iter().map(|row| self.insert_row(words, run, row, "NULL")).collect();
            rows.join(";\n")
        };
        rows.chunks(200).map(message).collect()
    }

    /// SQL that writes a run's row, once.
    pub(super) fn insert_run(&self, words: &Words, run: &NewRun) -> String {
        let (quote, mark) = (words.quote, self.mark);
        format!(
            "INSERT {}INTO {} (id, started_at, lock_digest, tool_version, {mark}user{mark}, reason, {mark}release{mark}) \
             VALUES ({}, {}, '{}', {}, {}, {}, {}){}",
            words.once.0,
            self.runs(),
            quote(&run.id),
            words.now,
            run.lock_digest,
            quote(run.tool_version),
            quote(&run.user),
            run.reason.as_deref().map_or_else(|| "NULL".to_owned(), quote),
            run.release.as_deref().map_or_else(|| "NULL".to_owned(), quote),
            words.once.1,
        )
    }

    /// Which runs came after one that did not know what was here.
    #[cfg(any(feature = "mysql", feature = "postgres"))]
    pub(super) fn since_one_lacked(&self) -> String {
        let runs = self.runs();
        format!("started_at >= (SELECT min(started_at) FROM {runs} WHERE reason LIKE 'lacks %')")
    }

    /// SQL that writes into our tables, a message at a time.
    pub(super) fn notes(&self, words: &Words, note: Note<'_>) -> Vec<String> {
        match note {
            Note::Run(run) => vec![self.insert_run(words, run)],
            Note::Rows(run, rows) => self.insert_rows(words, &run.id, rows),
            Note::Verdict(run, verdict) => vec![self.set_verdict(words, run, verdict)],
            Note::Unrecorded(id) => vec![self.delete_rows(words, id, &[])],
            Note::Archived(ids) => ids.chunks(200).map(|ids| self.archive(words, ids)).collect(),
            Note::Accepted(id, checksum) => vec![self.set_checksum(words, id, checksum)],
            Note::Mirrored(table, rows) => {
                let dialect = words.dialect;
                let create = dialect.facts().transactional_ddl.then(|| mirror::create(dialect, table));
                create.into_iter().chain(mirror::insert(dialect, words, table, rows)).collect()
            }
            Note::Unmirrored(table, versions) => mirror::delete(words.dialect, words, table, versions),
            Note::Settled(id) => vec![self.delete_steps(words, id)],
        }
    }

    /// The same as one text, for another client. How long it took there is not known.
    pub(super) fn note_text(&self, words: &Words, note: Note<'_>) -> String {
        self.notes(words, note).join(";\n")
    }

    /// SQL that takes a migration's history row away, and those of the ones for which it stood.
    fn delete_rows(&self, words: &Words, id: &MigrationId, formers: &[MigrationId]) -> String {
        let ids: Vec<String> =
            std::iter::once(id).chain(formers).map(|id| (words.quote)(id.as_str())).collect();
        match &ids[..] {
            [id] => format!("DELETE FROM {} WHERE id = {id}", self.migrations()),
            ids => format!("DELETE FROM {} WHERE id IN ({})", self.migrations(), ids.join(", ")),
        }
    }

    /// SQL that puts rows into the archive.
    fn archive(&self, words: &Words, ids: &[MigrationId]) -> String {
        let ids: Vec<String> = ids.iter().map(|id| (words.quote)(id.as_str())).collect();
        let kind = RowKind::Archived.name();
        format!("UPDATE {} SET kind = '{kind}' WHERE id IN ({})", self.migrations(), ids.join(", "))
    }

    /// SQL that gives a migration's history row another checksum.
    fn set_checksum(&self, words: &Words, id: &MigrationId, checksum: Checksum) -> String {
        let id = (words.quote)(id.as_str());
        format!("UPDATE {} SET checksum = '{checksum}' WHERE id = {id}", self.migrations())
    }

    /// SQL that takes a migration's step rows away.
    pub(super) fn delete_steps(&self, words: &Words, id: &MigrationId) -> String {
        format!("DELETE FROM {} WHERE id = {}", self.steps(), (words.quote)(id.as_str()))
    }

    /// SQL that writes down what the schema check said.
    fn set_verdict(&self, words: &Words, run: &NewRun, verdict: &str) -> String {
        let quote = words.quote;
        format!("UPDATE {} SET verdict = {} WHERE id = {}", self.runs(), quote(verdict), quote(&run.id))
    }
}

/// The layout as the newest run says it. One that is newer than ours cannot be understood.
pub(super) fn known_layout(layout: i64, tool_version: &str) -> Result<u32, DatabaseError> {
    match u32::try_from(layout) {
        Ok(layout) if layout <= LAYOUT => Ok(layout),
        _ => Err(DatabaseError::Unfit(format!(
            "the history tables have layout {layout}, and this db-migrations {} knows layouts up to {LAYOUT}: \
             use version {tool_version} or a newer one",
            env!("CARGO_PKG_VERSION")
        ))),
    }
}

/// The question for another tool's rows; how a column becomes text is the database's.
pub(super) fn select(
    table: ForeignTable<'_>,
    column: impl Fn(&ForeignColumn) -> String,
    from: &str,
) -> String {
    let columns: Vec<String> = table.columns.iter().map(column).collect();
    format!("SELECT {} FROM {from} AS t ORDER BY {}", columns.join(", "), table.order)
}

/// Whether tables that were read must be brought to the present layout.
pub(super) fn is_outdated(layout: Option<u32>) -> bool {
    layout.is_some_and(|layout| layout < LAYOUT)
}

/// How a database spells what the shared statements need.
pub(super) struct Words {
    /// Whose they are.
    pub(super) dialect: Dialect,
    /// A text as a literal.
    pub(super) quote: fn(&str) -> String,
    /// The server's clock.
    pub(super) now: &'static str,
    /// A time of another tool's history.
    pub(super) timestamp: fn(&str) -> String,
    /// What `INSERT` and its end say where a row may be there already.
    pub(super) once: (&'static str, &'static str),
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
