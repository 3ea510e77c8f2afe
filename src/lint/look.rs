//! What a rule looks at: one migration on one database, with what was there before it.

use std::collections::HashSet;
use std::ops::Range;

use super::known::{Key, Known, key};
use super::squawk::Hit;
use crate::diagnostic::Frame;
use crate::dialect::Dialect;
use crate::migration::{Migration, Phase, Script};
use crate::sql::{Act, Object, Reading, What};

/// One migration on one database.
pub(super) struct Look<'a> {
    pub(super) migration: &'a Migration,
    pub(super) dialect: Dialect,
    pub(super) script: &'a Script,
    pub(super) readings: &'a [Reading],
    /// Its way back, if it has one.
    pub(super) down: Option<(&'a Script, &'a [Reading])>,
    pub(super) known: &'a Known,
    /// Squawk's verdicts on each statement; `None` = not parsed.
    pub(super) hits: &'a [Option<Vec<Hit>>],
    /// Whether foreign keys are enforced while it runs (SQLite).
    pub(super) foreign_keys: bool,
    /// Whether migrations of its module have ways back, or they were asked for.
    pub(super) wants_down: bool,
    here: Here,
}

/// What the migration itself makes and takes away.
#[derive(Default)]
struct Here {
    made: HashSet<Key>,
    made_columns: HashSet<(Key, String)>,
    dropped: HashSet<Key>,
    renamed_to: HashSet<Key>,
}

/// What the caller knows.
pub(super) struct Scene<'a> {
    pub(super) dialect: Dialect,
    pub(super) known: &'a Known,
    pub(super) foreign_keys: bool,
    pub(super) wants_down: bool,
}

impl<'a> Look<'a> {
    pub(super) fn new(
        scene: &Scene<'a>,
        migration: &'a Migration,
        (script, readings): (&'a Script, &'a [Reading]),
        down: Option<(&'a Script, &'a [Reading])>,
        hits: &'a [Option<Vec<Hit>>],
    ) -> Self {
        let here = here(readings);
        let Scene { dialect, known, foreign_keys, wants_down } = *scene;
        Self { migration, dialect, script, readings, down, known, hits, foreign_keys, wants_down, here }
    }

    /// Every change, with the number of its statement.
    pub(super) fn acts(&self) -> impl Iterator<Item = (usize, &'a Act)> + use<'a> {
        let numbered = self.readings.iter().enumerate();
        numbered.flat_map(|(n, reading)| reading.acts.iter().map(move |act| (n, act)))
    }

    /// Whether a table is new: made here, or by what comes with this change. Then it is empty everywhere, and
    /// nothing uses it.
    pub(super) fn is_new(&self, table: &Object) -> bool {
        self.here.made.contains(&key(table)) || self.known.is_fresh(table)
    }

    /// The same for a column.
    pub(super) fn is_new_column(&self, table: &Object, column: &str) -> bool {
        self.here.made_columns.contains(&(key(table), column.to_lowercase()))
            || self.known.is_fresh_column(table, column)
            || self.is_new(table)
    }

    /// Whether the migration itself makes it.
    pub(super) fn is_made_here(&self, table: &Object) -> bool {
        self.here.made.contains(&key(table))
    }

    /// Whether a table is dropped here, and another one takes its name: a rebuild, after which it is there.
    pub(super) fn is_rebuilt(&self, table: &Object) -> bool {
        let key = key(table);
        self.here.dropped.contains(&key)
            && (self.here.renamed_to.contains(&key) || self.here.made.contains(&key))
    }

    /// Whether it waits until no old code runs, and says for what.
    pub(super) fn is_contract(&self) -> bool {
        self.migration.phase == Phase::Contract && !self.migration.contract_of.is_empty()
    }

    pub(super) fn module(&self) -> &'a str {
        self.migration.id.namespace()
    }

    pub(super) const fn is_postgres(&self) -> bool {
        matches!(self.dialect, Dialect::Postgres)
    }

    /// The text of a statement.
    pub(super) fn text(&self, n: usize) -> &'a str {
        &self.script.text[self.readings[n].span.clone()]
    }

    /// Whether one of squawk's rules says the same of these bytes; where there is no verdict, ours counts.
    pub(super) fn agrees(&self, rules: &[&str], n: usize, span: &Range<usize>) -> bool {
        let (Some(Some(hits)), false) = (self.hits.get(n), rules.is_empty() || !self.is_postgres()) else {
            return true;
        };
        let start = self.readings[n].span.start;
        hits.iter().any(|(rule, hit)| {
            rules.contains(&rule.as_str()) && hit.start + start < span.end && span.start < hit.end + start
        })
    }

    /// A place in the text.
    pub(super) fn frame(&self, span: Range<usize>) -> Frame {
        let mut frame = Frame::new(&*self.script.path, self.script.text.clone(), span);
        frame.lines_before = self.script.lines_before;
        frame
    }
}

fn here(readings: &[Reading]) -> Here {
    let mut here = Here::default();
    for act in readings.iter().flat_map(|reading| &reading.acts) {
        match &act.what {
            What::CreateTable { table, .. } => _ = here.made.insert(key(table)),
            // what a materialized view holds is as new
            What::Create { noun, object: Some(object), .. } if noun == "VIEW" => {
                here.made.insert(key(object));
            }
            What::DropTable { table, .. } => _ = here.dropped.insert(key(table)),
            What::AddColumn { table, column, .. } => {
                here.made_columns.insert((key(table), column.name.to_lowercase()));
            }
            What::RenameTable { from, to } => {
                here.renamed_to.insert(key(to));
                if here.made.contains(&key(from)) {
                    here.made.insert(key(to));
                }
            }
            _ => {}
        }
    }
    here
}
