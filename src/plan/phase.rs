//! The phases of a deploy: what runs before the new code (expand), and what waits until no old code is left
//! (contract).
//!
//! A contract step that is linked to others (`contract-of`) waits until each of them has run here in an earlier
//! release. Contract steps keep their order: behind one that waits, the others wait, too. On an empty database
//! nothing old runs, so nothing waits. What a release is called, and whether the database is empty, the caller
//! knows; whether old code really is gone, nobody here does.

mod link;

use std::collections::{HashMap, HashSet};

use crate::catalogue::Catalogue;
use crate::config::Phases;
use crate::diagnostic::{Diagnostic, count};
use crate::dialect::Dialect;
use crate::history::History;
use crate::id::MigrationId;
use crate::lock::Lock;
use crate::migration::{Migration, Phase};
use crate::sql::{self, Way};

use super::{Circumstances, Goal, LeftOut, Plan, Step, Why, step};
use link::Links;

/// What a deploy asks for.
#[derive(Clone, Copy, Debug)]
pub struct Deploy<'a> {
    /// Which steps.
    pub phases: Phases,
    /// What it is called, if that is known.
    pub release: Option<&'a str>,
    /// Nothing is in the database: no old code can run on it.
    pub is_empty: bool,
}

/// What is pending, as a deploy sees it.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    /// What may run, in locked order.
    pub(super) may_run: Vec<MigrationId>,
    /// Contract steps that must not run yet.
    pub(super) waits: Vec<LeftOut>,
    /// What runs in another phase, or must not run.
    pub(super) beyond: Vec<MigrationId>,
    /// Why nothing may run.
    pub(super) refusals: Vec<Diagnostic>,
    /// What a person may want to know.
    pub(super) notes: Vec<String>,
}

/// Sorts what is pending. What is executed by name runs in whatever phase it is, but not before its links allow it.
pub(super) fn sort(
    goal: &Goal,
    pending: Vec<MigrationId>,
    lock: &Lock,
    catalogue: &Catalogue,
    history: &History,
    at: &Circumstances<'_>,
) -> Sorted {
    let Some(deploy) = at.deploy else { return Sorted { may_run: pending, ..Sorted::default() } };
    if deploy.is_empty {
        let phases = Phases::WORDS.iter().find(|(_, phases)| *phases == deploy.phases);
        let told = phases.filter(|_| deploy.phases != Phases::All && !pending.is_empty());
        let note = |(word, _): &(&str, Phases)| {
            format!("the database is empty, so no old code runs on it: all phases run, not only `{word}`")
        };
        return Sorted { may_run: pending, notes: told.map(note).into_iter().collect(), ..Sorted::default() };
    }
    let links = Links::new(lock, catalogue, history, deploy.release, at.dialect);
    let (phases, held) = (deploy.phases, HashMap::new());
    let sorter = Sorter { phases, links, held, first: None, sorted: Sorted::default() };
    if matches!(goal, Goal::Execute(_, Way::Up)) {
        sorter.by_name(goal, pending)
    } else {
        sorter.by_phase(pending)
    }
}

struct Sorter<'a> {
    phases: Phases,
    links: Links<'a>,
    /// What does not run now, and why.
    held: HashMap<MigrationId, String>,
    /// The first contract step that waits.
    first: Option<MigrationId>,
    sorted: Sorted,
}

impl Sorter<'_> {
    fn by_phase(mut self, pending: Vec<MigrationId>) -> Sorted {
        let mut early = Vec::new();
        for id in pending {
            let Some(migration) = self.links.catalogue.get(&id) else { continue };
            match (migration.phase, self.phases) {
                (Phase::Expand, Phases::Contract) => self.not_yet(migration, &mut early),
                (Phase::Expand, _) => self.expand(migration),
                (Phase::Contract, _) => self.contract(migration),
            }
        }
        if let Some(first) = early.first() {
            let n = count(early.len(), "expand step is", "expand steps are");
            self.sorted.refusals.insert(
                0,
                Diagnostic::new(format!("{n} pending, first `{first}`: the contract phase comes after all of them"))
                    .help("run `db-migrations migrate --phase expand`, deploy the new code, and run this when no old code is left"),
            );
        }
        self.sorted
    }

    /// What a person names runs, unless a link forbids it.
    fn by_name(mut self, goal: &Goal, pending: Vec<MigrationId>) -> Sorted {
        let Goal::Execute(names, _) = goal else { return Sorted { may_run: pending, ..self.sorted } };
        let wanted = names.iter().filter_map(|name| crate::lock::find(pending.iter(), name).ok());
        for migration in wanted.filter_map(|id| self.links.catalogue.get(id)) {
            self.sorted.notes.extend(self.links.unknown(migration));
            if let Some(why) = self.links.unsatisfied(migration, true) {
                self.sorted.refusals.push(too_early(&migration.id, &why));
            }
        }
        Sorted { may_run: pending, ..self.sorted }
    }

    /// An expand step of a run that contracts: one that needs a contract step comes after it.
    fn not_yet(&mut self, migration: &Migration, early: &mut Vec<MigrationId>) {
        if self.needs_contract(migration) {
            self.held.insert(migration.id.clone(), String::new());
        } else {
            early.push(migration.id.clone());
        }
        self.sorted.beyond.push(migration.id.clone());
    }

    fn needs_contract(&self, migration: &Migration) -> bool {
        let pending_contract = |id: &MigrationId| {
            let is_contract = self.links.catalogue.get(id).is_some_and(|one| one.phase == Phase::Contract);
            self.held.contains_key(id) || (is_contract && !self.links.history.contains(id))
        };
        migration.depends_on.iter().any(pending_contract)
    }

    fn expand(&mut self, migration: &Migration) {
        let needed = migration.depends_on.iter().find_map(|id| Some((id, self.held.get(id)?)));
        let Some((needed, why)) = needed else {
            return self.sorted.may_run.push(migration.id.clone());
        };
        let why = why.clone();
        self.sorted.refusals.push(
            Diagnostic::new(format!("`{}` cannot run before `{needed}`, on which it depends", migration.id))
                .note(format!("`{needed}` waits: {why}"))
                .help(format!("deploy what is before `{needed}` first; when no old code is left, run `db-migrations migrate --phase contract`, then this"))
                .help("or remove the `depends-on`, if it does not need it"),
        );
        self.held.insert(migration.id.clone(), why);
        self.sorted.beyond.push(migration.id.clone());
    }

    /// Said once: of the others it is the same.
    fn note_unknown(&mut self, migration: &Migration) {
        if self.sorted.notes.is_empty() {
            self.sorted.notes.extend(self.links.unknown(migration));
        }
    }

    fn contract(&mut self, migration: &Migration) {
        let id = &migration.id;
        let is_asked_for = self.phases == Phases::Contract;
        let link = self.links.unsatisfied(migration, is_asked_for);
        if is_asked_for {
            self.sorted.may_run.push(id.clone());
            if link.is_none() {
                self.note_unknown(migration);
            }
            return self.sorted.refusals.extend(link.map(|why| too_early(id, &why)));
        }
        let behind = || self.first.as_ref().map(|first| format!("it stands behind `{first}`, which waits"));
        let phase = || (self.phases == Phases::Expand).then(|| "it runs with `--phase contract`".to_owned());
        let Some(why) = link.or_else(phase).or_else(behind) else {
            return self.sorted.may_run.push(id.clone());
        };
        self.first.get_or_insert_with(|| id.clone());
        self.held.insert(id.clone(), why.clone());
        self.sorted.waits.push(LeftOut { id: id.clone(), why: Why::Waits(why) });
    }
}

/// What is said, once, where a contract step runs only because nothing keeps it waiting.
pub(super) fn unlinked(
    chosen: &[MigrationId],
    catalogue: &Catalogue,
    at: &Circumstances<'_>,
) -> Option<String> {
    at.deploy.filter(|deploy| deploy.phases == Phases::All && !deploy.is_empty)?;
    let is_unlinked = |one: &&Migration| one.phase == Phase::Contract && one.contract_of.is_empty();
    let found: Vec<&Migration> =
        chosen.iter().filter_map(|id| catalogue.get(id)).filter(is_unlinked).collect();
    let first = &found.first()?.id;
    Some(match found.len() {
        1 => format!(
            "the contract step `{first}` runs in this release, since it has no `contract-of` for which it would wait"
        ),
        n => format!(
            "{n} contract steps run in this release, first `{first}`, since they have no `contract-of` for which they would wait"
        ),
    })
}

fn too_early(id: &MigrationId, why: &str) -> Diagnostic {
    Diagnostic::new(format!("`{id}` takes away what code before it may still use"))
        .note(why)
        .help("run it with the next release: by then no code of before the expand step is left")
        .help("or name this release another way (`--release NAME`), if that code is gone already")
}

/// How far this database is in the lock.
pub(super) struct Ran {
    last: Option<usize>,
    last_contract: Option<usize>,
}

impl Ran {
    pub(super) fn of(lock: &Lock, catalogue: &Catalogue, history: &History) -> Self {
        let is_contract =
            |id: &MigrationId| catalogue.get(id).is_some_and(|one| one.phase == Phase::Contract);
        Self {
            last: lock.entries.keys().rposition(|id| history.contains(id)),
            last_contract: lock.entries.keys().rposition(|id| history.contains(id) && is_contract(id)),
        }
    }

    /// Whether what stands there runs out of order. A contract step that has waited has let expand steps
    /// pass by, which is what it is for.
    pub(super) fn is_late(&self, place: Option<usize>, phase: Phase) -> bool {
        let last = if phase == Phase::Contract { self.last_contract } else { self.last };
        last.is_some_and(|last| place < Some(last))
    }
}

/// Refuses a step that may run again if it does more than change rows.
pub(super) fn only_data(step: Step, dialect: Dialect) -> Result<Step, Diagnostic> {
    let text = &step.script.text;
    let Some(other) = step.statements.iter().find(|one| !sql::is_data(dialect, &text[one.span.clone()]))
    else {
        return Ok(step);
    };
    let frame = step::frame(&step.script, other.span.clone()).label("no `INSERT`, `UPDATE` or `DELETE`");
    Err(Diagnostic::new(format!("`{}` is a `catch-up`, and does more than change rows", step.id))
        .frame(frame)
        .help("a catch-up runs again before the contract phase: put all else into a migration of its own"))
}

impl Plan {
    /// What is left when it is done, for people: `2 pending, 1 waiting`.
    pub fn left(&self) -> String {
        let waiting = self.waiting;
        match self.remaining.saturating_sub(waiting) {
            0 if waiting > 0 => format!("{waiting} waiting"),
            n if waiting > 0 => format!("{n} pending, {waiting} waiting"),
            n => format!("{n} pending"),
        }
    }

    /// Plans to run again what old code may have undone since: the data steps that a contract step of this
    /// run is linked to, or that need a step which it is linked to.
    pub(super) fn catch_up(
        &mut self,
        chosen: &[MigrationId],
        lock: &Lock,
        catalogue: &Catalogue,
        history: &History,
        at: &Circumstances<'_>,
    ) {
        let linked = contracted(chosen, lock, catalogue, history);
        if linked.is_empty() {
            return;
        }
        for (id, entry) in lock.entries.iter().filter(|(_, entry)| !entry.skip) {
            let Some(migration) = catalogue.get(id).filter(|migration| migration.catch_up) else { continue };
            let is_linked = linked.contains(id) || migration.depends_on.iter().any(|on| linked.contains(on));
            let has_run = history.get_under(id, entry.former_names()).is_some();
            let script = migration.up.choose(at.dialect).filter(|_| is_linked && has_run);
            let Some(script) = script else { continue };
            let prepared = step::prepare(id, Way::Up, script, false, history, at);
            match prepared.and_then(|step| only_data(step, at.dialect).map_err(|fault| vec![fault])) {
                Ok(step) => self.catch_ups.push(step),
                Err(refusals) => self.refusals.extend(refusals),
            }
        }
    }
}

/// The steps whose contract begins in this run. Where it has begun before, it was caught up then, and what data
/// steps read may be gone.
fn contracted<'a>(
    chosen: &[MigrationId],
    lock: &Lock,
    catalogue: &'a Catalogue,
    history: &History,
) -> HashSet<&'a MigrationId> {
    let of = |id: &MigrationId| catalogue.get(id).map_or(&[][..], |migration| &migration.contract_of);
    let half = history.partial.iter().filter(|one| one.finished > 0 || one.interrupted.is_some());
    let half = half.map(|partial| &partial.id);
    let begun = lock.entries.keys().filter(|id| history.contains(id)).chain(half);
    let begun: HashSet<&MigrationId> = begun.flat_map(of).collect();
    chosen.iter().flat_map(of).filter(|expand| !begun.contains(expand)).collect()
}

#[cfg(test)]
mod tests;
