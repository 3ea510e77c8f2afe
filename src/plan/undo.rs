//! The down scripts of what was chosen, and what forbids to run them.
//!
//! A missing down script is said before anything runs. What stays must not need what goes: a later migration
//! of the same module, one that names it in `depends-on`, or a later one of a module that depends on its
//! module.

use std::collections::{HashMap, HashSet};

use crate::catalogue::Catalogue;
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::history::{History, Row};
use crate::id::MigrationId;
use crate::lock::{Entry, Lock};
use crate::sql::{self, Way};

use super::{Circumstances, Plan, Step, grouping, parts_of, step};

impl Plan {
    /// Plans the down scripts, in this order.
    pub(super) fn undo(
        &mut self,
        chosen: &[MigrationId],
        lock: &Lock,
        catalogue: &Catalogue,
        history: &History,
        at: &Circumstances<'_>,
    ) {
        let going: HashSet<&MigrationId> = chosen.iter().collect();
        self.refusals.extend(history.partial.iter().filter(|partial| !going.contains(&partial.id)).map(
            |partial| {
                Diagnostic::new(format!(
                    "`{}` stopped half-way: nothing is undone before it is whole",
                    partial.id
                ))
                .help("`db-migrations repair` lists the ways on")
            },
        ));
        self.refusals.extend(needed(&going, catalogue, history));
        let renamed = renamed(lock, history);
        let mut steps = Vec::new();
        for id in chosen {
            let migration = catalogue.get(id).or_else(|| catalogue.get(renamed.get(id)?));
            let script = migration.and_then(|migration| migration.down.choose(at.dialect));
            // the section that a format asks for undoes nothing of what a base has made
            let is_base = lock.entries.get(id).is_some_and(Entry::is_base);
            let script = script.filter(|down| !is_base || !is_empty(at.dialect, &down.text));
            let Some(script) = script else {
                self.refusals.push(missing(id, migration.is_some()));
                continue;
            };
            let ran = history.get(id).and_then(|row| row.checksum);
            let now = migration.and_then(|migration| migration.up.choose(at.dialect)).map(|up| up.hash);
            if ran.is_some() && ran != now {
                self.warnings.push(
                    Diagnostic::new(format!("`{id}` was edited after it ran: its down script may not fit"))
                        .note(format!("its file is {}", script.path)),
                );
            }
            match step::prepare(id, Way::Down, script, false, history, at) {
                Ok(step) => {
                    let formers = parts_of(lock.entries.get(id), history);
                    steps.push(Step { formers, ..step });
                }
                Err(refusals) => self.refusals.extend(refusals),
            }
        }
        grouping::group(self, steps, at);
    }
}

fn is_empty(dialect: Dialect, text: &str) -> bool {
    sql::split(dialect, text).is_ok_and(|statements| statements.is_empty())
}

/// For each older id that ran here, the one that stands for it alone: its down script fits.
fn renamed<'a>(lock: &'a Lock, history: &History) -> HashMap<&'a MigrationId, &'a MigrationId> {
    let mut renamed = HashMap::new();
    for (new, entry) in lock.entries.iter().filter(|(_, entry)| !entry.is_base()) {
        let mut ran = entry.former_names().filter(|old| history.contains(old));
        if let (Some(old), None) = (ran.next(), ran.next()) {
            renamed.insert(old, new);
        }
    }
    renamed
}

fn missing(id: &MigrationId, found: bool) -> Diagnostic {
    let by_hand = format!("or undo it by hand, then `db-migrations version {id} --delete`");
    if found {
        Diagnostic::new(format!("`{id}` has no down script"))
            .help("write one beside its up script (`….down.sql`)")
            .help(by_hand)
    } else {
        Diagnostic::new(format!("the files of `{id}` are not there, and so is no down script"))
            .help("bring them back, or use the version of the application that has them")
            .help(by_hand)
    }
}

/// What stays and needs what goes: one refusal for each that goes.
fn needed(going: &HashSet<&MigrationId>, catalogue: &Catalogue, history: &History) -> Vec<Diagnostic> {
    let mut refusals = Vec::new();
    for (at, row) in history.rows().iter().enumerate().filter(|(_, row)| going.contains(&row.id)) {
        let stays = |(_, other): &(usize, &Row)| !going.contains(&other.id);
        let mut others = history.rows().iter().enumerate().filter(stays);
        if let Some((_, other)) = others.find(|(n, other)| needs(&other.id, *n > at, &row.id, catalogue)) {
            refusals.push(
                Diagnostic::new(format!("`{}` stays, and may need `{}`", other.id, row.id))
                    .help(format!("undo it, too: `db-migrations execute {} {} --down`", row.id, other.id))
                    .help(format!(
                        "or everything from there on: `db-migrations rollback --steps {}`",
                        history.rows().len() - at
                    )),
            );
        }
    }
    refusals
}

fn needs(id: &MigrationId, ran_later: bool, other: &MigrationId, catalogue: &Catalogue) -> bool {
    let migration = catalogue.get(id);
    let named =
        migration.is_some_and(|one| one.depends_on.contains(other) || one.contract_of.contains(other));
    let module = || {
        let depends = catalogue.module(id.namespace()).map(|module| &module.depends_on);
        id.namespace() == other.namespace()
            || depends.is_some_and(|on| on.iter().any(|namespace| namespace.as_str() == other.namespace()))
    };
    named || (ran_later && module())
}
