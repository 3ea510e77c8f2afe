//! What a rule looks at: one migration on one database, with what was there before it.

use std::collections::HashSet;
use std::ops::Range;

use super::flow::{Flow, Rebuilt};
use super::known::{Key, Known, folded, key};
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
    /// Whether it waits until no old code runs, and says for what.
    is_contract: bool,
    here: Here,
    flow: Flow,
}

/// What the migration itself makes and takes away.
#[derive(Default)]
struct Here {
    made: HashSet<Key>,
    made_columns: HashSet<(Key, String)>,
    /// Names that old tables had before a change of this migration.
    gone: HashSet<Key>,
    gone_columns: HashSet<(Key, String)>,
}

/// What the caller knows.
pub(super) struct Scene<'a> {
    pub(super) dialect: Dialect,
    pub(super) known: &'a Known,
    pub(super) foreign_keys: bool,
    pub(super) wants_down: bool,
    /// Whether each migration that it names as `contract-of` is there.
    pub(super) is_linked: bool,
}

impl<'a> Look<'a> {
    pub(super) fn new(
        scene: &Scene<'a>,
        migration: &'a Migration,
        (script, readings): (&'a Script, &'a [Reading]),
        down: Option<(&'a Script, &'a [Reading])>,
        hits: &'a [Option<Vec<Hit>>],
    ) -> Self {
        let Scene { dialect, known, foreign_keys, wants_down, is_linked } = *scene;
        let here = here(dialect, readings, known);
        let flow = Flow::new(dialect, &script.text, readings, &|table| known.has(table));
        let is_contract = migration.phase == Phase::Contract && is_linked;
        Self {
            migration,
            dialect,
            script,
            readings,
            down,
            known,
            hits,
            foreign_keys,
            wants_down,
            is_contract,
            here,
            flow,
        }
    }

    /// Every change, with the number of its statement.
    pub(super) fn acts(&self) -> impl Iterator<Item = (usize, &'a Act)> + use<'a> {
        let numbered = self.readings.iter().enumerate();
        numbered.flat_map(|(n, reading)| reading.acts.iter().map(move |act| (n, act)))
    }

    /// Whether a table is new: made here, or by what comes with this change. Then it is empty everywhere, and
    /// nothing uses it.
    pub(super) fn is_new(&self, table: &Object) -> bool {
        self.is_made_here(table) || self.known.is_fresh(table)
    }

    /// The same for a column.
    pub(super) fn is_new_column(&self, table: &Object, column: &str) -> bool {
        let dialect = self.dialect;
        self.here.made_columns.contains(&(key(dialect, table), folded(dialect, column)))
            || self.known.is_fresh_column(table, column)
            || self.is_new(table)
    }

    /// Whether the migration itself makes it.
    pub(super) fn is_made_here(&self, table: &Object) -> bool {
        self.here.made.contains(&key(self.dialect, table))
    }

    /// Whether what has this name in the end is made here, also where an old table had it before.
    pub(super) fn is_made_anew(&self, table: &Object) -> bool {
        self.is_new(table) || self.flow.is_made_anew(table)
    }

    /// Whether a table is dropped here, and another one takes its name with its rows: a rebuild, after which it is
    /// there.
    pub(super) fn is_rebuilt(&self, table: &Object) -> bool {
        self.flow.is_rebuilt(table)
    }

    /// What takes the place of the table that an act drops.
    pub(super) fn rebuilt(&self, act: &Act) -> Option<Rebuilt<'_>> {
        self.flow.rebuilt(act)
    }

    /// The name that the table that an act drops had before this migration.
    pub(super) fn old_name(&self, act: &Act) -> Option<&Key> {
        self.flow.old_name(act)
    }

    /// Whether another table or a view takes the name of one that is renamed, so that code finds its rows.
    pub(super) fn is_taken_again(&self, table: &Object) -> bool {
        self.flow.is_taken_again(table)
    }

    /// Whether it waits until no old code runs, and says for what.
    pub(super) const fn is_contract(&self) -> bool {
        self.is_contract
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

fn here(dialect: Dialect, readings: &[Reading], known: &Known) -> Here {
    let mut here = Here::default();
    for act in readings.iter().flat_map(|reading| &reading.acts) {
        here.take(dialect, &act.what, known);
    }
    here
}

impl Here {
    fn take(&mut self, dialect: Dialect, what: &What, known: &Known) {
        let key = |table: &Object| key(dialect, table);
        match what {
            // what a materialized view holds is as new
            What::CreateTable { table, .. } => self.make(key(table), known.is_old(table)),
            What::Create { noun, object: Some(object), .. } if noun == "VIEW" => {
                self.make(key(object), known.is_old(object));
            }
            // a table that nobody knows and that may be there is made anew by what follows
            What::DropTable { table, temporary: false, again, .. } if known.has(table) || !again => {
                self.leave(key(table));
            }
            What::RenameTable { from, to } => {
                let is_made = self.made.contains(&key(from)) || known.is_fresh(from);
                self.leave(key(from));
                if is_made {
                    self.make(key(to), known.is_old(to));
                }
            }
            _ => self.take_column(dialect, what, known),
        }
    }

    fn make(&mut self, name: Key, is_old: bool) {
        if !is_old && !self.gone.contains(&name) {
            self.made.insert(name);
        }
    }

    fn leave(&mut self, name: Key) {
        if !self.made.contains(&name) {
            self.gone.insert(name);
        }
    }

    fn take_column(&mut self, dialect: Dialect, what: &What, known: &Known) {
        let key = |table: &Object, column: &str| (key(dialect, table), folded(dialect, column));
        match what {
            What::AddColumn { table, column, .. } => {
                let name = &column.name;
                let is_old = known.column(table, name).is_some() && !known.is_fresh_column(table, name);
                if !is_old && !self.gone_columns.contains(&key(table, name)) {
                    self.made_columns.insert(key(table, name));
                }
            }
            What::DropColumn { table, column, .. } if !self.made_columns.contains(&key(table, column)) => {
                self.gone_columns.insert(key(table, column));
            }
            What::RenameColumn { table, from, to } => {
                if self.made_columns.contains(&key(table, from)) {
                    self.made_columns.insert(key(table, to));
                } else {
                    self.gone_columns.insert(key(table, from));
                }
            }
            _ => {}
        }
    }
}
