//! What stops a run before it begins, and what is said when it does not.

use std::collections::BTreeMap;

use crate::adopt::Tool;
use crate::config::Reaction;
use crate::database::{Database, Stranger};
use crate::diagnostic::{Diagnostic, count};
use crate::dialect::Dialect;
use crate::event::{Event, Sink};
use crate::history::History;
use crate::lock::{Finding, Rule};
use crate::plan::{Plan, Why};
use crate::snapshot::Fingerprint;

use super::adopt::unadopted;
use super::check::CheckMode;
use super::consent::refuse_unreviewed;
use super::failure::{Failure, Kind};
use super::migrate::{LockMode, Request};
use super::prepare::{Prepared, merged};
use super::project::Project;
use super::snapshots;

/// `--locked` misfits that no database can excuse stop before connecting.
pub(super) fn fits_without_database(project: &Project, request: &Request<'_>) -> Result<(), Failure> {
    fits(project, request.connect.dialect(), request.check)
}

/// Whether the lock, and the snapshot of a dialect, fit what is there.
fn fits(project: &Project, dialect: Dialect, check: CheckMode) -> Result<(), Failure> {
    let (merged, _) = merged(project, None)?;
    let misfits: Vec<&Finding> = merged.misfits().filter(|finding| finding.rule != Rule::Missing).collect();
    if !misfits.is_empty() {
        return Err(locked_misfits(&misfits));
    }
    let anything = !merged.lock.entries.is_empty();
    if anything && snapshots::checked(project) && check != CheckMode::Off {
        let now = Fingerprint::of(&merged.lock, &project.catalogue, dialect);
        let state = snapshots::snapshot_state(project, &now, dialect);
        if let Some(diagnostic) = state.diagnostic(project, dialect) {
            return Err(Failure::new(Kind::Refused, diagnostic));
        }
    }
    Ok(())
}

/// What `migrate --locked` would refuse beside the plan's own refusals.
pub fn locked_refusals(project: &Project, prepared: &Prepared, dialect: Dialect) -> Vec<Diagnostic> {
    let failures = [
        fits(project, dialect, CheckMode::Fail),
        accept(prepared, LockMode::Locked),
        refuse_unreviewed(project, prepared, dialect),
    ];
    let first = failures.into_iter().find_map(Result::err);
    first.map(|failure| failure.diagnostics).unwrap_or_default()
}

pub(super) fn locked_misfits(misfits: &[&Finding]) -> Failure {
    let mut diagnostics: Vec<Diagnostic> = misfits.iter().map(|finding| finding.diagnostic.clone()).collect();
    diagnostics.push(
        Diagnostic::new("the lock does not fit what was found, and `--locked` forbids to change it")
            .help("run `db-migrations lock` where it can be reviewed, commit the lock, and run again"),
    );
    Failure::all(Kind::Refused, diagnostics)
}

/// Findings that need a hand stop every mode; `--locked` accepts no change at all.
pub(super) fn accept(prepared: &Prepared, mode: LockMode) -> Result<(), Failure> {
    let misfits: Vec<&Finding> = prepared.merged.misfits().collect();
    if mode == LockMode::Locked && !misfits.is_empty() {
        return Err(locked_misfits(&misfits));
    }
    if prepared.merged.needs_hand() {
        let by_hand = misfits.iter().filter(|finding| finding.rule.needs_hand());
        return Err(Failure::all(Kind::Refused, by_hand.map(|finding| finding.diagnostic.clone()).collect()));
    }
    Ok(())
}

/// Another tool's history with rows, while ours is empty, means that this database has a past.
pub(super) async fn refuse_strangers(
    project: &Project,
    history: &History,
    database: &mut dyn Database,
) -> Result<(), Failure> {
    if !history.is_untouched() {
        return Ok(());
    }
    match strangers_diagnostic(&unadopted(project, database.strangers().await?)) {
        Some(diagnostic) => Err(Failure::new(Kind::Refused, diagnostic)),
        None => Ok(()),
    }
}

fn rows(n: i64) -> String {
    count(usize::try_from(n).unwrap_or_default(), "row", "rows")
}

/// What to say of other tools' histories, and how to take the first over.
pub fn strangers_diagnostic(strangers: &[Stranger]) -> Option<Diagnostic> {
    let first = strangers.first()?;
    let mut diagnostic = Diagnostic::new(
        "this database was migrated by another tool, and nothing of it is in our history yet",
    );
    for stranger in strangers {
        diagnostic.notes.push(format!("{} in `{}` ({})", rows(stranger.rows), stranger.table, stranger.tool));
    }
    let (schema, table) = first.table.rsplit_once('.').unwrap_or(("", &first.table));
    let schema = match schema {
        "" | "public" => String::new(),
        schema => format!(" --schema {schema}"),
    };
    let tools: Vec<Tool> = Tool::ALL.into_iter().filter(|tool| first.tool.contains(tool.name())).collect();
    for tool in &tools {
        let table = if table == tool.table() { String::new() } else { format!(" --table {table}") };
        let or = if *tool == tools[0] { "" } else { "or " };
        let command = format!("db-migrations import {} --module NAMESPACE{table}{schema}", tool.name());
        diagnostic = diagnostic.help(format!("{or}take it over with `{command}`"));
    }
    Some(match tools[..] {
        [] => diagnostic
            .help(format!("histories of {} cannot be imported", first.tool))
            .help("record what has run with `db-migrations version ID --add`"),
        _ => diagnostic.help("with several such tables, import one after another"),
    })
}

pub(super) fn refuse_plan(plan: &Plan, request: &Request<'_>) -> Result<(), Failure> {
    if !plan.refusals.is_empty() {
        return Err(Failure::all(Kind::Refused, plan.refusals.clone()));
    }
    if plan.needs_consent() && !request.allow_split {
        let mut diagnostic =
            Diagnostic::new("this run cannot be one transaction, so a failure could leave a part of it");
        for (n, group) in plan.groups.iter().enumerate() {
            if let (Some(reason), Some(step)) = (&group.reason, group.steps.first()) {
                diagnostic.notes.push(format!("group {} begins at `{}`: {reason}", n + 1, step.id));
            }
        }
        return Err(Failure::new(
            Kind::Refused,
            diagnostic
                .help("`db-migrations plan` shows the groups")
                .help("run with `--allow-split`, or set `policy: { allow-split: true }`"),
        ));
    }
    Ok(())
}

/// So many findings of one rule are told one by one.
const FEW: usize = 3;

pub(super) fn tell_findings(project: &Project, prepared: &Prepared, sink: &mut dyn Sink) {
    let allowed = project.config.policy.unknown_executed == Reaction::Allow;
    let mut told: BTreeMap<Rule, usize> = BTreeMap::new();
    for finding in &prepared.merged.findings {
        if finding.rule == Rule::Unknown && allowed {
            continue;
        }
        if finding.rule.warns() {
            let count = told.entry(finding.rule).or_default();
            *count += 1;
            if *count <= FEW {
                sink.tell(Event::Warned(finding.diagnostic.clone()));
            }
        } else if finding.rule == Rule::Copy || finding.rule == Rule::DuplicateLine {
            sink.tell(Event::Noted(finding.diagnostic.message.clone()));
        }
    }
    for (rule, count) in told.into_iter().filter(|(_, count)| *count > FEW) {
        sink.tell(Event::Noted(format!(
            "{} more `{}`: see `db-migrations status`",
            count - FEW,
            rule.name()
        )));
    }
    for note in &prepared.plan.notes {
        sink.tell(Event::Noted(note.clone()));
    }
    if let Some(told) = waiting(&prepared.plan) {
        sink.tell(Event::Noted(told));
    }
    for warning in &prepared.plan.warnings {
        sink.tell(Event::Warned(warning.clone()));
    }
}

/// What is left for the contract phase of a deploy.
fn waiting(plan: &Plan) -> Option<String> {
    let first = plan.left_out.iter().find_map(|one| match &one.why {
        Why::Waits(why) => Some(format!("`{}`: {why}", one.id)),
        _ => None,
    })?;
    Some(match plan.waiting {
        1 => format!("1 contract step waits, {first}"),
        n => format!("{n} contract steps wait, first {first}"),
    })
}

/// Nothing runs, so nothing makes the snapshot anew: `--locked` would refuse it in the next deploy.
pub(super) fn tell_stale_snapshot(
    project: &Project,
    request: &Request<'_>,
    prepared: &Prepared,
    sink: &mut dyn Sink,
) {
    let anything = !prepared.merged.lock.entries.is_empty();
    if anything && request.mode == LockMode::Update && snapshots::checked(project) {
        let dialect = request.connect.dialect();
        let state = snapshots::snapshot_state(project, &prepared.fingerprint, dialect);
        if let Some(diagnostic) = state.diagnostic(project, dialect) {
            sink.tell(Event::Warned(diagnostic));
        }
    }
}
