//! What external modules bring: told by `lock`, shown by `lock show`, demanded by `lock --check`, agreed to by
//! `lock --review`.

use serde_json::{Value, json};

use super::super::context::Context;
use super::super::{Done, Exit, Format, Global};
use super::say;
use crate::config::Review;
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::engine::{Failure, FailureKind, Project};
use crate::id::MigrationId;
use crate::lock::{Lock, Merged, find};
use crate::report::human;
use crate::review::{self, Account, Change, Judged, accounts, told};

/// The databases that texts are read for: those of the project, else those whose snapshots are there.
fn dialects(context: &Context, project: &Project) -> Result<Vec<Dialect>, Failure> {
    let mut dialects = context.dialects()?;
    let there = |dialect: &Dialect| project.snapshot_path(*dialect).exists() && !dialects.contains(dialect);
    let there: Vec<Dialect> = Dialect::ALL.into_iter().filter(there).collect();
    dialects.extend(there);
    Ok(dialects)
}

/// Says what came or changed since the lock `before`; the same as values.
pub(super) fn tell(
    global: &Global,
    context: &Context,
    project: &Project,
    before: &Lock,
    merged: &Merged,
) -> Result<Vec<Value>, Failure> {
    let mut all = accounts(before, &merged.lock, &project.catalogue, &dialects(context, project)?);
    all.retain(|account| account.change != Change::None);
    for line in told(&all, &project.catalogue) {
        say(global, &line);
    }
    let lacking = all.iter().filter(|account| account.lacks_review()).count();
    if lacking > 0 && project.config.review == Review::External && global.format == Format::Human {
        human::note(
            "look at what is marked `!` (`db-migrations lock show ID`), then `db-migrations lock --review ID`",
        );
    }
    Ok(all.iter().map(document).collect())
}

/// What `lock --check` demands of external modules.
pub(super) fn unreviewed(
    context: &Context,
    project: &Project,
    merged: &Merged,
) -> Result<Vec<Diagnostic>, Failure> {
    if project.config.review != Review::External {
        return Ok(Vec::new());
    }
    let lock = project.document.lock();
    let all = accounts(lock, &merged.lock, &project.catalogue, &dialects(context, project)?);
    // what is not locked like this yet is said already, and is looked at when it is
    let locked: Vec<Account> = all.into_iter().filter(|account| account.change == Change::None).collect();
    Ok(review::unreviewed(&locked))
}

/// Writes `reviewed: true` to these entries, and to those of a module that need it.
pub(super) fn agree(
    context: &Context,
    project: &Project,
    lock: &mut Lock,
    ids: &[MigrationId],
    module: Option<&str>,
) -> Result<(), Failure> {
    let usage = |fault| Failure::new(FailureKind::Usage, fault);
    for id in ids {
        let found = project.catalogue.get(id).zip(lock.entries.get(id));
        let Some((migration, entry)) = found else {
            let fault = Diagnostic::new(format!("`{id}` is not both locked and found"));
            return Err(usage(fault.help("run `db-migrations lock` first: it says what is new")));
        };
        if entry.checksum != Some(migration.up.checksum()) {
            let fault = Diagnostic::new(format!("`{id}` is not locked with the text that it has now"));
            return Err(usage(fault.help(format!("run `db-migrations lock --accept {id}` first"))));
        }
    }
    if let Some(module) = module.filter(|module| project.catalogue.module(module).is_none()) {
        return Err(usage(Diagnostic::new(format!("there is no module `{module}`"))));
    }
    let all = accounts(lock, lock, &project.catalogue, &dialects(context, project)?);
    let of_module = all
        .iter()
        .filter(|account| Some(account.id.namespace()) == module)
        .filter(|account| account.change == Change::None && account.lacks_review());
    let wanted: Vec<&MigrationId> = ids.iter().chain(of_module.map(|account| &account.id)).collect();
    for id in wanted {
        if let Some(entry) = lock.entries.get_mut(id) {
            entry.reviewed = Some(true);
        }
    }
    Ok(())
}

/// Entries whose review does not count any more, since they have another text.
pub(super) fn tell_lost(global: &Global, before: &Lock, now: &Lock) {
    for (id, entry) in &now.entries {
        let was = before.entries.get(id).is_some_and(|old| old.reviewed == Some(true));
        if was && entry.reviewed != Some(true) {
            say(
                global,
                &format!("`{id}` has another text than the one that was reviewed: `reviewed` was taken away"),
            );
        }
    }
}

/// `lock show`: the deeds and the texts of migrations.
pub(super) fn show(
    global: &Global,
    context: &Context,
    project: &Project,
    merged: &Merged,
    names: &[String],
) -> Result<Done, Failure> {
    let lock = &merged.lock;
    let one = |name: &String| {
        let found = find(lock.entries.keys(), name).cloned();
        found.map_err(|fault| Failure::new(FailureKind::Usage, fault))
    };
    let ids: Vec<MigrationId> = names.iter().map(one).collect::<Result<_, _>>()?;
    // also what is skipped, and what is the application's own, can be looked at
    let dialects = dialects(context, project)?;
    let all = review::accounts_of(&ids, project.document.lock(), lock, &project.catalogue, &dialects);
    for id in &ids {
        let account = all.iter().find(|account| account.id == *id);
        say(
            global,
            &account.map_or_else(|| format!("{id} (not for the databases of this project)"), heading),
        );
        for judged in account.iter().flat_map(|account| &account.deeds) {
            let mark = if judged.destructive { '!' } else { ' ' };
            say(global, &format!("  {mark} {}  {}", judged.words(), judged.place()));
        }
        for script in project.catalogue.get(id).iter().flat_map(|migration| migration.up.iter()) {
            say(global, &format!("--- {}", script.path));
            script.text.lines().for_each(|line| say(global, line));
        }
    }
    Ok(Done::new(Exit::Done, "shown", json!({ "migrations": all.iter().map(document).collect::<Vec<_>>() })))
}

fn heading(account: &Account) -> String {
    let reviewed = if account.reviewed { ", reviewed" } else { "" };
    let needed = if account.lacks_review() { ", not reviewed" } else { reviewed };
    format!("{} ({}{needed})", account.id, account.change.name())
}

fn document(account: &Account) -> Value {
    json!({
        "id": account.id.as_str(),
        "change": account.change.name(),
        "destructive": account.destructive().next().is_some(),
        "reviewed": account.reviewed,
        "deeds": account.deeds.iter().map(deed).collect::<Vec<_>>(),
    })
}

fn deed(judged: &Judged) -> Value {
    let deed = &judged.deed;
    json!({
        "class": deed.class.name(),
        "does": deed.to_string(),
        "object": deed.of.as_ref().map(ToString::to_string),
        "of": judged.owner,
        "destructive": judged.destructive,
        "file": &*judged.path,
        "line": judged.line,
    })
}
