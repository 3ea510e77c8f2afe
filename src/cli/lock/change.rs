//! `lock move`, `lock skip`, `lock unskip`: what a person would edit by hand.

use clap::Args;

use crate::diagnostic::Diagnostic;
use crate::engine::{Failure, FailureKind, Project};
use crate::id::MigrationId;
use crate::lock::{Document, Lock, find};

/// What a reason's line begins with, so that `unskip` knows it.
const REASON: &str = "# skip: ";

/// Where `lock move` puts the entries.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Place {
    /// Directly before this one
    #[arg(long, value_name = "ID")]
    before: Option<String>,
    /// Directly behind this one
    #[arg(long, value_name = "ID")]
    after: Option<String>,
}

fn usage(fault: Diagnostic) -> Failure {
    Failure::new(FailureKind::Usage, fault)
}

fn found(lock: &Lock, names: &[String]) -> Result<Vec<MigrationId>, Failure> {
    let one = |name: &String| find(lock.entries.keys(), name).cloned().map_err(usage);
    names.iter().map(one).collect()
}

fn parsed(project: &Project, text: &str) -> Result<Document, Failure> {
    Document::parse(&project.config.lock, text).map_err(|faults| Failure::all(FailureKind::Bug, faults))
}

fn edited(project: &Project, lock: &Lock) -> Result<Document, Failure> {
    let text = project.document.edit(lock).map_err(|fault| Failure::new(FailureKind::Bug, fault))?;
    parsed(project, &text)
}

/// Moves entries, in their given order; their comments go with them.
pub(super) fn moved(project: &Project, names: &[String], place: &Place) -> Result<Document, Failure> {
    let mut lock = project.document.lock().clone();
    let ids = found(&lock, names)?;
    let (target, behind) = match (&place.before, &place.after) {
        (Some(id), _) => (id, false),
        (_, Some(id)) => (id, true),
        (None, None) => return Err(usage(Diagnostic::new("`--before` or `--after` is needed"))),
    };
    let target = find(lock.entries.keys(), target).cloned().map_err(usage)?;
    if ids.contains(&target) {
        return Err(usage(Diagnostic::new(format!("`{target}` cannot be moved next to itself"))));
    }
    let mut taken = Vec::new();
    for id in ids {
        taken.extend(lock.entries.shift_remove_entry(&id));
    }
    let at = lock.entries.get_index_of(&target).unwrap_or_default() + usize::from(behind);
    for (n, (id, entry)) in taken.into_iter().enumerate() {
        lock.entries.shift_insert(at + n, id, entry);
    }
    edited(project, &lock)
}

/// Sets `skip: true`; the reason becomes the comment line above.
pub(super) fn skipped(
    project: &Project,
    names: &[String],
    reason: Option<&str>,
) -> Result<Document, Failure> {
    let mut lock = project.document.lock().clone();
    let ids = found(&lock, names)?;
    for id in &ids {
        let copies = lock.entries.iter().filter(|(_, entry)| entry.same_as.as_ref() == Some(id));
        if let Some((copy, _)) = copies.into_iter().find(|(copy, _)| !ids.contains(copy)) {
            let fault = Diagnostic::new(format!("`{copy}` is a copy of `{id}`, which runs in its place"));
            return Err(usage(fault.help(format!("let the copy run: `db-migrations lock unskip {copy}`"))));
        }
    }
    let ids: Vec<MigrationId> = ids.into_iter().filter(|id| !lock.entries[id].skip).collect();
    for id in &ids {
        lock.entries[id].skip = true;
    }
    let mut document = edited(project, &lock)?;
    let reason = reason.map(|reason| reason.split_whitespace().collect::<Vec<_>>().join(" "));
    for id in ids.iter().filter(|_| reason.is_some()) {
        let line = format!("{REASON}{}", reason.as_deref().unwrap_or_default());
        document = parsed(project, &document.comment(id, &line))?;
    }
    Ok(document)
}

/// Lets them run again; a copy runs by itself then.
pub(super) fn unskipped(project: &Project, names: &[String]) -> Result<Document, Failure> {
    let mut lock = project.document.lock().clone();
    let ids = found(&lock, names)?;
    for id in &ids {
        lock.entries[id].skip = false;
        lock.entries[id].same_as = None;
    }
    let mut document = edited(project, &lock)?;
    for id in &ids {
        document = parsed(project, &document.uncomment(id, REASON))?;
    }
    Ok(document)
}
