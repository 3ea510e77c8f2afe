//! `plan`: what `migrate` would do, read-only.

use super::context::{Context, From};
use super::deploy::Deploy;
use super::run::looking;
use super::{Done, Exit, Format, Global};
use crate::engine::{self, Failure, Prepared};
use crate::lock::Finding;
use crate::plan::{Goal, Group, Mode, Recorded, Target, Why};
use crate::report::count;
use crate::report::human::{self, Weight};
use crate::report::json;
use crate::sql::Way;

/// Show what `migrate` would run, in which transactions, and why the rest is left out
///
/// Reads the database only; a read-only role suffices, also on production. Ends with 1 when `migrate` would
/// refuse.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A state other than the latest; the words of `migrate`
    #[arg(value_parser = super::migrate::target)]
    target: Option<Target>,
    #[command(flatten)]
    from: From,
    /// Say what `migrate --locked` would refuse, too; `--bundle` implies it
    #[arg(long)]
    locked: bool,
    #[command(flatten)]
    deploy: Deploy,
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Done, Failure> {
    let context = Context::open(global, &args.from)?;
    let connect = looking(&context)?;
    let project = context.project()?;
    let mut database = connect.connect().await?;
    let history = database.history().await?;
    let goal = args.target.clone().map_or(Goal::Latest, Goal::Target);
    let aim = args.deploy.aim(&context, goal)?;
    let mut prepared = engine::prepare_for(&project, &history, &aim, &mut *database).await?;
    if !prepared.plan.undoes && (args.locked || args.from.is_bundle()) {
        let refusals = engine::locked_refusals(&project, &prepared, connect.dialect());
        prepared.plan.refusals.splice(0..0, refusals);
    }
    let strangers = if history.is_untouched() { database.strangers().await? } else { Vec::new() };
    let strangers = engine::unadopted(&project, strangers);
    let server = database.server().clone();
    database.close().await;
    if global.format == Format::Human {
        if !global.quiet {
            human::note(&format!("{} at {}", server.title(), server.address));
        }
        if let Some(diagnostic) = engine::strangers_diagnostic(&strangers) {
            human::print(&diagnostic, Weight::Warning);
        }
        print(&prepared);
    }
    let allow_split = context.config.policy.allow_split;
    let (exit, outcome) = verdict(&prepared, allow_split, !strangers.is_empty());
    Ok(Done::new(exit, outcome, json::prepared(&prepared)))
}

/// Whether `migrate` would refuse, as exit and outcome.
pub(super) fn verdict(prepared: &Prepared, allow_split: bool, strangers: bool) -> (Exit, &'static str) {
    let plan = &prepared.plan;
    let split = plan.needs_consent() && !allow_split;
    if !plan.refusals.is_empty() || prepared.merged.needs_hand() || strangers || split {
        return (Exit::Findings, "refused");
    }
    (Exit::Done, "planned")
}

/// Prints a plan for people.
pub(super) fn print(prepared: &Prepared) {
    let plan = &prepared.plan;
    let told = |finding: &&Finding| finding.rule.warns() || finding.rule.needs_hand();
    let refused = |finding: &&Finding| plan.refusals.contains(&finding.diagnostic);
    for finding in prepared.merged.findings.iter().filter(told).filter(|finding| !refused(finding)) {
        human::print(&finding.diagnostic, Weight::Warning);
    }
    for note in &plan.notes {
        human::note(&format!("note: {note}"));
    }
    for warning in &plan.warnings {
        human::print(warning, Weight::Warning);
    }
    for refusal in &plan.refusals {
        human::print(refusal, Weight::Error);
    }
    for source in &prepared.adoption.sources {
        human::line(&format!("takes over {source}"));
    }
    for base in &plan.recorded {
        human::line(&format!("records {}", told_recorded(base)));
    }
    match (plan.is_empty(), plan.refusals.is_empty() && !prepared.merged.needs_hand()) {
        (true, true) => human::line("nothing would run"),
        (_, false) => human::line("`migrate` would refuse, see above"),
        _ => {}
    }
    if !plan.catch_ups.is_empty() {
        human::line("caught up first, by what has run before:");
        for step in &plan.catch_ups {
            human::line(&format!(
                "  {} ({}, again)",
                step.id,
                count(step.statements.len(), "statement", "statements")
            ));
        }
    }
    for (n, group) in plan.groups.iter().enumerate() {
        print_group(n, group);
    }
    let left_out: Vec<_> = plan.left_out.iter().filter(|left_out| left_out.why != Why::Applied).collect();
    if !left_out.is_empty() {
        human::line("left out:");
        for left_out in left_out {
            human::line(&format!("  {} ({})", left_out.id, json::why(&left_out.why)));
        }
    }
    if plan.needs_consent() {
        human::line(
            "this plan is not one transaction: a failure keeps the groups before it; it needs --allow-split",
        );
    } else if plan.splits() {
        human::line("this plan is not one transaction: a failure keeps the statements before it");
    }
}

/// A base that does not run.
pub(super) fn told_recorded(base: &Recorded) -> String {
    let formers = count(base.formers.len(), "migration", "migrations");
    format!("{} without running it: the {formers} that it stands for ran here", base.id)
}

fn print_group(n: usize, group: &Group) {
    let mode = match group.mode {
        Mode::Transaction { foreign_keys: Some(false) } => "one transaction, foreign keys off",
        Mode::Transaction { .. } => "one transaction",
        Mode::Alone { .. } => "outside of a transaction, statement by statement",
    };
    let reason = group.reason.as_ref().map(|reason| format!(", since {reason}")).unwrap_or_default();
    human::line(&format!("group {}: {mode}{reason}", n + 1));
    for step in &group.steps {
        let down = if step.way == Way::Down { "down, " } else { "" };
        let late = if step.late { ", late" } else { "" };
        let from =
            if step.from() > 0 { format!(", from statement {}", step.from() + 1) } else { String::new() };
        let statements = count(step.statements.len(), "statement", "statements");
        human::line(&format!("  {} ({down}{statements}{late}{from})", step.id));
    }
}
