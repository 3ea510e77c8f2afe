//! `execute`: single migrations, whatever stands around them.

use super::run::{self, Job, Options};
use super::{Done, Global};
use crate::engine::Failure;
use crate::plan::Goal;
use crate::sql::Way;

/// Run single migrations, up or down, whatever stands before them in the lock
///
/// Up they run in locked order, down in the reverse of the order in which they ran here. What stays must not
/// need what goes. The schema is checked only when nothing of the lock is pending at the end.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The migrations: id, name, version, slug, or the beginning of one
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// Run their up scripts [default]
    #[arg(long, conflicts_with = "down")]
    up: bool,
    /// Run their down scripts
    #[arg(long)]
    down: bool,
    #[command(flatten)]
    options: Options,
}

pub(super) async fn run(global: &Global, args: Args) -> Result<Done, Failure> {
    let way = if args.down { Way::Down } else { Way::Up };
    run::run(
        global,
        args.options,
        Job { goal: Goal::Execute(args.ids, way), compensate: false, needs_any: false, phases: None },
    )
    .await
}
