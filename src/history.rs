//! What the database says has run, as values.
//!
//! How the rows are stored and read belongs to the backends; what they mean for the lock belongs to
//! `lock::merge`.

mod seen;

use std::collections::HashMap;

use crate::dialect::Dialect;
use crate::id::{Checksum, MigrationId};

pub use seen::{Lacks, PutBack, Seen};

/// How a migration came into the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// We ran it.
    Applied,
    /// Taken over from another tool's history.
    Imported,
    /// Marked by hand, nothing ran.
    Marked,
    /// Part of a schema that was there before.
    Baseline,
    /// It has run; a base stands for it now.
    Archived,
}

impl RowKind {
    /// The word in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Imported => "imported",
            Self::Marked => "marked",
            Self::Baseline => "baseline",
            Self::Archived => "archived",
        }
    }

    /// The kind of that word.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Applied, Self::Imported, Self::Marked, Self::Baseline, Self::Archived]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// One row of `db_migrations`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The migration.
    pub id: MigrationId,
    /// The hash of the one text that ran here; `None` where another tool kept none.
    pub checksum: Option<Checksum>,
    /// The database it ran on.
    pub dialect: Option<Dialect>,
    /// How it came here.
    pub kind: RowKind,
    /// The run that wrote it.
    pub run: String,
    /// Its place in the order of execution, from 1.
    pub position: i64,
    /// When, by the server's clock, as text in UTC (RFC 3339).
    pub executed_at: String,
    /// How long, in milliseconds; `None` where it was not measured.
    pub execution_ms: Option<i64>,
}

/// A row of `db_migrations_step`: a statement outside of a transaction, or several that stand or fall
/// together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRow {
    /// The migration.
    pub id: MigrationId,
    /// The statement, from 0; the last one of several.
    pub n: usize,
    /// Whether its end is known.
    pub finished: bool,
    /// The hash of the text up to its end.
    pub prefix: Option<Checksum>,
    /// What the database said, if it failed.
    pub error: Option<String>,
    /// The fingerprint, before it began, of what it changes.
    pub fingerprint: Option<Checksum>,
    /// It belongs to the down script.
    pub undoing: bool,
    /// The text that it means, if it stands for another statement (`EXECUTE`).
    pub meant: Option<String>,
}

/// A statement that was begun and of which no end is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interrupted {
    /// The fingerprint, before it began, of what it changes.
    pub fingerprint: Option<Checksum>,
    /// The hash of the text up to its end.
    pub prefix: Option<Checksum>,
    /// The text that it means, if it stands for another statement.
    pub meant: Option<String>,
}

/// A migration outside of a transaction, of which only some statements have finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partial {
    /// The migration.
    pub id: MigrationId,
    /// How many of its statements have finished.
    pub finished: usize,
    /// The next one was begun, and no end of it is known.
    pub interrupted: Option<Interrupted>,
    /// A statement that failed, from 0, and what the database said.
    pub failed: Option<(usize, String)>,
    /// The hash of the text up to the end of the last finished statement.
    pub prefix: Option<Checksum>,
    /// It is the down script that stopped half-way.
    pub undoing: bool,
}

impl Partial {
    /// What the step rows, in the order of id and number, say.
    pub fn collect(steps: impl IntoIterator<Item = StepRow>) -> Vec<Self> {
        let mut partial: Vec<Self> = Vec::new();
        for step in steps {
            if partial.last().is_none_or(|last| last.id != step.id) {
                partial.push(Self {
                    id: step.id.clone(),
                    finished: 0,
                    interrupted: None,
                    failed: None,
                    prefix: None,
                    undoing: step.undoing,
                });
            }
            let Some(last) = partial.last_mut() else { continue };
            if step.finished {
                // what is known of the ones before it is the past
                *last = Self {
                    finished: step.n + 1,
                    prefix: step.prefix,
                    interrupted: None,
                    failed: None,
                    ..last.clone()
                };
            } else if let Some(error) = step.error {
                last.failed = Some((step.n, error));
            } else {
                last.interrupted = Some(Interrupted {
                    fingerprint: step.fingerprint,
                    prefix: step.prefix,
                    meant: step.meant,
                });
            }
        }
        partial
    }
}

/// The newest row of `db_migrations_run`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// When it began, UTC.
    pub started_at: String,
    /// What the schema check said, once it has.
    pub verdict: Option<String>,
}

/// The layout of the history's tables that this version makes. 1 had no `layout` of runs, and no
/// `direction` of steps on SQLite and PostgreSQL.
pub const LAYOUT: u32 = 2;

/// The verdict of a run whose migrations stay although its checks refused them.
pub const REFUSED: &str = "refused";

/// Where a row is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shelf {
    Rows,
    Archive,
}

/// All that has run, in the order in which it ran.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    rows: Vec<Row>,
    archived: Vec<Row>,
    index: HashMap<MigrationId, (Shelf, usize)>,
    /// Migrations that stopped half-way.
    pub partial: Vec<Partial>,
    /// The newest run, if any was recorded.
    pub last_run: Option<Run>,
    /// The layout of the tables; `None` where they are absent.
    pub layout: Option<u32>,
    /// The release of each run whose release is known.
    releases: HashMap<String, String>,
    /// The runs since the first one of a release that did not know what was here.
    seen: Vec<Seen>,
}

impl History {
    /// A history of these rows, which are sorted by position.
    pub fn new(mut rows: Vec<Row>) -> Self {
        rows.sort_by_key(|row| row.position);
        let (archived, rows): (Vec<Row>, Vec<Row>) =
            rows.into_iter().partition(|row| row.kind == RowKind::Archived);
        let places = |shelf, rows: &[Row]| -> Vec<_> {
            rows.iter().enumerate().map(|(i, row)| (row.id.clone(), (shelf, i))).collect()
        };
        let index = [places(Shelf::Archive, &archived), places(Shelf::Rows, &rows)].concat();
        Self { index: index.into_iter().collect(), rows, archived, ..Self::default() }
    }

    /// With what stopped half-way. A migration that has a row is whole, unless it was being undone.
    pub fn set_partial(&mut self, partial: Vec<Partial>) {
        self.partial = partial.into_iter().filter(|one| one.undoing || !self.contains(&one.id)).collect();
    }

    /// With the releases of runs, as far as they are known.
    pub fn set_releases(&mut self, releases: impl IntoIterator<Item = (String, String)>) {
        self.releases = releases.into_iter().collect();
    }

    /// The release in which a row was written.
    pub fn release_of(&self, row: &Row) -> Option<&str> {
        self.releases.get(&row.run).map(String::as_str)
    }

    /// The rows in the order of execution, without what bases stand for.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The rows of migrations for which a base stands now.
    pub fn archived(&self) -> &[Row] {
        &self.archived
    }

    /// The row of a migration, archived or not: an older release, which knows no base, finds what it needs.
    pub fn get(&self, id: &MigrationId) -> Option<&Row> {
        self.index.get(id).map(|place| match *place {
            (Shelf::Rows, i) => &self.rows[i],
            (Shelf::Archive, i) => &self.archived[i],
        })
    }

    /// Whether the checks had their last word: a run that was refused, or that ended before it was checked,
    /// is checked again even if nothing else is to be done.
    pub fn is_settled(&self) -> bool {
        self.last_run
            .as_ref()
            .is_none_or(|run| run.verdict.as_deref().is_some_and(|verdict| verdict != REFUSED))
    }

    /// Its row, under its id or under an older one.
    pub fn get_under<'a>(
        &self,
        id: &MigrationId,
        older: impl IntoIterator<Item = &'a MigrationId>,
    ) -> Option<&Row> {
        self.get(id).or_else(|| older.into_iter().find_map(|old| self.get(old)))
    }

    /// Whether it has run here.
    pub fn contains(&self, id: &MigrationId) -> bool {
        self.index.contains_key(id)
    }

    /// Whether no run of ours has ended here yet: what other tools left is not ours to pass over.
    pub fn is_untouched(&self) -> bool {
        self.is_empty() && self.last_run.as_ref().is_none_or(|run| run.verdict.is_none())
    }

    /// Whether nothing has run, not even half.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.archived.is_empty() && self.partial.is_empty()
    }

    /// The position that the next row gets.
    pub fn next_position(&self) -> i64 {
        let last = |rows: &[Row]| rows.last().map_or(0, |row| row.position);
        last(&self.rows).max(last(&self.archived)) + 1
    }
}
