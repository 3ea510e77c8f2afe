//! Lock × catalogue × history → the lock that should be.
//!
//! What is locked keeps its order, always. New migrations are appended: first those that have run
//! here, in the order in which they ran; the others as `order` says. A new migration that is a copy
//! of another module's gets `skip: true, same-as`. Pure and idempotent: merging the result again
//! changes nothing and finds nothing new.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::catalogue::{Catalogue, Place};
use crate::diagnostic::Diagnostic;
use crate::history::History;
use crate::id::{Checksum, MigrationId};
use crate::migration::{Migration, Script};

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
    take_over(&mut merged, catalogue);
    let lock = if merged.findings.is_empty() { Cow::Borrowed(lock) } else { Cow::Owned(merged.lock.clone()) };
    let lock = &*lock;
    let proposed = reconcile::locked(&mut merged, catalogue, history);
    let fresh = appended(lock, catalogue, history)?;
    let copies = copies(lock, catalogue, history, &fresh);
    let twins = Twins::new(catalogue);
    let replaced: HashMap<&MigrationId, &MigrationId> =
        lock.entries.iter().flat_map(|(id, entry)| entry.replaces.iter().map(move |old| (old, id))).collect();
    for place in &fresh {
        let migration = catalogue.at(*place);
        if proposed.contains(&migration.id) {
            continue;
        }
        if let Some(by) = replaced.get(&migration.id) {
            merged.findings.push(reused(&migration.id, by));
            continue;
        }
        let same_as = copies.get(&migration.id).cloned();
        merged.findings.push(match &same_as {
            Some(original) => Finding::new(
                Rule::Copy,
                &migration.id,
                format!("`{}` is a copy of `{original}` and will not run", migration.id),
            ),
            None => Finding::new(Rule::New, &migration.id, format!("`{}` is new", migration.id)),
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

/// A new migration whose directive `replaces` names a locked one that is gone takes its place.
fn take_over(merged: &mut Merged, catalogue: &Catalogue) {
    for migration in catalogue.iter().filter(|migration| !migration.replaces.is_empty()) {
        let new = &migration.id;
        let locked = &merged.lock.entries;
        let gone = |id: &&MigrationId| locked.contains_key(*id) && catalogue.get(id).is_none();
        let olds: Vec<MigrationId> = migration.replaces.iter().filter(gone).cloned().collect();
        let (Some((first, rest)), false) = (olds.split_first(), locked.contains_key(new)) else { continue };
        merged.lock.rename(first, new);
        for old in rest {
            merged.lock.entries.shift_remove(old);
        }
        if let Some(entry) = merged.lock.entries.get_mut(new) {
            entry.replaces.retain(|id| !migration.replaces.contains(id));
            entry.replaces.extend(migration.replaces.iter().cloned());
            entry.accept(migration.up.checksum());
        }
        let message = format!("`{new}` takes the place of `{first}`, which it replaces");
        merged.findings.push(Finding::new(Rule::Replaced, new, message));
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
