//! `up-to-date` and `count`: whether anything is pending, and how much.

use serde_json::json;

use super::context::{Context, From};
use super::deploy::Deploy;
use super::run::looking;
use super::status::state;
use super::{Done, Exit, Format, Global};
use crate::diagnostic::count as counted;
use crate::engine::{self, Failure, Line, Status};
use crate::plan::Goal;
use crate::report::human::{self, Weight};
use crate::report::json as wire;

/// Say by the exit code whether everything has run here: 0, or 1 when something is pending
///
/// Pending is what `migrate` would run or would have to refuse. Reads only.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    from: From,
    /// Also end with 1 when something has run here that is not found any more (state `orphaned` or `unknown`)
    #[arg(long, short = 'u')]
    fail_on_unregistered: bool,
    /// Name the migrations
    #[arg(long, short, visible_alias = "list-migrations")]
    list: bool,
    #[command(flatten)]
    deploy: Deploy,
}

/// Show how many migrations are pending
///
/// Reads only; ends with 0 whatever the number is.
#[derive(Debug, clap::Args)]
pub(super) struct CountArgs {
    #[command(flatten)]
    from: From,
    /// Only the number
    #[arg(long)]
    simple: bool,
    #[command(flatten)]
    deploy: Deploy,
}

async fn look(global: &Global, from: &From, deploy: &Deploy) -> Result<Status, Failure> {
    let context = Context::open(global, from)?;
    let connect = looking(&context)?;
    let project = context.project()?;
    engine::status(&project, &*connect, &deploy.aim(&context, Goal::Latest)?).await
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Done, Failure> {
    let status = look(global, &args.from, &args.deploy).await?;
    let pending: Vec<&Line> = status.lines.iter().filter(|line| line.is_pending()).collect();
    let unregistered: Vec<&Line> = status.lines.iter().filter(|line| line.is_unregistered()).collect();
    let by_hand: Vec<_> = status.prepared.merged.findings.iter().filter(|f| f.rule.needs_hand()).collect();
    let refused = !by_hand.is_empty() || !status.prepared.plan.refusals.is_empty();
    let (exit, outcome) = if !pending.is_empty() || !status.partial.is_empty() || refused {
        (Exit::Findings, "pending")
    } else if args.fail_on_unregistered && !unregistered.is_empty() {
        (Exit::Findings, "unregistered")
    } else {
        (Exit::Done, "up-to-date")
    };
    if global.format == Format::Human {
        for fault in by_hand.iter().map(|f| &f.diagnostic).chain(&status.prepared.plan.refusals) {
            human::print(fault, Weight::Error);
        }
        for line in pending.iter().chain(&unregistered).filter(|_| args.list) {
            human::line(&format!("{}  {}", line.id, state(line)));
        }
        human::line(&words(&status, pending.len(), unregistered.len(), refused));
    }
    let ids = |lines: &[&Line]| lines.iter().map(|line| line.id.to_string()).collect::<Vec<_>>();
    let document = json!({
        "pending": ids(&pending),
        "waiting": status.lines.iter().filter(|line| line.waits().is_some()).map(|line| line.id.as_str()).collect::<Vec<_>>(),
        "half_applied": status.partial.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(),
        "unregistered": ids(&unregistered),
        "findings": wire::findings(by_hand),
        "refusals": status.prepared.plan.refusals.iter().map(wire::diagnostic).collect::<Vec<_>>(),
    });
    Ok(Done::new(exit, outcome, document))
}

fn words(status: &Status, pending: usize, unregistered: usize, refused: bool) -> String {
    let mut parts = Vec::new();
    if pending > 0 {
        parts.push(format!("{} pending", counted(pending, "migration", "migrations")));
    }
    if !status.partial.is_empty() {
        parts.push(format!("{} half-applied", status.partial.len()));
    }
    if refused {
        parts.push("`migrate` would refuse to run".to_owned());
    }
    let mut text = if parts.is_empty() { "up to date".to_owned() } else { parts.join("; ") };
    let waiting = status.lines.iter().filter(|line| line.waits().is_some()).count();
    if waiting > 0 {
        text = format!("{text}; {} for the contract phase", counted(waiting, "step waits", "steps wait"));
    }
    if unregistered > 0 {
        let what = counted(unregistered, "migration has", "migrations have");
        text = format!("{text}; {what} run here, and their files are gone");
    }
    text
}

pub(super) async fn count(global: &Global, args: &CountArgs) -> Result<Done, Failure> {
    let status = look(global, &args.from, &args.deploy).await?;
    let pending = status.lines.iter().filter(|line| line.is_pending()).count();
    if global.format == Format::Human {
        human::line(&if args.simple {
            pending.to_string()
        } else {
            format!("{} pending", counted(pending, "migration", "migrations"))
        });
    }
    Ok(Done::new(Exit::Done, "counted", json!({ "pending": pending })))
}
