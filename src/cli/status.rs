//! `status`: what this database has of the lock.

use super::context::{Context, From};
use super::deploy::Deploy;
use super::run::looking;
use super::{Done, Exit, Format, Global};
use crate::engine::{self, Failure, Line, State, Status};
use crate::plan::Goal;
use crate::report::human::{self, Weight};
use crate::report::json;

/// Show every locked migration with its state in this database
///
/// Reads only; creates nothing, not even the history table.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    from: From,
    /// Leave out what has run
    #[arg(long)]
    pending: bool,
    #[command(flatten)]
    deploy: Deploy,
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Done, Failure> {
    let context = Context::open(global, &args.from)?;
    let connect = looking(&context)?;
    let project = context.project()?;
    let status = engine::status(&project, &*connect, &args.deploy.aim(&context, Goal::Latest)?).await?;
    if global.format == Format::Human {
        print(&status, args.pending);
    }
    Ok(Done::new(Exit::Done, "looked", json::status(&status)))
}

fn print(status: &Status, pending_only: bool) {
    for finding in status.prepared.merged.findings.iter().filter(|f| f.rule.warns() || f.rule.needs_hand()) {
        human::print(&finding.diagnostic, Weight::Warning);
    }
    for refusal in &status.prepared.plan.refusals {
        human::print(refusal, Weight::Error);
    }
    human::line(&format!("{} at {}", status.server.title(), status.server.address));
    let shown = status.lines.iter().filter(|line| !pending_only || line.state != State::Applied);
    let rows = shown.map(|line| vec![line.id.to_string(), state(line), at(line), took(line)]);
    human::table(&["migration", "state", "ran at (UTC)", "took"], rows, &[3]);
    for (id, why) in status.lines.iter().filter_map(|line| Some((&line.id, line.waits()?))) {
        human::line(&format!("{id} waits for the contract phase: {why}"));
    }
    for partial in &status.partial {
        human::line(&super::repair::describe(partial, status.holder.is_some()));
    }
    human::line(&summary(status));
    if let Some(run) = &status.last_run {
        let verdict = run.verdict.as_deref().unwrap_or("not recorded");
        human::line(&format!("last run {} began {}; schema check: {verdict}", run.id, run.started_at));
    }
    if status.holder.is_some() {
        human::line(&format!("guard: held by {}", human::holder_text(status.holder.as_ref())));
    }
    for stranger in &status.strangers {
        human::line(&format!(
            "another tool was here: {} rows in `{}` ({})",
            stranger.rows, stranger.table, stranger.tool
        ));
    }
}

/// The state of a line, in words.
pub(super) fn state(line: &Line) -> String {
    match (&line.state, line.kind) {
        (State::Copy(original), _) => format!("copy of {original}"),
        (state, Some(kind)) => format!("{} ({kind})", state.word()),
        (state, None) if !line.locked && *state != State::Unknown => {
            format!("{}, not locked yet", state.word())
        }
        (state, None) => state.word(),
    }
}

/// When it ran, without what nobody reads.
pub(super) fn at(line: &Line) -> String {
    line.executed_at.as_deref().map(time).unwrap_or_default()
}

/// A time of the history, to the second.
pub(super) fn time(at: &str) -> String {
    at.get(..19).unwrap_or(at).replace('T', " ")
}

/// How long it took.
pub(super) fn took(line: &Line) -> String {
    line.execution_ms.map(|ms| format!("{ms} ms")).unwrap_or_default()
}

fn summary(status: &Status) -> String {
    let words = [
        "applied",
        "pending",
        "late",
        "waiting",
        "partial",
        "refused",
        "skipped",
        "copy",
        "not-applicable",
        "changed",
        "missing",
        "orphaned",
        "unknown",
        "skipped-after-run",
    ];
    let counted = words.iter().filter_map(|word| {
        let count =
            status.lines.iter().filter(|line| line.state.word().split(' ').next() == Some(word)).count();
        (count > 0).then(|| match (*word, count) {
            ("copy", 2..) => format!("{count} copies"),
            _ => format!("{count} {word}"),
        })
    });
    let text = counted.collect::<Vec<_>>().join(", ");
    if text.is_empty() { "no migrations".to_owned() } else { text }
}
