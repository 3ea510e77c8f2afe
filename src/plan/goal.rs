//! What a person asks of a run, and which migrations that means on this database.
//!
//! Up means in locked order; down means in the reverse of the order in which this database executed. A
//! target is a state: what has to run to reach it, or what has to be undone. Nothing is read or prepared
//! here: `Plan` does that with what was chosen.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use crate::diagnostic::{Diagnostic, count};
use crate::history::{History, Row, RowKind};
use crate::id::MigrationId;
use crate::lock::{self, Entry, Lock};
use crate::sql::Way;

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Goal {
    /// All that is pending.
    #[default]
    Latest,
    /// This state, up or down.
    Target(Target),
    /// These migrations, whatever stands around them; short forms of their ids.
    Execute(Vec<String>, Way),
    /// Back from what has run.
    Rollback(Rollback),
}

/// A state of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Nothing has run.
    First,
    /// All has run.
    Latest,
    /// So many steps from the present state; negative is down.
    Steps(i64),
    /// This migration is the last that has run; a short form of its id.
    Named(String),
}

/// What is undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rollback {
    /// The last run, whole.
    LastRun,
    /// So many migrations.
    Steps(usize),
    /// All that ran after this one; a short form of its id.
    To(String),
    /// The migrations of this run; the beginning of its id.
    Run(String),
}

impl Goal {
    /// Whether up scripts may have to run.
    pub const fn may_run(&self) -> bool {
        matches!(self, Self::Latest | Self::Target(_) | Self::Execute(_, Way::Up))
    }

    /// Whether it means something else after every run.
    pub const fn is_relative(&self) -> bool {
        match self {
            Self::Target(Target::Steps(steps)) => *steps != 0,
            Self::Rollback(rollback) => matches!(rollback, Rollback::LastRun | Rollback::Steps(_)),
            Self::Latest | Self::Target(_) | Self::Execute(..) => false,
        }
    }

    /// Whether down scripts may have to run.
    pub const fn may_undo(&self) -> bool {
        match self {
            Self::Latest => false,
            Self::Target(_) | Self::Rollback(_) => true,
            Self::Execute(_, way) => matches!(way, Way::Down),
        }
    }
}

/// The words of Doctrine, or an id.
impl FromStr for Target {
    type Err = Diagnostic;

    fn from_str(text: &str) -> Result<Self, Diagnostic> {
        let steps = match text {
            "first" | "0" => return Ok(Self::First),
            "latest" => return Ok(Self::Latest),
            "prev" => -1,
            "next" => 1,
            "current" => 0,
            _ => match text.strip_prefix("current") {
                Some(steps) if steps.starts_with(['+', '-']) => steps.parse().map_err(|_| {
                    Diagnostic::new(format!("`{text}` has no number behind its sign"))
                        .help("write `current+2` or `current-1`")
                })?,
                _ => return Ok(Self::Named(text.to_owned())),
            },
        };
        Ok(Self::Steps(steps))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First => f.write_str("first"),
            Self::Latest => f.write_str("latest"),
            Self::Steps(0) => f.write_str("current"),
            Self::Steps(steps) => write!(f, "current{steps:+}"),
            Self::Named(name) => f.write_str(name),
        }
    }
}

/// As it is typed.
impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("migrate"),
            Self::Target(target) => write!(f, "migrate {target}"),
            Self::Execute(ids, Way::Up) => write!(f, "execute {} --up", ids.join(" ")),
            Self::Execute(ids, Way::Down) => write!(f, "execute {} --down", ids.join(" ")),
            Self::Rollback(Rollback::LastRun) => f.write_str("rollback"),
            Self::Rollback(Rollback::Steps(n)) => write!(f, "rollback --steps {n}"),
            Self::Rollback(Rollback::To(id)) => write!(f, "rollback --to {id}"),
            Self::Rollback(Rollback::Run(id)) => write!(f, "rollback --run {id}"),
        }
    }
}

/// The migrations that a goal means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    /// These run, in locked order.
    Up(Vec<MigrationId>),
    /// These are undone, in this order.
    Down(Vec<MigrationId>),
}

/// What a choice is made from.
pub(super) struct Choice<'a> {
    /// All migrations, in order.
    pub(super) lock: &'a Lock,
    /// Those that would run, in order.
    pub(super) pending: &'a [MigrationId],
    /// Those that are pending and must not run yet.
    pub(super) held: &'a HashSet<MigrationId>,
    /// What has run.
    pub(super) history: &'a History,
}

impl Choice<'_> {
    /// Which migrations a goal means.
    pub(super) fn choose(&self, goal: &Goal) -> Result<Chosen, Diagnostic> {
        match goal {
            Goal::Latest | Goal::Target(Target::Latest) => Ok(Chosen::Up(self.pending.to_vec())),
            Goal::Target(Target::First) => Ok(Chosen::Down(undone(self.history.rows()))),
            Goal::Target(Target::Steps(steps)) => self.steps(*steps),
            Goal::Target(Target::Named(name)) => self.named(name),
            Goal::Execute(names, Way::Up) => self.up(names),
            Goal::Execute(names, Way::Down) => self.down(names),
            Goal::Rollback(Rollback::LastRun) => self.last_run(),
            Goal::Rollback(Rollback::Steps(steps)) => self.back(*steps),
            Goal::Rollback(Rollback::To(name)) => self.back_to(name),
            Goal::Rollback(Rollback::Run(run)) => self.run(run),
        }
    }

    fn find(&self, name: &str) -> Result<&MigrationId, Diagnostic> {
        let locked = &self.lock.entries;
        let unlocked = self.history.rows().iter().map(|row| &row.id).filter(|id| !locked.contains_key(*id));
        lock::find(locked.keys().chain(unlocked), name)
    }

    fn steps(&self, steps: i64) -> Result<Chosen, Diagnostic> {
        let wanted = usize::try_from(steps.unsigned_abs()).unwrap_or(usize::MAX);
        if steps < 0 {
            return self.back(wanted);
        }
        let pending = self.pending.len();
        if wanted > pending.max(1) {
            return Err(too_far(wanted, pending, "pending"));
        }
        Ok(Chosen::Up(self.pending[..wanted.min(pending)].to_vec()))
    }

    fn back(&self, steps: usize) -> Result<Chosen, Diagnostic> {
        let rows = self.history.rows();
        if steps > rows.len().max(1) {
            return Err(too_far(steps, rows.len(), "in the history"));
        }
        Ok(Chosen::Down(undone(&rows[rows.len().saturating_sub(steps)..])))
    }

    /// What ran after it is undone; if nothing did, what is pending and stands before it in the lock runs.
    fn named(&self, name: &str) -> Result<Chosen, Diagnostic> {
        let id = self.find(name)?;
        if let Some(at) = self.pending.iter().position(|pending| pending == id) {
            return Ok(Chosen::Up(self.pending[..=at].to_vec()));
        }
        if self.held.contains(id) {
            return Ok(self.before(id)); // as far as the phase allows
        }
        let later = self.after(id)?;
        if !later.is_empty() {
            return Ok(Chosen::Down(undone(later)));
        }
        Ok(self.before(id))
    }

    /// What is pending and stands before it in the lock.
    fn before(&self, id: &MigrationId) -> Chosen {
        // what is pending stands in locked order, too
        let place = |id: &MigrationId| self.lock.entries.get_index_of(id);
        let early = self.pending.iter().take_while(|pending| place(pending) < place(id));
        Chosen::Up(early.cloned().collect())
    }

    /// What ran after a migration.
    fn after(&self, id: &MigrationId) -> Result<&[Row], Diagnostic> {
        let rows = self.history.rows();
        match rows.iter().rposition(|row| self.is_row_of(row, id)) {
            Some(at) => Ok(&rows[at + 1..]),
            None => Err(Diagnostic::new(format!("`{id}` has not run here"))
                .help("`db-migrations status` shows the state of each")),
        }
    }

    /// Whether a row is that of a migration, under its id or under an older one that it replaces.
    fn is_row_of(&self, row: &Row, id: &MigrationId) -> bool {
        let entry = self.lock.entries.get(id);
        row.id == *id || entry.is_some_and(|entry| entry.former_names().any(|old| *old == row.id))
    }

    fn back_to(&self, name: &str) -> Result<Chosen, Diagnostic> {
        Ok(Chosen::Down(undone(self.after(self.find(name)?)?)))
    }

    fn up(&self, names: &[String]) -> Result<Chosen, Diagnostic> {
        let pending: HashSet<&MigrationId> = self.pending.iter().collect();
        let mut wanted = HashSet::new();
        for name in names {
            let id = self.find(name)?;
            if self.history.contains(id) {
                return Err(Diagnostic::new(format!("`{id}` has run here already"))
                    .help(format!("undo it first: `db-migrations execute {id} --down`")));
            }
            if !pending.contains(id) {
                return Err(Diagnostic::new(format!("`{id}` does not run on this database"))
                    .help("`db-migrations plan` says why it is left out"));
            }
            wanted.insert(id);
        }
        let chosen = self.pending.iter().filter(|pending| wanted.contains(pending));
        Ok(Chosen::Up(chosen.cloned().collect()))
    }

    fn down(&self, names: &[String]) -> Result<Chosen, Diagnostic> {
        let mut wanted = HashSet::new();
        for name in names {
            let id = self.find(name)?;
            self.after(id)?;
            if !self.history.contains(id) && self.lock.entries.get(id).is_some_and(Entry::is_base) {
                return Err(Diagnostic::new(format!("`{id}` has no row of its own here yet"))
                    .note("it stands for several migrations that ran here")
                    .help("`db-migrations migrate` records it; then undo it"));
            }
            wanted
                .extend(self.history.rows().iter().filter(|row| self.is_row_of(row, id)).map(|row| &row.id));
        }
        let rows = self.history.rows().iter().rev().map(|row| &row.id);
        Ok(Chosen::Down(rows.filter(|id| wanted.contains(id)).cloned().collect()))
    }

    fn last_run(&self) -> Result<Chosen, Diagnostic> {
        let Some(last) = self.history.rows().last() else { return Ok(Chosen::Down(Vec::new())) };
        let rows: Vec<Row> = self.history.rows().iter().filter(|row| row.run == last.run).cloned().collect();
        let ran: Vec<Row> = rows.iter().filter(|row| row.kind == RowKind::Applied).cloned().collect();
        if let ([], Some(row)) = (&ran[..], rows.first()) {
            return Err(Diagnostic::new(format!("the last run ran nothing: it recorded {}", rows_of(&rows)))
                .note(format!("`{}` is {}", row.id, row.kind.name()))
                .help("say what to undo: `--steps N`, `--to ID` or `--run ID`"));
        }
        Ok(Chosen::Down(undone(&ran)))
    }

    fn run(&self, prefix: &str) -> Result<Chosen, Diagnostic> {
        let rows = self.history.rows().iter().filter(|row| !prefix.is_empty() && row.run.starts_with(prefix));
        let rows: Vec<Row> = rows.cloned().collect();
        let Some(first) = rows.first() else {
            return Err(Diagnostic::new(format!("no migration here was run by `{prefix}`"))
                .help("`db-migrations list` names the run of each"));
        };
        if let Some(other) = rows.iter().find(|row| row.run != first.run) {
            return Err(Diagnostic::new(format!("`{prefix}` fits the runs {} and {}", first.run, other.run))
                .help("write more of the id"));
        }
        Ok(Chosen::Down(undone(&rows)))
    }
}

fn too_far(wanted: usize, there: usize, what: &str) -> Diagnostic {
    let there = match there {
        0 => format!("none is {what}"),
        1 => format!("only 1 is {what}"),
        n => format!("only {n} are {what}"),
    };
    Diagnostic::new(format!("{} asked for, and {there}", count(wanted, "migration was", "migrations were")))
        .help("`db-migrations status` shows the state of each")
}

fn rows_of(rows: &[Row]) -> String {
    count(rows.len(), "row", "rows")
}

/// In the reverse of the order in which they ran.
fn undone(rows: &[Row]) -> Vec<MigrationId> {
    rows.iter().rev().map(|row| row.id.clone()).collect()
}

#[cfg(test)]
mod tests;
