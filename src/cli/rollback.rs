//! `rollback`: back from what has run.

use super::run::{self, Job, Options};
use super::{Done, Global};
use crate::engine::Failure;
use crate::plan::{Goal, Rollback};

/// Undo the last run, whole, or what the options say
///
/// Down scripts run in the reverse of the order in which this database executed, in one transaction where the
/// database can do that. It lists them and asks first. A migration without a down script is said before
/// anything runs. The lock stays as it is: the next `migrate` runs them again.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Undo the last N migrations
    #[arg(long, value_name = "N", conflicts_with_all = ["to", "run"])]
    steps: Option<usize>,
    /// Undo all that ran after this migration
    #[arg(long, value_name = "ID", conflicts_with = "run")]
    to: Option<String>,
    /// Undo this run; the beginning of its id suffices
    #[arg(long, value_name = "ID")]
    run: Option<String>,
    #[command(flatten)]
    options: Options,
}

pub(super) async fn run(global: &Global, args: Args) -> Result<Done, Failure> {
    let rollback = match (args.steps, args.to, args.run) {
        (Some(steps), ..) => Rollback::Steps(steps),
        (_, Some(id), _) => Rollback::To(id),
        (_, _, Some(run)) => Rollback::Run(run),
        (None, None, None) => Rollback::LastRun,
    };
    run::run(
        global,
        args.options,
        Job { goal: Goal::Rollback(rollback), compensate: false, needs_any: false, phases: None },
    )
    .await
}
