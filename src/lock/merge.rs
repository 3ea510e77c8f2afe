//! Lock × catalogue × history → the lock that should be.
//!
//! What is locked keeps its order, always. New migrations are appended: first those that have run
//! here, in the order in which they ran; the others as `order` says. A new migration that is a copy
//! of another module's gets `skip: true, same-as`. Pure and idempotent: merging the result again
//! changes nothing and finds nothing new.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;

use crate::catalogue::{Catalogue, Place};
use crate::diagnostic::{Diagnostic, count};
use crate::history::History;
use crate::id::{Checksum, MigrationId};
use crate::migration::{Former, Migration, Script};

use super::finding::{Finding, Rule};
use super::order::order;
use super::reconcile;
use super::{Entry, Lock};

/// The result of a merge.
#[derive(Clone, Debug, Default)]
pub struct Merged {
    /// The lock that should be.
    pub lock: Lock,
    /// What there is to say, in the order of the lock.
    pub findings: Vec<Finding>,
}

impl Merged {
    /// Whether a person must decide something before anything may run.
    pub fn needs_hand(&self) -> bool {
        self.findings.iter().any(|finding| finding.rule.needs_hand())
    }

    /// The findings that `--locked` does not accept.
    pub fn misfits(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|f| f.rule.needs_hand() || f.rule.changes_lock())
    }
}

/// Merges. `history` is `None` where no database was asked (`lock`, `lock --check`). The error is a
/// circle among the new migrations.
pub fn merge(lock: &Lock, catalogue: &Catalogue, history: Option<&History>) -> Result<Merged, Diagnostic> {
    let mut merged = Merged { lock: lock.clone(), findings: Vec::new() };
    let waiting = take_over(&mut merged, catalogue);
    let lock = if merged.findings.is_empty() { Cow::Borrowed(lock) } else { Cow::Owned(merged.lock.clone()) };
    let lock = &*lock;
    let proposed = reconcile::locked(&mut merged, catalogue, history, &waiting);
    let fresh = appended(lock, catalogue, history)?;
    let copies = copies(lock, catalogue, history, &fresh);
    let twins = Twins::new(catalogue);
    let replaced: HashMap<&MigrationId, &MigrationId> =
        lock.entries.iter().flat_map(|(id, entry)| entry.former_names().map(move |old| (old, id))).collect();
    let bases = bases(lock, catalogue);
    for place in &fresh {
        let migration = catalogue.at(*place);
        if proposed.contains(&migration.id) || waiting.contains(&migration.id) {
            continue;
        }
        if let Some(by) = replaced.get(&migration.id) {
            merged.findings.push(reused(&migration.id, by));
            continue;
        }
        if let Some(old) = still_there(migration, lock, catalogue) {
            merged.findings.push(unfinished(&migration.id, old));
            continue;
        }
        let same_as = copies.get(&migration.id).cloned();
        merged.findings.push(match &same_as {
            Some(original) => Finding::new(
                Rule::Copy,
                &migration.id,
                format!("`{}` is a copy of `{original}` and will not run", migration.id),
            ),
            None => late(
                Finding::new(Rule::New, &migration.id, format!("`{}` is new", migration.id)),
                migration,
                &bases,
            ),
        });
        if same_as.is_none() {
            merged.findings.extend(twins.differing(catalogue, migration));
        }
        let entry = Entry {
            skip: same_as.is_some(),
            same_as,
            checksum: Some(migration.up.checksum()),
            replaces: migration.replaces.clone(),
            ..Entry::default()
        };
        merged.lock.entries.insert(migration.id.clone(), entry);
    }
    reconcile::whole(&mut merged, catalogue, history);
    Ok(merged)
}

/// A new migration whose directive `replaces` names locked ones that are gone takes the place of the first. Where
/// some of those are skipped it must wait for a person. Returns those that wait, with what they stand for.
fn take_over(merged: &mut Merged, catalogue: &Catalogue) -> HashSet<MigrationId> {
    let mut waiting = HashSet::new();
    for migration in catalogue.iter().filter(|migration| !migration.replaces.is_empty()) {
        let (new, lock) = (&migration.id, &mut merged.lock);
        let olds = replaced_by(migration, lock, catalogue);
        if olds.is_empty() || lock.entries.contains_key(new) {
            continue;
        }
        let skipped = olds.iter().filter(|(_, skip)| *skip).count();
        if skipped > 0 && skipped < olds.len() {
            merged.findings.push(mixed(new, &olds, lock));
            waiting.extend(olds.into_iter().map(|(id, _)| id).chain([new.clone()]));
            continue;
        }
        let replaces = folded(&migration.replaces, lock);
        for old in olds.iter().rev().map(|(old, _)| old) {
            lock.rename(old, new);
        }
        if let Some(entry) = lock.entries.get_mut(new) {
            entry.replaces = replaces;
            entry.same_as = None;
            entry.accept(migration.up.checksum());
        }
        let first = &olds[0].0;
        let others = match olds.len() - 1 {
            0 => String::new(),
            n => format!(" and of {}", count(n, "other", "others")),
        };
        let message = format!("`{new}` takes the place of `{first}`{others}, which it replaces");
        merged.findings.push(Finding::new(Rule::Replaced, new, message));
    }
    waiting
}

/// The locked entries that a migration replaces and that are gone, in order, each with whether it is skipped.
fn replaced_by(migration: &Migration, lock: &Lock, catalogue: &Catalogue) -> Vec<(MigrationId, bool)> {
    let named = migration.replaces.iter().flat_map(Former::names);
    let gone = named.filter(|id| catalogue.get(id).is_none());
    let mut places: Vec<usize> = gone.filter_map(|id| lock.entries.get_index_of(id)).collect();
    places.sort_unstable();
    places.dedup();
    let entries = places.iter().filter_map(|at| lock.entries.get_index(*at));
    entries.map(|(id, entry)| (id.clone(), entry.skip)).collect()
}

/// What was skipped is a part of the base: whether its changes are wanted after all, only a person knows.
fn mixed(new: &MigrationId, olds: &[(MigrationId, bool)], lock: &Lock) -> Finding {
    let skipped: Vec<&MigrationId> = olds.iter().filter(|(_, skip)| *skip).map(|(id, _)| id).collect();
    let one = skipped[0];
    let message = format!(
        "`{new}` stands for {}, of which {} skipped here",
        count(olds.len(), "locked migration", "locked migrations"),
        count(skipped.len(), "is", "are"),
    );
    let finding = Finding::new(Rule::MixedBase, new, message);
    let finding = match lock.entries.get(one).and_then(|entry| entry.same_as.as_ref()) {
        Some(original) => {
            finding.note(format!("`{one}` is a copy of `{original}`, which makes the same already"))
        }
        None => finding.note(format!("`{one}` was skipped by hand; what it does is a part of `{new}`")),
    };
    finding
        .help(format!(
            "to have its changes: with the version before, `db-migrations lock unskip {one}` and `migrate`, then update"
        ))
        .help(format!(
            "else keep the version before, or put into the place of their lines by hand: `{new}: {{ skip: true, replaces: [{}] }}`, and write a migration of your own for what else it brings",
            olds.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>().join(", ")
        ))
}

/// Former migrations as the lock knows them: they may have had more names here.
fn folded(formers: &[Former], lock: &Lock) -> Vec<Former> {
    let mut folded: IndexMap<MigrationId, Former> = IndexMap::new();
    for former in formers {
        let entry = former.names().find_map(|id| lock.entries.get(id));
        let known = entry.map(|entry| &entry.replaces[..]).filter(|known| !known.is_empty());
        let known = known.unwrap_or(std::slice::from_ref(former));
        // who names a base means all of it, who names one of its parts only that
        let meant = known.iter().any(|one| former.is_called(one.id()));
        for one in known.iter().filter(|one| !meant || former.is_called(one.id())) {
            let kept = folded.entry(one.id().clone()).or_insert_with(|| one.clone());
            one.names().chain(former.names()).cloned().for_each(|id| kept.was_called(id));
        }
    }
    folded.into_values().collect()
}

/// The newest base of each module.
fn bases<'a>(lock: &Lock, catalogue: &'a Catalogue) -> HashMap<&'a str, &'a Migration> {
    let mut bases: HashMap<&str, &Migration> = HashMap::new();
    let locked = lock.entries.iter().filter(|(_, entry)| entry.is_base());
    for base in locked.filter_map(|(id, _)| catalogue.get(id)) {
        let newest = bases.entry(base.id.namespace()).or_insert(base);
        if base.version > newest.version {
            *newest = base;
        }
    }
    bases
}

/// Says of a new migration that it is older than those which were put together.
fn late(finding: Finding, migration: &Migration, bases: &HashMap<&str, &Migration>) -> Finding {
    match bases.get(migration.id.namespace()) {
        Some(base) if migration.version < base.version => finding.note(format!(
            "it is older than `{}`, into which others of its module were put together, and runs after it",
            base.id
        )),
        _ => finding,
    }
}

/// On a database that ran the old one the new one would never run.
fn reused(id: &MigrationId, by: &MigrationId) -> Finding {
    Finding::new(
        Rule::Reused,
        id,
        format!("`{id}` is new, but `{by}` replaces an older migration of that id"),
    )
    .help("give the new migration another name")
    .help(format!(
        "where `squash` was interrupted, `db-migrations squash --finish --module {}` moves what is left to the archive",
        id.namespace()
    ))
}

/// A locked migration that a new one replaces, though its file is there.
fn still_there<'a>(new: &'a Migration, lock: &Lock, catalogue: &Catalogue) -> Option<&'a MigrationId> {
    let mut names = new.replaces.iter().flat_map(Former::names);
    names.find(|id| lock.entries.contains_key(*id) && catalogue.get(id).is_some())
}

/// Both would run on an empty database.
fn unfinished(id: &MigrationId, old: &MigrationId) -> Finding {
    let message = format!("`{id}` replaces `{old}`, whose file is still there");
    Finding::new(Rule::Reused, id, message)
        .help("remove the files of what it replaces, then `db-migrations lock`")
        .help(format!("where `squash` was interrupted, remove the file of `{id}`, and run it again"))
}

/// Found and not locked, in the order in which they are appended.
fn appended(lock: &Lock, catalogue: &Catalogue, history: Option<&History>) -> Result<Vec<Place>, Diagnostic> {
    let mut ran = Vec::new();
    let mut rest = Vec::new();
    for migration in catalogue.iter().filter(|m| !lock.entries.contains_key(&m.id)) {
        let Some(place) = catalogue.place(&migration.id) else { continue };
        match history.and_then(|history| history.get(&migration.id)) {
            Some(row) => ran.push((row.position, place)),
            None => rest.push(place),
        }
    }
    ran.sort();
    let mut fresh: Vec<Place> = ran.into_iter().map(|(_, place)| place).collect();
    fresh.extend(order(catalogue, &rest)?);
    Ok(fresh)
}

/// The hashes of a migration's up texts: what copies are told by.
pub(super) fn texts(migration: &Migration) -> HashSet<Checksum> {
    migration.up.iter().map(|script| script.hash).collect()
}

/// For each new migration that is a vendored copy of another module's, the one that runs instead.
///
/// B is a copy of A when A is of another module, has B's version, and has every text that B has.
/// Where each is a copy of the other, the earlier in the merged order runs.
fn copies(
    lock: &Lock,
    catalogue: &Catalogue,
    history: Option<&History>,
    fresh: &[Place],
) -> HashMap<MigrationId, MigrationId> {
    let mut order: HashMap<&MigrationId, usize> =
        lock.entries.keys().enumerate().map(|(i, id)| (id, i)).collect();
    for (i, place) in fresh.iter().enumerate() {
        order.insert(&catalogue.at(*place).id, lock.entries.len() + i);
    }
    let mut by_version: HashMap<String, Vec<&Migration>> = HashMap::new();
    for migration in catalogue.iter() {
        by_version.entry(migration.version.canonical()).or_default().push(migration);
    }
    let runs = |migration: &Migration| lock.entries.get(&migration.id).is_none_or(|entry| !entry.skip);
    let mut copies = HashMap::new();
    for place in fresh {
        let b = catalogue.at(*place);
        if history.is_some_and(|history| history.contains(&b.id)) || b.up.iter().all(is_blank) {
            continue;
        }
        let Some(family) = by_version.get(&b.version.canonical()).filter(|family| family.len() > 1) else {
            continue;
        };
        let b_texts = texts(b);
        let covers = |a: &&&Migration| {
            a.id.namespace() != b.id.namespace() && runs(a) && texts(a).is_superset(&b_texts)
        };
        let original = family
            .iter()
            .filter(covers)
            .filter(|a| texts(a).len() > b_texts.len() || order[&a.id] < order[&b.id])
            // the one with the most texts, and of those the earliest: never itself a copy
            .min_by_key(|a| (std::cmp::Reverse(texts(a).len()), order[&a.id]));
        if let Some(original) = original {
            copies.insert(b.id.clone(), original.id.clone());
        }
    }
    copies
}

/// Whether a text does nothing: equal ones are no copies of each other.
fn is_blank(script: &Script) -> bool {
    script.text.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with("--"))
}

/// Finds migrations of other modules with the same version and slug.
struct Twins {
    by_name: HashMap<(String, String), Vec<MigrationId>>,
}

impl Twins {
    fn new(catalogue: &Catalogue) -> Self {
        let mut by_name: HashMap<(String, String), Vec<MigrationId>> = HashMap::new();
        for migration in catalogue.iter() {
            by_name.entry(Self::key(migration)).or_default().push(migration.id.clone());
        }
        by_name.retain(|_, ids| ids.len() > 1);
        Self { by_name }
    }

    fn key(migration: &Migration) -> (String, String) {
        let slug = migration.id.name().trim_start_matches(|c: char| !c.is_alphabetic() || c == 'V');
        (migration.version.canonical(), slug.to_lowercase())
    }

    fn differing(&self, catalogue: &Catalogue, migration: &Migration) -> Option<Finding> {
        let mine = texts(migration);
        let (version, slug) = Self::key(migration);
        if version.len() < 12 {
            return None; // two modules' `001_initial` mean nothing
        }
        let other = self.by_name.get(&(version, slug))?.iter().find(|id| {
            id.namespace() != migration.id.namespace()
                && catalogue.get(id).is_some_and(|other| texts(other).is_disjoint(&mine))
        })?;
        Some(
            Finding::new(
                Rule::CopyDiffers,
                &migration.id,
                format!("`{}` has the version and name of `{other}`, but another text", migration.id),
            )
            .help("if one is an edited copy of the other, set `skip: true` for it"),
        )
    }
}
