//! `rollup`: a history of one row.

use serde_json::json;

use super::confirm::confirm;
use super::context::Context;
use super::import::application;
use super::repair::request;
use super::watch::reporter;
use super::{Done, Exit, Format, Global};
use crate::engine::{self, Failure};
use crate::id::MigrationId;
use crate::report::{count, human};

/// Let the history say the only migration of a module, in place of all that have run
///
/// After they were put together into one file. Nothing runs; the next `migrate` checks the schema. A database where
/// not all of them have run must be migrated before the files are put together.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The module [default: the application]
    #[arg(long, value_name = "NAMESPACE")]
    module: Option<String>,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

pub(super) async fn run(global: &Global, args: Args) -> Result<Done, Failure> {
    let context = Context::read(global)?;
    let connect = context.connector(false)?;
    let request = request(&context, &*connect);
    let project = context.project()?;
    let module = match args.module {
        Some(module) => module,
        None => application(&project)?,
    };
    let mut sink = reporter(global);
    let rollup = engine::to_roll_up(&project, &request, &module, &mut *sink).await?;
    let rows = count(rollup.old.len(), "row", "rows");
    if !args.yes {
        for id in &rollup.old {
            human::note(&format!("  {id}"));
        }
        let prompt = format!("Put `{}` in the place of {rows}?", rollup.new);
        confirm("`rollup`", &prompt, "nothing was changed")?;
    }
    engine::roll_up(&project, &request, &module, &rollup, &mut *sink).await?;
    if global.format == Format::Human {
        human::line(&format!("{} in the place of {rows}; nothing ran", rollup.new));
        human::note("next: `db-migrations migrate` checks the schema");
    }
    let old: Vec<&str> = rollup.old.iter().map(MigrationId::as_str).collect();
    Ok(Done::new(Exit::Done, "rolled-up", json!({ "old": old, "new": rollup.new.as_str() })))
}
