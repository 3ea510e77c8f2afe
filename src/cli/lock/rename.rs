//! `lock rename`: one migration, or all of a module, under the id that their files have now.

use crate::diagnostic::{Diagnostic, nearest};
use crate::engine::{Failure, FailureKind, Project};
use crate::id::MigrationId;

fn usage(fault: Diagnostic) -> Failure {
    Failure::new(FailureKind::Usage, fault)
}

fn refused(message: String) -> Failure {
    usage(Diagnostic::new(message))
}

/// The lock's text with the new ids, and which they are.
pub(super) fn renamed(
    project: &Project,
    old: &str,
    new: &str,
    module: bool,
) -> Result<(String, Vec<(MigrationId, MigrationId)>), Failure> {
    let pairs = if module { of_module(project, old, new)? } else { vec![(id(old)?, id(new)?)] };
    let mut lock = project.document.lock().clone();
    for (old, new) in &pairs {
        fits(project, old, new)?;
        lock.rename(old, new);
        let migration = project.catalogue.get(new);
        if let (Some(entry), Some(migration)) = (lock.entries.get_mut(new), migration) {
            entry.checksum = Some(migration.up.checksum());
        }
    }
    let text = project.document.edit(&lock).map_err(|fault| Failure::new(FailureKind::Bug, fault))?;
    Ok((text, pairs))
}

fn id(text: &str) -> Result<MigrationId, Failure> {
    text.parse()
        .map_err(|error| usage(Diagnostic::new(format!("`{text}` is no id of a migration")).cause(error)))
}

/// Why one cannot be the other.
fn fits(project: &Project, old: &MigrationId, new: &MigrationId) -> Result<(), Failure> {
    let entries = &project.document.lock().entries;
    if !entries.contains_key(old) {
        let near = nearest(old.as_str(), entries.keys().map(MigrationId::as_str));
        let mut fault = Diagnostic::new(format!("`{old}` is not in the lock"));
        fault.help.extend(near.map(|near| format!("did you mean `{near}`?")));
        return Err(usage(fault));
    }
    if entries.contains_key(new) {
        return Err(refused(format!("`{new}` is in the lock already")));
    }
    if project.catalogue.get(new).is_none() {
        return Err(refused(format!("`{new}` was not found")));
    }
    if project.catalogue.get(old).is_some() {
        return Err(refused(format!("`{old}` is still there: it was not renamed")));
    }
    Ok(())
}

/// The entries of a module with their new ids; those whose files are gone, too, stay as they are.
fn of_module(project: &Project, old: &str, new: &str) -> Result<Vec<(MigrationId, MigrationId)>, Failure> {
    let Some(module) = project.catalogue.module(new) else {
        let known = project.catalogue.modules().iter().map(|module| module.namespace.as_str());
        let mut fault = Diagnostic::new(format!("there is no module `{new}`"));
        fault.help.extend(nearest(new, known).map(|near| format!("did you mean `{near}`?")));
        return Err(usage(fault));
    };
    let locked: Vec<&MigrationId> =
        project.document.lock().entries.keys().filter(|id| id.namespace() == old).collect();
    if locked.is_empty() {
        return Err(refused(format!("the lock has no entry of a module `{old}`")));
    }
    let find = |old: &MigrationId| {
        module.migrations.iter().find(|m| m.id.name() == old.name()).map(|m| m.id.clone())
    };
    let pairs: Vec<_> = locked.into_iter().filter_map(|id| Some((id.clone(), find(id)?))).collect();
    if pairs.is_empty() {
        return Err(refused(format!("no migration of `{new}` has the name of one of `{old}`")));
    }
    Ok(pairs)
}
