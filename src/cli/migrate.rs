//! `migrate`: the main job.

use super::deploy::Phase;
use super::run::{self, Job, Options};
use super::{Done, Global};
use crate::diagnostic::Diagnostic;
use crate::engine::Failure;
use crate::plan::{Goal, Target};

/// Run all pending migrations in locked order, in one transaction, and check the schema
///
/// New migrations are appended to the lock, which is written after the commit. With `--locked` the lock
/// must fit already: a difference is an error, and nothing is written. Any failure, of a statement or of
/// the schema check, rolls everything back. MariaDB and MySQL commit at every DDL statement: there a run is
/// rehearsed on a scratch database first, goes statement by statement, and a failure says what has stayed.
///
/// In a deploy, `--phase expand` runs what must be there before the new code, and `--phase contract` what may run
/// once no old code is left. Without it all runs that may run now; a contract step that must wait is left out.
///
/// With a TARGET the run goes to that state, up or down. Down runs the down scripts in the reverse of the order
/// in which this database executed; it lists them and asks first, and leaves the lock as it is.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// `first`, `prev`, `current`, `next`, `latest`, `current+N`, `current-N`, or a migration: its id, name,
    /// version, slug, or the beginning of one
    #[arg(value_parser = target)]
    target: Option<Target>,
    #[command(flatten)]
    options: Options,
    /// After a failure, undo this run's whole migrations by their down scripts
    #[arg(long)]
    compensate: bool,
    /// With `--locked`: do not fail where the project has no migration at all
    #[arg(long)]
    allow_no_migration: bool,
    #[command(flatten)]
    phase: Phase,
}

pub(super) async fn run(global: &Global, args: Args) -> Result<Done, Failure> {
    let goal = args.target.map_or(Goal::Latest, Goal::Target);
    let phases = args.phase.phases();
    let job = Job { goal, compensate: args.compensate, needs_any: !args.allow_no_migration, phases };
    run::run(global, args.options, job).await
}

/// A target on the command line.
pub(super) fn target(text: &str) -> Result<Target, String> {
    text.parse().map_err(|fault: Diagnostic| fault.message)
}
