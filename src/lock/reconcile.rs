//! What the locked entries have to say: changed, missing, orphaned, renamed, unsatisfied.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::catalogue::Catalogue;
use crate::diagnostic::Frame;
use crate::history::History;
use crate::id::MigrationId;
use crate::migration::{Migration, Script};

use super::finding::{Finding, Rule};
use super::merge::{Merged, texts};
use super::{Entry, Lock};

/// Looks at each locked entry; fills in absent checksums. Returns the new ids that are probably
/// renamed old ones and therefore must not be appended.
pub(super) fn locked(
    merged: &mut Merged,
    catalogue: &Catalogue,
    history: Option<&History>,
    waiting: &HashSet<MigrationId>,
) -> HashSet<MigrationId> {
    let renames = Renames::new(merged, catalogue);
    let mut proposed = HashSet::new();
    let mut findings = Vec::new();
    for (id, entry) in &mut merged.lock.entries {
        if let Some(migration) = catalogue.get(id) {
            findings.extend(check_text(id, entry, migration, history));
        } else if !waiting.contains(id) {
            let new = renames.of(catalogue, id, entry).filter(|new| proposed.insert((*new).clone()));
            findings.push(absent(id, entry, new, catalogue, history));
        }
        if entry.skip && history.is_some_and(|history| history.contains(id)) {
            findings.push(
                Finding::new(Rule::SkippedAfterRun, id, format!("`{id}` is skipped, but it has run here"))
                    .note("other databases will not get its changes"),
            );
        }
    }
    merged.findings.append(&mut findings);
    proposed
}

fn check_text(
    id: &MigrationId,
    entry: &mut Entry,
    migration: &Migration,
    history: Option<&History>,
) -> Option<Finding> {
    let now = migration.up.checksum();
    let Some(locked) = entry.checksum else {
        entry.accept(now);
        return Some(Finding::new(Rule::Unfilled, id, format!("`{id}` has no checksum in the lock yet")));
    };
    if locked == now {
        return None;
    }
    let message = match history.and_then(|history| history.get(id)) {
        None if history.is_some() => {
            format!("migration `{id}` changed after it was locked; it has not run here")
        }
        None => format!("migration `{id}` changed after it was locked"),
        Some(row) => {
            let text = row.dialect.and_then(|dialect| migration.up.choose(dialect));
            let ran = text.is_some_and(|script| Some(script.hash) == row.checksum);
            match (ran, row.dialect) {
                (true, Some(dialect)) => format!(
                    "migration `{id}` changed after it was locked; the {dialect} text that ran here is the same"
                ),
                _ => format!("migration `{id}` changed after it ran"),
            }
        }
    };
    Some(
        Finding::new(Rule::Changed, id, message)
            .note(format!("locked {}…, now {}…", locked.short(), now.short()))
            .help(format!(
                "if the change is wanted, run `db-migrations lock --accept {id}`; else restore the file"
            )),
    )
}

fn absent(
    id: &MigrationId,
    entry: &Entry,
    new: Option<&MigrationId>,
    catalogue: &Catalogue,
    history: Option<&History>,
) -> Finding {
    if let Some(new) = new {
        let (old, now) = (id.namespace(), new.namespace());
        let way = if old == now {
            format!("if it was renamed, run `db-migrations lock rename {id} {new}`")
        } else {
            format!("if the module was renamed, run `db-migrations lock rename --module {old} {now}`")
        };
        return Finding::new(
            Rule::Rename,
            id,
            format!("`{id}` went and `{new}` came with the same version or text"),
        )
        .help(way)
        .help("if not, run `db-migrations lock --prune` first");
    }
    if history.is_some_and(|history| history.contains(id)) {
        return Finding::new(Rule::Orphaned, id, format!("`{id}` has run here, but its file is gone"))
            .help("`db-migrations lock --prune` removes it from the lock");
    }
    if entry.skip {
        return Finding::new(Rule::SkippedMissing, id, format!("the skipped `{id}` was not found"))
            .help("`db-migrations lock --prune` removes it from the lock");
    }
    let missing = match catalogue.module(id.namespace()) {
        Some(module) => Finding::new(Rule::Missing, id, format!("`{id}` is locked, but was not found"))
            .note(format!("module `{}` was read from `{}`", module.namespace, module.folder)),
        None => Finding::new(Rule::Missing, id, format!("`{id}` is locked, but its whole module is gone"))
            .help(format!(
                "`db-migrations modules` lists what was found; enable `{}` again if it was lost",
                id.namespace()
            )),
    };
    missing.help("if it was removed for good, run `db-migrations lock --prune`")
}

/// New migrations, to be compared with those that went.
struct Renames {
    fresh: HashMap<String, Vec<MigrationId>>,
    by_name: HashMap<String, Vec<MigrationId>>,
}

impl Renames {
    fn new(merged: &Merged, catalogue: &Catalogue) -> Self {
        let (mut fresh, mut by_name) = (HashMap::<_, Vec<_>>::new(), HashMap::<_, Vec<_>>::new());
        for migration in catalogue.iter().filter(|m| !merged.lock.entries.contains_key(&m.id)) {
            fresh.entry(migration.id.namespace().to_owned()).or_default().push(migration.id.clone());
            by_name.entry(migration.id.name().to_owned()).or_default().push(migration.id.clone());
        }
        Self { fresh, by_name }
    }

    /// The new migration of the same module that has the version or the text of `gone`.
    fn of<'a>(&'a self, catalogue: &Catalogue, gone: &MigrationId, entry: &Entry) -> Option<&'a MigrationId> {
        if catalogue.module(gone.namespace()).is_none() {
            return self.elsewhere(catalogue, gone, entry);
        }
        let version = leading_version(gone.name());
        self.fresh.get(gone.namespace())?.iter().find(|id| {
            catalogue.get(id).is_some_and(|migration| {
                Some(migration.up.checksum()) == entry.checksum
                    || (!version.is_empty() && leading_version(id.name()) == version)
            })
        })
    }
}

impl Renames {
    /// The same migration in a module that has another name now.
    fn elsewhere(&self, catalogue: &Catalogue, gone: &MigrationId, entry: &Entry) -> Option<&MigrationId> {
        let same = |id: &&MigrationId| {
            catalogue.get(id).is_some_and(|migration| Some(migration.up.checksum()) == entry.checksum)
        };
        self.by_name.get(gone.name())?.iter().find(same)
    }
}

/// The version as the name spells it: the gone migration has no other.
fn leading_version(name: &str) -> String {
    let end =
        name.find(|c: char| !(c.is_ascii_digit() || c == '-' || c == '.' || c == 'V')).unwrap_or(name.len());
    name[..end].chars().filter(char::is_ascii_digit).collect()
}

/// Looks at the merged lock as a whole: `same-as`, order against `depends-on`, unknown rows.
pub(super) fn whole(merged: &mut Merged, catalogue: &Catalogue, history: Option<&History>) {
    let lock = &merged.lock;
    let mut findings = Vec::new();
    for (id, entry) in &lock.entries {
        findings.extend(unsatisfied(merged, catalogue, id, entry));
        if entry.skip {
            continue;
        }
        let Some(migration) = catalogue.get(id) else { continue };
        findings.extend(unknown_contract(merged, catalogue, history, migration));
        let linked = migration.contract_of.iter().filter(|expand| lock.entries.contains_key(*expand));
        for dependency in migration.depends_on.iter().chain(linked) {
            findings.extend(dependency_finding(merged, catalogue, id, dependency));
        }
    }
    let former: HashSet<&MigrationId> = lock.entries.values().flat_map(Entry::former_names).collect();
    findings.extend(overlaps(lock));
    for row in history.iter().flat_map(|history| history.rows()) {
        let replaced = former.contains(&row.id);
        if !lock.entries.contains_key(&row.id) && catalogue.get(&row.id).is_none() && !replaced {
            findings.push(
                Finding::new(
                    Rule::Unknown,
                    &row.id,
                    format!("`{}` has run here, but is neither locked nor found", row.id),
                )
                .note("it probably comes from another branch or a newer release"),
            );
        }
    }
    merged.findings.append(&mut findings);
}

/// Two that both run, and both do what one migration did: on a new database it is done twice.
fn overlaps(lock: &Lock) -> Vec<Finding> {
    let mut of: HashMap<&MigrationId, &MigrationId> = HashMap::new();
    let mut findings: Vec<Finding> = Vec::new();
    for (id, entry) in lock.entries.iter().filter(|(_, entry)| !entry.skip) {
        let shared = entry.replaces.iter().find_map(|one| Some((one.id(), *of.get(one.id())?)));
        if let Some((part, other)) = shared {
            let message = format!("`{other}` and `{id}` both stand for `{part}`");
            findings.push(
                Finding::new(Rule::Overlap, id, message)
                    .note("on a new database both run, and what it did is done twice")
                    .help(format!("if one of them holds all of the other: set `skip: true` for the smaller one, `{other}` or `{id}`"))
                    .help("else put them together anew, on top of only one of the two"),
            );
        }
        of.extend(entry.replaces.iter().map(|one| (one.id(), id)));
    }
    findings
}

fn unsatisfied(merged: &Merged, catalogue: &Catalogue, id: &MigrationId, entry: &Entry) -> Option<Finding> {
    let original = entry.same_as.as_ref()?;
    let why = match merged.lock.entries.get(original) {
        None => "is not in the lock",
        Some(other) if other.skip => "is skipped itself",
        Some(_) if catalogue.get(original).is_none() => "was not found",
        Some(_) if no_longer_a_copy(catalogue, id, original) => "has another text now",
        Some(_) => return None,
    };
    Some(
        Finding::new(Rule::SameAs, id, format!("`{id}` is skipped as a copy of `{original}`, which {why}"))
            .help(format!("set `skip: false` for `{id}`, or bring `{original}` back")),
    )
}

fn no_longer_a_copy(catalogue: &Catalogue, id: &MigrationId, original: &MigrationId) -> bool {
    let (Some(copy), Some(original)) = (catalogue.get(id), catalogue.get(original)) else { return false };
    !texts(original).is_superset(&texts(copy))
}

/// A contract step that is linked to nothing would wait for ever, or not at all.
fn unknown_contract(
    merged: &Merged,
    catalogue: &Catalogue,
    history: Option<&History>,
    migration: &Migration,
) -> Option<Finding> {
    let entries = &merged.lock.entries;
    let known = |expand: &MigrationId| {
        entries.contains_key(expand)
            || catalogue.get(expand).is_some()
            || history.is_some_and(|history| history.contains(expand))
            || entries.values().any(|entry| entry.former_names().any(|old| old == expand))
    };
    let unknown = migration.contract_of.iter().find(|expand| !known(expand))?;
    let id = &migration.id;
    let message = format!("`{id}` is the contract of `{unknown}`, which does not exist");
    let finding = Finding::new(Rule::UnknownContract, id, message)
        .help("correct the `contract-of`, or enable the module that has it");
    let named = |script: &Script| Some((script.clone(), script.text.find(unknown.as_str())?));
    let Some((script, at)) = migration.up.iter().find_map(named) else { return Some(finding) };
    let span = at..at + unknown.as_str().len();
    let mut frame =
        Frame::new(&*script.path, Arc::clone(&script.text), span).label("no migration has this id");
    frame.lines_before = script.lines_before;
    Some(Finding { diagnostic: finding.diagnostic.frame(frame), ..finding })
}

fn dependency_finding(
    merged: &Merged,
    catalogue: &Catalogue,
    id: &MigrationId,
    dependency: &MigrationId,
) -> Option<Finding> {
    let entries = &merged.lock.entries;
    let successor = || entries.values().position(|entry| entry.former_names().any(|old| old == dependency));
    let Some(position) = entries.get_index_of(dependency).or_else(successor) else {
        if catalogue.get(dependency).is_some() {
            return None; // proposed as a rename: said already
        }
        return Some(
            Finding::new(
                Rule::UnknownDependency,
                id,
                format!("`{id}` depends on `{dependency}`, which does not exist"),
            )
            .help("correct the `depends-on`, or enable the module that has it"),
        );
    };
    (entries.get_index_of(id)? < position).then(|| {
        Finding::new(
            Rule::HandOrder,
            id,
            format!("`{id}` depends on `{dependency}`, but stands before it in the lock"),
        )
        .help("move its line below")
    })
}
