//! `repair`: what a person mended by hand, written into the history.

use std::io::IsTerminal;

use serde_json::json;

use super::context::{self, Context};
use super::watch::reporter;
use super::{Done, Exit, Format, Global};
use crate::config::Rehearsal;
use crate::database::Connect;
use crate::diagnostic::{Diagnostic, count};
use crate::engine::{self, CheckMode, Failure, FailureKind, LockMode, Repair, Request};
use crate::history::Partial;
use crate::id::MigrationId;
use crate::report::{human, json};

/// Tell the history that a person finished or undid a half-applied migration
///
/// Runs nothing of the migration. Without an option it lists the half-applied ones and the ways on.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The rest of this migration was done by hand: it counts as applied (as undone, if its down script
    /// stopped)
    #[arg(long, value_name = "ID", conflicts_with = "restart")]
    mark_done: Option<MigrationId>,
    /// What this migration had done was undone by hand: it will run from its beginning
    #[arg(long, value_name = "ID")]
    restart: Option<MigrationId>,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

pub(super) async fn run(global: &Global, args: Args) -> Result<Done, Failure> {
    let context = Context::read(global)?;
    let connect = context.connector(false)?;
    let request = request(&context, &*connect);
    let mut sink = reporter(global);
    let partial = engine::half_applied(&request, &mut *sink).await?;
    let what = match (args.mark_done, args.restart) {
        (Some(id), _) => Repair::MarkDone(id),
        (_, Some(id)) => Repair::Restart(id),
        (None, None) => return Ok(list(global, &partial)),
    };
    confirm(args.yes, &what, &partial)?;
    let project = context.project()?;
    engine::repair(&project, &request, &what, &mut *sink).await?;
    let (id, outcome, words) = match &what {
        Repair::MarkDone(id) => (id, "marked-done", "is marked as done"),
        Repair::Restart(id) if partial.iter().any(|one| one.undoing && one.id == *id) => {
            (id, "restarted", "counts as applied again")
        }
        Repair::Restart(id) => (id, "restarted", "will run from its beginning"),
    };
    if global.format == Format::Human {
        human::line(&format!("{id} {words}"));
        human::note("next: `db-migrations status`, then `db-migrations migrate`");
    }
    Ok(Done::new(Exit::Done, outcome, json!({ "id": id.as_str() })))
}

/// What only writes the history takes the guard as a run does.
pub(super) fn request<'a>(context: &Context, connect: &'a dyn Connect) -> Request<'a> {
    Request {
        connect,
        aim: engine::Aim::default(),
        agreed: None,
        mode: LockMode::Update,
        dry_run: false,
        timed: false,
        allow_split: false,
        rehearsal: Rehearsal::Off,
        compensate: false,
        guard_wait: context.config.database.guard_wait,
        check: CheckMode::Fail,
        reason: None,
        user: context::user(),
    }
}

fn list(global: &Global, partial: &[Partial]) -> Done {
    let documents: Vec<_> = partial.iter().map(json::partial).collect();
    let exit = if partial.is_empty() { Exit::Done } else { Exit::Findings };
    if global.format == Format::Human {
        if partial.is_empty() {
            human::line("nothing to repair: no migration is half-applied");
        }
        for one in partial {
            human::line(&describe(one, false));
        }
        if !partial.is_empty() {
            human::note(
                "mend the cause and run `db-migrations migrate`: it goes on where it stopped (`plan` says if it cannot); or",
            );
            human::note("`db-migrations repair --mark-done ID` once the rest is done by hand; or");
            human::note("`db-migrations repair --restart ID` once what it did is undone by hand");
        }
    }
    let outcome = if partial.is_empty() { "nothing-to-do" } else { "half-applied" };
    Done::new(exit, outcome, json!({ "half_applied": documents }))
}

/// One half-applied migration, in words.
pub(super) fn describe(partial: &Partial, at_work: bool) -> String {
    let script = if partial.undoing { "its down script" } else { "it" };
    let next = partial.finished + 1;
    if at_work {
        return format!("{}: a run is at work on it, or on what stands before it", partial.id);
    }
    let how = match (&partial.failed, &partial.interrupted) {
        (Some((n, error)), _) => format!("statement {} failed: {error}", n + 1),
        (None, Some(_)) => format!("statement {next} was begun, and its end is not known"),
        (None, None) => format!("statement {next} was not begun"),
    };
    let finished = count(partial.finished, "statement", "statements");
    format!("{}: {script} stopped after {finished}; {how}", partial.id)
}

fn confirm(yes: bool, what: &Repair, partial: &[Partial]) -> Result<(), Failure> {
    let Some(partial) = partial.iter().find(|partial| partial.id == *what.id()) else { return Ok(()) };
    human::note(&describe(partial, false));
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(
            FailureKind::Usage,
            Diagnostic::new("`repair` asks, and nobody is at a terminal").help("add `--yes`"),
        ));
    }
    let prompt = match what {
        Repair::MarkDone(id) if partial.undoing => {
            format!("Is the rest of the down script of {id} done by hand?")
        }
        Repair::MarkDone(id) => format!("Is the rest of {id} done by hand?"),
        Repair::Restart(id) => format!("Is all that {id} did undone by hand?"),
    };
    let sure = dialoguer::Confirm::new().with_prompt(prompt).default(false).interact().unwrap_or(false);
    if sure {
        Ok(())
    } else {
        Err(Failure::new(FailureKind::Declined, Diagnostic::new("nothing was changed")))
    }
}
