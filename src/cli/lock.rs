//! `lock`: the lock without a database.

mod change;
mod consent;
mod diff;
mod rename;
mod resolve;

use clap::Subcommand;
use serde_json::json;

use super::context::{Context, From};
use super::watch::reporter;
use super::{Done, Exit, Format, Global};
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::engine::{
    self, Failure, FailureKind, Project, Replayed, SnapshotState, replay, snapshot_state, write_snapshot,
};
use crate::id::MigrationId;
use crate::lock::{Document, Finding, Lock, Merged, Rule, merge};
use crate::lockfile::{self, Written};
use crate::report::count;
use crate::report::human::{self, Weight};
use crate::report::json;
use crate::snapshot::{Fingerprint, Unread};

/// Bring the lock up to date with what is found; no database is needed
///
/// Appends new migrations, fills in checksums, and refreshes the snapshot of SQLite. `--check` writes
/// nothing and ends with 1 when anything would change: the job of CI.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    from: From,
    /// Write nothing; end with 1 when lock or snapshots are not up to date
    #[arg(long, conflicts_with_all = ["prune", "accept", "module", "review", "review_module"])]
    check: bool,
    /// With --check: also prove the snapshots by replay
    #[arg(long, requires = "check")]
    replay: bool,
    /// Remove entries whose migration is gone
    #[arg(long)]
    prune: bool,
    /// Lock the text that these migrations have now
    #[arg(long, value_name = "ID", num_args = 0..)]
    accept: Option<Vec<MigrationId>>,
    /// With --accept: all migrations of a module
    #[arg(long, value_name = "NAMESPACE", requires = "accept")]
    module: Option<String>,
    /// Note that a person has looked at what these external migrations do (`reviewed: true`)
    #[arg(long, value_name = "ID", num_args = 1..)]
    review: Vec<MigrationId>,
    /// The same for all migrations of a module that need it
    #[arg(long, value_name = "NAMESPACE")]
    review_module: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Give a locked migration the id that its file has now
    ///
    /// Keeps its place and comment. A database that ran it under the old id will not run it again.
    Rename {
        /// The locked id; with --module: the namespace in the lock
        old: String,
        /// The id of the file; with --module: the namespace that the module has now
        new: String,
        /// A whole module was renamed
        #[arg(long)]
        module: bool,
    },
    /// Show what differs between the lock and that of another revision, by module
    Diff {
        /// The revision of git
        #[arg(default_value = "HEAD", value_name = "REV")]
        revision: String,
    },
    /// Show what migrations do, and their text
    Show {
        /// The entries: id, name, version, slug, or the beginning of one
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Move entries; their comments go with them
    Move {
        /// The entries, in the order that they get: id, name, version, slug, or the beginning of one
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
        #[command(flatten)]
        place: change::Place,
    },
    /// Set `skip: true`
    Skip {
        /// The entries: id, name, version, slug, or the beginning of one
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
        /// Why; kept as the comment line above
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Let skipped entries run again; a copy runs by itself then
    Unskip {
        /// The entries: id, name, version, slug, or the beginning of one
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Join the two sides of a lock that a merge has left in conflict
    ///
    /// Takes both sides from git's index, else from the conflict markers. Everything that either side added is there,
    /// each side's order is kept, nobody's skip or comment is lost. It stops only where both sides contradict each
    /// other, and shows where. Then it does what `lock` does.
    Resolve {
        #[command(flatten)]
        deciding: resolve::Deciding,
    },
    /// Let git join locks by itself, in this repository
    ///
    /// Sets a merge driver in the repository's own git configuration and names it in `.gitattributes`.
    InstallMergeDriver,
    /// What git calls
    #[command(hide = true)]
    MergeDriver(resolve::Driven),
}

pub(super) async fn run(global: &Global, args: Args) -> Result<Done, Failure> {
    if args.from.is_bundle() && !args.check {
        return Err(Failure::new(
            FailureKind::Usage,
            Diagnostic::new("the lock of a bundle cannot be changed").help("add `--check`"),
        ));
    }
    if let Some(Command::MergeDriver(files)) = &args.command {
        let clean = resolve::drive(files)?;
        let (exit, outcome) = if clean { (Exit::Done, "joined") } else { (Exit::Findings, "conflict") };
        return Ok(Done::new(exit, outcome, json!({})));
    }
    let context = Context::open(global, &args.from)?;
    match &args.command {
        Some(Command::Resolve { deciding }) => return resolve(global, &context, deciding).await,
        Some(Command::InstallMergeDriver) => {
            let told = resolve::install(&context)?;
            for line in &told {
                say(global, line);
            }
            return Ok(Done::new(Exit::Done, "installed", json!({ "written": told })));
        }
        _ => {}
    }
    let mut project = context.project()?;
    if let Some(Command::Diff { revision }) = &args.command {
        return diff::run(global, &project, revision);
    }
    if let Some(Command::Show { ids }) = &args.command {
        return consent::show(global, &context, &project, &merged(&project)?, ids);
    }
    let before = project.document.lock().clone();
    if let Some(document) = changed_by_hand(&project, args.command.as_ref())? {
        let changed = document.text() != project.document.text();
        project.document = document;
        let merged = merged(&project)?;
        return update(global, &context, &mut project, (&before, &merged), changed).await;
    }
    if let Some(Command::Rename { old, new, module }) = &args.command {
        let (text, renamed) = rename::renamed(&project, old, new, *module)?;
        write(&project, &text)?;
        for (old, new) in &renamed {
            say(global, &format!("renamed `{old}` to `{new}` in {}", project.config.lock));
        }
        project.read_lock()?;
        let merged = merged(&project)?;
        refresh(global, &context, &project, &merged).await?;
        let json = json!({ "old": old, "new": new, "entries": renamed.len() });
        return Ok(Done::new(Exit::Done, "renamed", json));
    }
    for warning in &project.discovery.warnings {
        warn(global, warning);
    }
    let changed = adjust(&context, &mut project, &args)?;
    let merged = merged(&project)?;
    if args.check {
        return check(global, &context, &project, &merged, args.replay).await;
    }
    update(global, &context, &mut project, (&before, &merged), changed).await
}

/// The lock as `move`, `skip` or `unskip` wants it.
fn changed_by_hand(project: &Project, command: Option<&Command>) -> Result<Option<Document>, Failure> {
    match command {
        Some(Command::Move { ids, place }) => change::moved(project, ids, place).map(Some),
        Some(Command::Skip { ids, reason }) => change::skipped(project, ids, reason.as_deref()).map(Some),
        Some(Command::Unskip { ids }) => change::unskipped(project, ids).map(Some),
        _ => Ok(None),
    }
}

/// Joins both sides, then does what a plain `lock` does.
async fn resolve(global: &Global, context: &Context, deciding: &resolve::Deciding) -> Result<Done, Failure> {
    let (mut project, joined) = resolve::resolved(context, deciding)?;
    let words = if joined { "joined both sides of" } else { "no conflict is left in" };
    say(global, &format!("{words} {}", project.config.lock));
    let merged = merged(&project)?;
    // also where git has joined the lock: a conflict in the snapshot is ended by making it anew
    let before = project.document.lock().clone();
    let done = update(global, context, &mut project, (&before, &merged), joined).await?;
    if !joined {
        return Ok(done);
    }
    let snapshots = Dialect::ALL.into_iter().filter(|dialect| project.snapshot_path(*dialect).exists());
    if global.format == Format::Human {
        let names = snapshots.map(|dialect| project.snapshot_name(dialect));
        let names: Vec<String> = [project.config.lock.clone()].into_iter().chain(names).collect();
        human::note(&format!("next: look at it, then `git add {}`", names.join(" ")));
    }
    Ok(Done::new(done.exit, "resolved", done.json))
}

/// Whether the committed snapshot is the merged lock's.
fn state(project: &Project, merged: &Merged, dialect: Dialect) -> SnapshotState {
    snapshot_state(project, &Fingerprint::of(&merged.lock, &project.catalogue, dialect), dialect)
}

/// Merges without any history.
fn merged(project: &Project) -> Result<Merged, Failure> {
    merge(project.document.lock(), &project.catalogue, None)
        .map_err(|fault| Failure::new(FailureKind::Usage, fault))
}

fn entries(merged: &Merged) -> String {
    count(merged.lock.entries.len(), "entry", "entries")
}

/// One line, and one for each fact that belongs to it.
fn say_with_notes(global: &Global, line: &str, diagnostic: &Diagnostic) {
    say(global, line);
    diagnostic.notes.iter().for_each(|note| say(global, &format!("  {note}")));
}

fn say(global: &Global, text: &str) {
    if global.format == Format::Human {
        human::line(text);
    }
}

fn warn(global: &Global, diagnostic: &Diagnostic) {
    if global.format == Format::Human {
        human::print(diagnostic, Weight::Warning);
    }
}

fn write(project: &Project, text: &str) -> Result<Written, Failure> {
    lockfile::write(&project.lock_path(), text).map_err(|fault| Failure::new(FailureKind::Usage, fault))
}

/// Carries out `--prune`, `--accept` and `--review` on the document; whether anything changed.
fn adjust(context: &Context, project: &mut Project, args: &Args) -> Result<bool, Failure> {
    let mut lock = project.document.lock().clone();
    if args.prune {
        lock.entries.retain(|id, _| project.catalogue.get(id).is_some());
        let gone = |same_as: &MigrationId| project.catalogue.get(same_as).is_none();
        for entry in lock.entries.values_mut().filter(|entry| entry.same_as.as_ref().is_some_and(gone)) {
            // its original is gone for good: now it runs itself, but not where the original has run
            if let Some(original) = entry.same_as.take() {
                entry.was_called(&original);
            }
            entry.skip = false;
        }
    }
    if let Some(ids) = &args.accept {
        accept(project, &mut lock, ids, args.module.as_deref())?;
    }
    if !args.review.is_empty() || args.review_module.is_some() {
        consent::agree(context, project, &mut lock, &args.review, args.review_module.as_deref())?;
    }
    if lock.same(project.document.lock()) {
        return Ok(false);
    }
    let text = project.document.edit(&lock).map_err(|fault| Failure::new(FailureKind::Bug, fault))?;
    project.document = crate::lock::Document::parse(&project.config.lock, &text)
        .map_err(|faults| Failure::all(FailureKind::Bug, faults))?;
    Ok(true)
}

fn accept(
    project: &Project,
    lock: &mut Lock,
    ids: &[MigrationId],
    module: Option<&str>,
) -> Result<(), Failure> {
    if ids.is_empty() && module.is_none() {
        return Err(Failure::new(
            FailureKind::Usage,
            Diagnostic::new("`--accept` needs ids, or `--module NAMESPACE`"),
        ));
    }
    if let Some(module) = module.filter(|module| project.catalogue.module(module).is_none()) {
        return Err(Failure::new(
            FailureKind::Usage,
            Diagnostic::new(format!("there is no module `{module}`")),
        ));
    }
    for id in ids {
        if !lock.entries.contains_key(id) || project.catalogue.get(id).is_none() {
            let near = crate::diagnostic::nearest(id.as_str(), lock.entries.keys().map(MigrationId::as_str));
            let mut diagnostic = Diagnostic::new(format!("`{id}` is not both locked and found"));
            diagnostic.help.extend(near.map(|near| format!("did you mean `{near}`?")));
            return Err(Failure::new(FailureKind::Usage, diagnostic));
        }
    }
    for (id, entry) in &mut lock.entries {
        if (ids.contains(id) || Some(id.namespace()) == module)
            && let Some(migration) = project.catalogue.get(id)
        {
            entry.accept(migration.up.checksum());
        }
    }
    Ok(())
}

/// Writes the lock, then the snapshot that needs no server. `before` is the lock as the file has it.
async fn update(
    global: &Global,
    context: &Context,
    project: &mut Project,
    (before, merged): (&Lock, &Merged),
    adjusted: bool,
) -> Result<Done, Failure> {
    let text = project.document.edit(&merged.lock).map_err(|fault| Failure::new(FailureKind::Bug, fault))?;
    let written = write(project, &text)?;
    let mut by_hand = Vec::new();
    for finding in findings(project, merged) {
        match finding.rule {
            Rule::New => say_with_notes(global, &format!("added {}", finding.id), &finding.diagnostic),
            Rule::Copy | Rule::Replaced => {
                say_with_notes(global, &finding.diagnostic.message, &finding.diagnostic);
            }
            rule if rule.needs_hand() => by_hand.push(finding),
            rule if rule.warns() => warn(global, &finding.diagnostic),
            _ => {}
        }
    }
    let external = consent::tell(global, context, project, before, merged)?;
    consent::tell_lost(global, before, &merged.lock);
    match written {
        Written::Changed => {
            say(global, &format!("wrote {} ({})", project.config.lock, entries(merged)));
        }
        Written::Unchanged if !by_hand.is_empty() => {}
        Written::Unchanged => {
            say(global, &format!("{} is up to date ({})", project.config.lock, entries(merged)));
        }
    }
    project.read_lock()?;
    let mut snapshots = Vec::new();
    if by_hand.is_empty() {
        snapshots = refresh(global, context, project, merged).await?;
    }
    if !by_hand.is_empty() {
        return Err(Failure::all(FailureKind::Findings, by_hand.into_iter().map(|f| f.diagnostic).collect()));
    }
    let changed = written == Written::Changed || adjusted;
    let rest = json!({
        "entries": merged.lock.entries.len(),
        "changed": changed,
        "findings": json::findings(&merged.findings),
        "snapshots": snapshots,
        "external": external,
    });
    Ok(Done::new(Exit::Done, if changed { "written" } else { "up-to-date" }, rest))
}

/// Refreshes stale snapshots of databases that need no server; names the command for the others.
async fn refresh(
    global: &Global,
    context: &Context,
    project: &Project,
    merged: &Merged,
) -> Result<Vec<String>, Failure> {
    let mut written = Vec::new();
    let mut dialects = context.dialects()?;
    // without a URL, the snapshots that are there say which dialects matter
    let there = |dialect: &Dialect| project.snapshot_path(*dialect).exists();
    dialects
        .extend(Dialect::ALL.into_iter().filter(|d| there(d) && !dialects.contains(d)).collect::<Vec<_>>());
    for dialect in dialects {
        if matches!(state(project, merged, dialect), SnapshotState::Fresh(_))
            || !engine::checks_schema(project)
        {
            continue;
        }
        if !dialect.facts().scratch_in_memory {
            say(
                global,
                &format!(
                    "the snapshot of {dialect} is missing or stale: run `db-migrations schema snapshot --dialect {dialect}`"
                ),
            );
            continue;
        }
        let connect = context.connector_to(format!("{}::memory:", dialect.name()).into(), false)?;
        match write_snapshot(project, merged, &*connect, &mut *reporter(global)).await {
            Ok(Some(name)) => {
                say(global, &format!("wrote {name}"));
                written.push(name);
            }
            Ok(None) => {}
            Err(diagnostic) => warn(global, &diagnostic),
        }
    }
    Ok(written)
}

/// What reading and merging has found, with its lines.
pub(super) fn findings(project: &Project, merged: &Merged) -> Vec<Finding> {
    let all = project.document.findings().iter().chain(&merged.findings);
    all.map(|finding| project.document.locate(finding.clone())).collect()
}

fn is_wrong(finding: &Finding) -> bool {
    finding.rule.needs_hand() || finding.rule.changes_lock()
}

/// Why a lock is not up to date; empty where it is.
pub(super) fn not_up_to_date(project: &Project, findings: &[Finding]) -> Vec<Diagnostic> {
    let mut wrong: Vec<Diagnostic> =
        findings.iter().filter(|one| is_wrong(one)).map(|one| one.diagnostic.clone()).collect();
    if !wrong.is_empty() {
        wrong.push(
            Diagnostic::new(format!("`{}` is not up to date", project.config.lock))
                .help("run `db-migrations lock`, look at it, and commit it"),
        );
    }
    wrong
}

/// Everything that is not up to date, as findings.
async fn check(
    global: &Global,
    context: &Context,
    project: &Project,
    merged: &Merged,
    prove: bool,
) -> Result<Done, Failure> {
    let all = findings(project, merged);
    for finding in all.iter().filter(|finding| finding.rule.warns() && !is_wrong(finding)) {
        warn(global, &finding.diagnostic);
    }
    let mut wrong = not_up_to_date(project, &all);
    if wrong.is_empty() && engine::checks_schema(project) {
        for dialect in context.dialects()? {
            let state = state(project, merged, dialect);
            wrong.extend(state.diagnostic(project, dialect));
            if let (SnapshotState::Fresh(snapshot), true) = (state, prove) {
                wrong.extend(unproved(global, context, project, merged, dialect, *snapshot).await?);
            }
        }
    }
    wrong.extend(consent::unreviewed(context, project, merged)?);
    if wrong.is_empty() {
        say(global, &format!("{} is up to date ({})", project.config.lock, entries(merged)));
        let rest = json!({ "entries": merged.lock.entries.len(), "findings": json::findings(&all) });
        return Ok(Done::new(Exit::Done, "up-to-date", rest));
    }
    Err(Failure::all(FailureKind::Findings, wrong))
}

/// Replays the lock and compares with the committed snapshot.
async fn unproved(
    global: &Global,
    context: &Context,
    project: &Project,
    merged: &Merged,
    dialect: Dialect,
    snapshot: Unread,
) -> Result<Option<Diagnostic>, Failure> {
    let connect = super::schema::scratch_connector(context, dialect)?;
    let name = project.snapshot_name(dialect);
    let snapshot = snapshot.read().map_err(|fault| Failure::new(FailureKind::Findings, fault))?;
    match replay(project, merged, &*connect, &mut *reporter(global)).await {
        Replayed::NotProved(reason) => {
            Ok(Some(Diagnostic::new(format!("`{name}` cannot be proved by replay")).cause(reason)))
        }
        Replayed::Schema { schema, .. } if schema == snapshot.schema => {
            super::schema::undeclared(global, context, project, merged, dialect, &schema).await
        }
        Replayed::Schema { .. } => {
            let command = format!("db-migrations schema snapshot --dialect {dialect}");
            Ok(Some(
                Diagnostic::new(format!("`{name}` is not what a replay of the lock makes"))
                    .help(engine::renew(project, &command)),
            ))
        }
    }
}
