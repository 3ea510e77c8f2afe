//! `reset`: a development database from nothing.

use serde_json::json;

use super::context::Context;
use super::{Done, Exit, Format, Global};
use crate::database::Contents;
use crate::diagnostic::Diagnostic;
use crate::engine::{Failure, FailureKind};
use crate::report::human;

/// Drop everything in a development database
///
/// Says what it will drop and asks. Databases on another host are refused. Run `migrate` afterwards.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Done, Failure> {
    let context = Context::read(global)?;
    let connect = context.connector(false)?;
    if !connect.is_local() {
        return Err(Failure::new(
            FailureKind::Refused,
            Diagnostic::new("`reset` is for development databases on this machine only")
                .help("drop a remote database with its own tools"),
        ));
    }
    let contents = connect.contents().await?;
    if contents.objects.is_empty() {
        if global.format == Format::Human {
            human::line(&format!("{} is empty already", contents.address));
        }
        return Ok(Done::new(Exit::Done, "nothing-to-do", json!({ "dropped": [] })));
    }
    describe(&contents);
    confirm(args, &contents)?;
    connect.clear().await?;
    if global.format == Format::Human {
        human::line(&format!(
            "dropped {} objects of {}; run `db-migrations migrate` now",
            contents.objects.len(),
            contents.address
        ));
    }
    Ok(Done::new(Exit::Done, "reset", json!({ "dropped": contents.objects })))
}

fn describe(contents: &Contents) {
    human::note(&format!("everything in {} will be dropped, its rows included:", contents.address));
    for object in contents.objects.iter().take(20) {
        human::note(&format!("  {object}"));
    }
    if contents.objects.len() > 20 {
        human::note(&format!("  and {} more", contents.objects.len() - 20));
    }
}

fn confirm(args: &Args, contents: &Contents) -> Result<(), Failure> {
    if args.yes {
        return Ok(());
    }
    let prompt = format!("Drop {} objects?", contents.objects.len());
    super::confirm::confirm("`reset`", &prompt, "nothing was dropped")
}
