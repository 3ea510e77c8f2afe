//! The steps that a run would take, as a value that can be printed.
//!
//! lock × catalogue × history → transaction groups with their reasons, why each other migration is
//! left out, and what must be refused before anything runs. The executor only walks it; a dry run
//! is printing it. What a database can do is read from its table of facts.

mod base;
mod engines;
mod goal;
mod grouping;
mod part;
mod phase;
mod replay;
mod step;
mod undo;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::catalogue::Catalogue;
use crate::config::Reaction;
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::history::{History, Partial};
use crate::id::MigrationId;
use crate::lock::Lock;
use crate::migration::Script;
use crate::sql::{Statement, Way};

pub use base::{Recorded, parts_of, to_archive};
use base::{Standing, recorded, standing};
use goal::{Choice, Chosen};
pub use goal::{Goal, Rollback, Target};
pub use phase::Deploy;
pub use step::prefix_hash;

/// One migration that would run.
#[derive(Clone, Debug)]
pub struct Step {
    /// Which.
    pub id: MigrationId,
    /// Whether it runs or is undone.
    pub way: Way,
    /// The text for this database.
    pub script: Script,
    /// Its statements.
    pub statements: Vec<Statement>,
    /// It stands in the lock before one that has run here already.
    pub late: bool,
    /// Where it stopped half-way before.
    pub resume: Option<Partial>,
    /// What it stands for: the archived rows that come with it, or go with it when it is undone.
    pub formers: Vec<MigrationId>,
}

impl Step {
    /// The statement to begin with; more than 0 where it stopped half-way before.
    pub fn from(&self) -> usize {
        self.resume.as_ref().map_or(0, |partial| partial.finished)
    }
}

/// How the steps of a group are held together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One transaction.
    Transaction {
        /// Foreign keys, where they are switched per connection.
        foreign_keys: Option<bool>,
    },
    /// Statement by statement, outside of any transaction.
    Alone {
        /// Foreign keys, where they are switched per connection.
        foreign_keys: Option<bool>,
    },
}

/// Steps that stay or go together.
#[derive(Clone, Debug)]
pub struct Group {
    /// How.
    pub mode: Mode,
    /// In this order.
    pub steps: Vec<Step>,
    /// Why the plan has a boundary before it or is not in one transaction; `None` for a plan's only group.
    pub reason: Option<String>,
}

/// Why a locked or found migration does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It has run.
    Applied,
    /// One that it replaces has run.
    Replaced(MigrationId),
    /// `skip: true`.
    Skipped,
    /// Another module's copy runs.
    Copy(MigrationId),
    /// It has no text for this database.
    NotApplicable,
    /// Its file is not there.
    Absent,
    /// It is pending, and not what was asked for.
    Beyond,
    /// Only some of what it stands for has run.
    Torn,
    /// It belongs to the contract phase of a deploy, and must not run yet; why.
    Waits(String),
}

/// A migration that does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Which.
    pub id: MigrationId,
    /// Why.
    pub why: Why,
}

/// What the plan is made from, besides lock, catalogue and history.
#[derive(Clone, Debug)]
pub struct Circumstances<'a> {
    /// The database.
    pub dialect: Dialect,
    /// The policy for late migrations.
    pub late: Reaction,
    /// Foreign key modes by module, from the configuration.
    pub foreign_keys: &'a HashMap<String, bool>,
    /// Tables of the live schema that a foreign key points at.
    pub referenced: &'a BTreeSet<String>,
    /// Each migration in a transaction of its own.
    pub apart: bool,
    /// Tables of the live schema whose changes cannot be undone, with the engine that keeps them.
    pub unrecoverable: &'a BTreeMap<String, String>,
    /// What a deploy asks for; `None` where phases mean nothing (replay, scratch databases).
    pub deploy: Option<Deploy<'a>>,
}

/// What would be done.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// In this order.
    pub groups: Vec<Group>,
    /// Data steps that have run before, and run again before all others; the history stays as it is.
    pub catch_ups: Vec<Step>,
    /// All others of the lock.
    pub left_out: Vec<LeftOut>,
    /// Bases that are recorded without running, since all that they stand for has run.
    pub recorded: Vec<Recorded>,
    /// It undoes what has run.
    pub undoes: bool,
    /// How many migrations of the lock are pending when it is done.
    pub remaining: usize,
    /// How many of them wait for the contract phase of a deploy.
    pub waiting: usize,
    /// Each migration has a transaction of its own because that was asked for.
    pub apart: bool,
    /// The database itself commits in the middle, whatever we do: that needs nobody's consent.
    pub commits_by_itself: bool,
    /// What a person may want to know.
    pub notes: Vec<String>,
    /// Worth knowing before it runs.
    pub warnings: Vec<Diagnostic>,
    /// Reasons not to run it at all.
    pub refusals: Vec<Diagnostic>,
}

impl Plan {
    /// Plans all that is pending.
    pub fn new(lock: &Lock, catalogue: &Catalogue, history: &History, at: &Circumstances<'_>) -> Self {
        let mut plan = Self::default();
        let pending = plan.leave_out(lock, catalogue, history, at.dialect);
        plan.run(&pending, lock, catalogue, history, at);
        plan
    }

    /// Plans what a goal means here; or why it means nothing.
    pub fn toward(
        goal: &Goal,
        lock: &Lock,
        catalogue: &Catalogue,
        history: &History,
        at: &Circumstances<'_>,
    ) -> Result<Self, Diagnostic> {
        let mut plan = Self::default();
        let pending = plan.leave_out(lock, catalogue, history, at.dialect);
        let all = pending.len();
        let sorted = phase::sort(goal, pending, lock, catalogue, history, at);
        let pending = sorted.may_run;
        let held: HashSet<MigrationId> =
            sorted.waits.iter().map(|one| &one.id).chain(&sorted.beyond).cloned().collect();
        plan.waiting = sorted.waits.len();
        match (Choice { lock, pending: &pending, held: &held, history }).choose(goal)? {
            Chosen::Up(chosen) => {
                let wanted: HashSet<&MigrationId> = chosen.iter().collect();
                let beyond = pending.iter().filter(|id| !wanted.contains(id)).chain(&sorted.beyond).cloned();
                plan.left_out.extend(beyond.map(|id| LeftOut { id, why: Why::Beyond }));
                plan.remaining = all - chosen.len();
                plan.refusals.extend(sorted.refusals);
                plan.notes.extend(sorted.notes);
                plan.notes.extend(phase::unlinked(&chosen, catalogue, at));
                plan.run(&chosen, lock, catalogue, history, at);
                plan.catch_up(&chosen, lock, catalogue, history, at);
            }
            Chosen::Down(chosen) => {
                plan.undoes = true;
                // what is not whole must not keep anybody from going back
                plan.refusals.clear();
                plan.recorded.clear();
                let beyond = pending.iter().chain(&sorted.beyond).cloned();
                plan.left_out.extend(beyond.map(|id| LeftOut { id, why: Why::Beyond }));
                plan.remaining = all + pending_again(lock, &chosen);
                plan.undo(&chosen, lock, catalogue, history, at);
            }
        }
        plan.left_out.extend(sorted.waits);
        Ok(plan)
    }

    /// Finds out why the rest does not run; what is pending, in locked order.
    fn leave_out(
        &mut self,
        lock: &Lock,
        catalogue: &Catalogue,
        history: &History,
        dialect: Dialect,
    ) -> Vec<MigrationId> {
        let mut pending = Vec::new();
        for (id, entry) in &lock.entries {
            let why = match catalogue.get(id) {
                _ if history.contains(id) => Why::Applied,
                _ if entry.skip => entry.same_as.clone().map_or(Why::Skipped, Why::Copy),
                None => Why::Absent,
                Some(migration) => {
                    match (standing(id, entry, migration, history, dialect), migration.up.choose(dialect)) {
                        (Standing::All(old), _) => {
                            self.recorded.extend(recorded(id, entry, migration, history, dialect));
                            Why::Replaced(old)
                        }
                        (Standing::Some(torn), _) => {
                            self.refusals.push(torn);
                            Why::Torn
                        }
                        (Standing::None, None) => Why::NotApplicable,
                        (Standing::None, Some(_)) => {
                            pending.push(id.clone());
                            continue;
                        }
                    }
                }
            };
            self.left_out.push(LeftOut { id: id.clone(), why });
        }
        pending
    }

    /// Plans the up scripts of what was chosen, in locked order.
    fn run(
        &mut self,
        chosen: &[MigrationId],
        lock: &Lock,
        catalogue: &Catalogue,
        history: &History,
        at: &Circumstances<'_>,
    ) {
        self.refusals.extend(history.partial.iter().filter(|p| p.undoing).map(step::half_undone));
        let ran = phase::Ran::of(lock, catalogue, history);
        let mut steps = Vec::new();
        for id in chosen {
            let Some(migration) = catalogue.get(id) else { continue };
            let Some(script) = migration.up.choose(at.dialect) else { continue };
            let late = ran.is_late(lock.entries.get_index_of(id), migration.phase);
            match step::prepare(id, Way::Up, script, late, history, at) {
                Ok(step) if migration.catch_up => match phase::only_data(step, at.dialect) {
                    Ok(step) => steps.push(step),
                    Err(refusal) => self.refusals.push(refusal),
                },
                Ok(step) => steps.push(Step { formers: to_archive(lock.entries.get(id), history), ..step }),
                Err(refusals) => self.refusals.extend(refusals),
            }
        }
        self.lateness(&steps, at.late);
        grouping::group(self, steps, at);
    }

    /// Every step, in order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.groups.iter().flat_map(|group| &group.steps)
    }

    /// How many steps there are.
    pub fn len(&self) -> usize {
        self.groups.iter().map(|group| group.steps.len()).sum()
    }

    /// Whether nothing would run.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Whether a failure could leave something behind.
    pub fn splits(&self) -> bool {
        self.groups.len() > 1 || self.groups.iter().any(|group| matches!(group.mode, Mode::Alone { .. }))
    }

    /// Whether a person must agree to more than one transaction.
    pub fn needs_consent(&self) -> bool {
        let alone = self.groups.iter().any(|group| matches!(group.mode, Mode::Alone { .. }));
        self.splits() && !self.commits_by_itself && (alone || !self.apart)
    }

    fn lateness(&mut self, steps: &[Step], policy: Reaction) {
        let late: Vec<&Step> = steps.iter().filter(|step| step.late).collect();
        let Some(first) = late.first() else { return };
        let what = match late.len() {
            1 => format!(
                "`{}` runs late: it stands in the lock before migrations that have run here",
                first.id
            ),
            n => format!(
                "{n} migrations run late, first `{}`: they stand in the lock before migrations that have run here",
                first.id
            ),
        };
        match policy {
            Reaction::Allow => {}
            Reaction::Warn => self.warnings.push(Diagnostic::new(what)),
            Reaction::Deny => self.refusals.push(
                Diagnostic::new(what)
                    .help("move its line to the end of the lock, or set `policy: { out-of-order: warn }`"),
            ),
        }
    }
}

/// How many entries are pending once these are undone: those of their ids, and those that replace them.
fn pending_again(lock: &Lock, undone: &[MigrationId]) -> usize {
    let undone: HashSet<&MigrationId> = undone.iter().collect();
    let again = |id: &MigrationId, entry: &crate::lock::Entry| {
        !entry.skip && (undone.contains(id) || entry.former_names().any(|old| undone.contains(old)))
    };
    lock.entries.iter().filter(|(id, entry)| again(id, entry)).count()
}
