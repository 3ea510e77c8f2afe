//! Which migrations are looked at: named ones, all of them, or what is new since a commit.

use std::collections::HashSet;

use super::Args;
use crate::diagnostic::{Diagnostic, count};
use crate::engine::{Failure, FailureKind, Project};
use crate::git;
use crate::id::{Checksum, MigrationId};
use crate::lock::{Document, Entry, Lock, find};
use crate::migration::{Former, Migration};
use crate::module::Module;
use crate::review::is_external;

/// What is looked at.
pub(super) struct Selection {
    pub(super) wanted: HashSet<MigrationId>,
    /// They come into being together.
    pub(super) together: bool,
    /// What has run somewhere, if under another name or with another text: the tables that it makes are not new.
    pub(super) old: HashSet<MigrationId>,
    /// In words: `new since 1a2b3c4 (origin/main)`.
    pub(super) what: String,
    /// What is said beside it.
    pub(super) notes: Vec<String>,
}

/// What the arguments and git say.
pub(super) fn select(args: &Args, project: &Project, lock: &Lock) -> Result<Selection, Failure> {
    let mut selection = if args.all {
        of_all(project)
    } else if args.ids.is_empty() {
        since(args, project, lock)?
    } else {
        named(&args.ids, lock)?
    };
    if args.ids.is_empty() && !args.external {
        leave_out_external(project, &mut selection);
    }
    // what does not run is not looked at
    selection.wanted.retain(|id| lock.entries.get(id).is_some_and(|entry| !entry.skip));
    Ok(selection)
}

fn of_all(project: &Project) -> Selection {
    let wanted = project.catalogue.iter().map(|migration| migration.id.clone()).collect();
    Selection {
        wanted,
        together: false,
        old: HashSet::new(),
        what: "all migrations".to_owned(),
        notes: Vec::new(),
    }
}

fn named(ids: &[String], lock: &Lock) -> Result<Selection, Failure> {
    let found = ids.iter().map(|text| find(lock.entries.keys(), text).cloned());
    let wanted = found.collect::<Result<HashSet<_>, _>>().map_err(usage)?;
    let what = count(wanted.len(), "named migration", "named migrations");
    Ok(Selection { wanted, together: true, old: HashSet::new(), what, notes: Vec::new() })
}

fn since(args: &Args, project: &Project, lock: &Lock) -> Result<Selection, Failure> {
    let (base, name) = base(args, project)?;
    let short: String = base.chars().take(7).collect();
    let text = git::show(&project.root, &base, &project.config.lock).map_err(usage)?;
    let locked = text.and_then(|text| Document::parse(&project.config.lock, &text).ok());
    let changed: HashSet<String> =
        git::changed_since(&project.root, &base).map_err(usage)?.into_iter().collect();
    let there: HashSet<String> = git::files_of(&project.root, &base).into_iter().collect();
    // a file that was there before is old, even if nobody has locked it yet
    let is_as_before = |migration: &Migration| {
        migration.up.iter().all(|script| there.contains(&*script.path) && !changed.contains(&*script.path))
    };
    let is_locked = |migration: &Migration| {
        let entry = locked.as_ref().and_then(|document| document.lock().entries.get(&migration.id));
        entry.is_some_and(|entry| entry.checksum == Some(migration.up.checksum()))
    };
    let is_new = |migration: &Migration| !is_locked(migration) && !is_as_before(migration);
    let new = project.catalogue.iter().filter(|migration| is_new(migration));
    let wanted: HashSet<MigrationId> = new.map(|migration| migration.id.clone()).collect();
    let before = locked.as_ref().map(Document::lock);
    let sums: HashSet<Checksum> = before
        .into_iter()
        .flat_map(|lock| lock.entries.values().filter_map(|entry| entry.checksum))
        .collect();
    let known = before.map(names).unwrap_or_default();
    let is_old = |migration: &&Migration| {
        // under which names it may have run
        let formers = lock.entries.get(&migration.id).into_iter().flat_map(Entry::former_names);
        let formers = formers.chain(migration.replaces.iter().flat_map(Former::names));
        std::iter::once(&migration.id).chain(formers).any(|id| known.contains(id))
            || sums.contains(&migration.up.checksum())
            || migration.up.iter().any(|script| there.contains(&*script.path))
    };
    let old = project.catalogue.iter().filter(is_old).map(|migration| migration.id.clone()).collect();
    let mut notes = Vec::new();
    if wanted.is_empty() && git::commit(&project.root, "HEAD").is_some_and(|head| head == base) {
        notes.push(format!(
            "nothing here is newer than {name}: `--since REV` looks at what a commit has not, `--all` at everything"
        ));
    }
    Ok(Selection { wanted, together: true, old, what: format!("new since {short} ({name})"), notes })
}

/// All that migrations of a lock are called and were called.
fn names(lock: &Lock) -> HashSet<&MigrationId> {
    lock.entries.iter().flat_map(|(id, entry)| std::iter::once(id).chain(entry.former_names())).collect()
}

/// The commit that everything old is in, and what it is called.
fn base(args: &Args, project: &Project) -> Result<(String, String), Failure> {
    let root = &project.root;
    if project.is_bundled() || !git::is_repository(root) {
        let fault = Diagnostic::new("there is no git repository here that tells what is new");
        return Err(usage(fault.help("name migrations, or look at all of them: `db-migrations lint --all`")));
    }
    if let Some(revision) = &args.since {
        let commit = git::commit(root, revision).ok_or_else(|| {
            usage(
                Diagnostic::new(format!("git knows no revision `{revision}` here"))
                    .help("name a branch, a tag or a commit"),
            )
        })?;
        // what the other side has got meanwhile is not new here
        return Ok((git::merge_base(root, revision).unwrap_or(commit), revision.clone()));
    }
    let Some(branch) = args.main.clone().or_else(|| git::main_branch(root)) else {
        let fault = Diagnostic::new("it is not known which branch is the main one");
        return Err(usage(fault.help("name it: `--main BRANCH`, or a commit: `--since REV`")));
    };
    if git::commit(root, &branch).is_none() {
        let fault = Diagnostic::new(format!("there is no branch `{branch}` here"));
        return Err(usage(fault.help("name another one: `--main BRANCH`, or a commit: `--since REV`")));
    }
    match git::merge_base(root, &branch) {
        Some(base) => Ok((base, branch)),
        None => Err(usage(
            Diagnostic::new(format!("`{branch}` and `HEAD` have no commit in common here"))
                .help("a shallow clone lacks it: fetch the whole history (`git fetch --unshallow`, `fetch-depth: 0`)")
                .help("or name a commit: `--since REV`"),
        )),
    }
}

/// Nobody here can mend a file of a registry's crate: those are looked at when they are asked for.
fn leave_out_external(project: &Project, selection: &mut Selection) {
    let mut modules: Vec<(&Module, usize)> = Vec::new();
    for module in project.catalogue.modules().iter().filter(|module| is_external(module)) {
        let before = selection.wanted.len();
        selection.wanted.retain(|id| id.namespace() != module.namespace.as_str());
        modules.push((module, before - selection.wanted.len()));
    }
    let left: usize = modules.iter().map(|(_, n)| n).sum();
    if left > 0 {
        let names: Vec<String> = modules
            .iter()
            .filter(|(_, n)| *n > 0)
            .map(|(module, _)| format!("`{}`", module.namespace))
            .take(5)
            .collect();
        let all = count(left, "migration", "migrations");
        selection
            .notes
            .push(format!("{all} of external modules not looked at ({}): `--external`", names.join(", ")));
    }
}

fn usage(diagnostic: Diagnostic) -> Failure {
    Failure::new(FailureKind::Usage, diagnostic)
}
