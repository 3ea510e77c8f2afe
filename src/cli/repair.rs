//! `repair`: what does not fit between history, files and lock, and what a person mended by hand.

use serde_json::json;

use super::context::{self, Context};
use super::watch::reporter;
use super::{Done, Exit, Format, Global};
use crate::config::Rehearsal;
use crate::database::Connect;
use crate::diagnostic::count;
use crate::engine::{self, CheckMode, Failure, LockMode, Mend, Misfit, Repair, Request, ToRepair};
use crate::history::Partial;
use crate::id::MigrationId;
use crate::report::{human, json};

/// See what does not fit between history, files and lock, and mend it
///
/// Without an option it lists, with the ways out: half-applied migrations, those that ran with another text than
/// the locked one, and those that ran and are gone. Nothing of a migration runs; each change is shown and asked.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").multiple(false))]
pub(super) struct Args {
    /// The rest of this migration was done by hand: it counts as applied (as undone, if its down script
    /// stopped)
    #[arg(long, value_name = "ID", group = "what")]
    mark_done: Option<MigrationId>,
    /// What this migration had done was undone by hand: it will run from its beginning
    #[arg(long, value_name = "ID", group = "what")]
    restart: Option<MigrationId>,
    /// The present text of these counts as the one that ran here; without ids: of all that `repair` lists
    #[arg(long, value_name = "ID", num_args = 0.., group = "what")]
    accept: Option<Vec<MigrationId>>,
    /// The rows of these go, whose files are gone; what they made stays. Without ids: of all that `repair` lists
    #[arg(long, value_name = "ID", num_args = 0.., group = "what")]
    forget: Option<Vec<MigrationId>>,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

pub(super) async fn run(global: &Global, args: Args) -> Result<Done, Failure> {
    let context = Context::read(global)?;
    let connect = context.connector(false)?;
    let request = request(&context, &*connect);
    let what = match (args.mark_done, args.restart, args.accept, args.forget) {
        (Some(id), ..) => Repair::MarkDone(id),
        (_, Some(id), ..) => Repair::Restart(id),
        (.., Some(ids), _) => return mend(global, &context, &request, Mend::Accept, &ids, args.yes).await,
        (.., Some(ids)) => return mend(global, &context, &request, Mend::Forget, &ids, args.yes).await,
        _ => return list(global, &context, &request).await,
    };
    half_applied(global, &context, &request, &what, args.yes).await
}

/// What a person says of a half-applied migration.
async fn half_applied(
    global: &Global,
    context: &Context,
    request: &Request<'_>,
    what: &Repair,
    yes: bool,
) -> Result<Done, Failure> {
    let mut sink = reporter(global);
    let partial = engine::to_repair(None, request, &mut *sink).await?.history.partial;
    confirm(yes, what, &partial)?;
    let project = context.project()?;
    engine::repair(&project, request, what, &mut *sink).await?;
    let (id, outcome, words) = match what {
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

/// Gives rows the present checksum, or takes them away.
async fn mend(
    global: &Global,
    context: &Context,
    request: &Request<'_>,
    mend: Mend,
    ids: &[MigrationId],
    yes: bool,
) -> Result<Done, Failure> {
    let mut sink = reporter(global);
    let project = context.project()?;
    let looked = engine::to_repair(None, request, &mut *sink).await?;
    let misfits = engine::misfits(&project, &looked.history, request.connect.dialect())?;
    let mended = engine::to_mend(&misfits, mend, ids)?;
    let ids: Vec<MigrationId> = mended.iter().map(|misfit| misfit.id.clone()).collect();
    let (outcome, word, prompt) = match mend {
        Mend::Accept => ("accepted", "accepted", "Let the present text of these count as the one that ran?"),
        Mend::Forget => ("forgotten", "forgot", "Take the rows of these away? What they made stays."),
    };
    if !ids.is_empty() {
        for misfit in &mended {
            human::note(&misfit.diagnostic.message);
        }
        if !yes {
            super::confirm::confirm("`repair`", prompt, "nothing was changed")?;
        }
        engine::mend(&project, request, mend, &ids, &mut *sink).await?;
    }
    if global.format == Format::Human {
        for id in &ids {
            human::line(&format!("{word} {id}"));
        }
        if ids.is_empty() {
            human::line("nothing to mend in this way; `db-migrations repair` lists what there is");
        }
    }
    let outcome = if ids.is_empty() { "nothing-to-do" } else { outcome };
    let ids: Vec<&str> = ids.iter().map(MigrationId::as_str).collect();
    Ok(Done::new(Exit::Done, outcome, json!({ "ids": ids })))
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
        lock_retries: 0,
        check: CheckMode::Fail,
        reason: None,
        user: context::user(),
        maintenance: None,
    }
}

/// Everything that does not fit, with the ways out. A lock that cannot be read hides no half-applied migration.
async fn list(global: &Global, context: &Context, request: &Request<'_>) -> Result<Done, Failure> {
    let project = context.project();
    let looked = engine::to_repair(project.as_ref().ok(), request, &mut *reporter(global)).await?;
    let partial = &looked.history.partial;
    let misfits = match &project {
        Ok(project) => engine::misfits(project, &looked.history, request.connect.dialect())?,
        Err(_) => Vec::new(),
    };
    if global.format == Format::Human {
        if let Err(failure) = &project {
            human::print_errors(&failure.diagnostics);
        }
        for one in partial {
            human::line(&describe(one, false));
            for way in ways(one, &looked) {
                human::line(&format!("  {way}"));
            }
        }
        for misfit in &misfits {
            human::line(&misfit.diagnostic.message);
            for way in &misfit.diagnostic.help {
                human::line(&format!("  {way}"));
            }
        }
        if partial.is_empty() && misfits.is_empty() {
            human::line("nothing to repair: all that has run fits");
        }
    }
    let documents: Vec<_> = misfits.iter().map(document).collect();
    let half: Vec<_> = partial.iter().map(json::partial).collect();
    let (exit, outcome) = match (partial.is_empty(), misfits.is_empty()) {
        (false, _) => (Exit::Findings, "half-applied"),
        (true, false) => (Exit::Findings, "misfits"),
        (true, true) => (Exit::Done, "nothing-to-do"),
    };
    Ok(Done::new(exit, outcome, json!({ "half_applied": half, "misfits": documents })))
}

fn document(misfit: &Misfit) -> serde_json::Value {
    let Misfit { kind, id, diagnostic, .. } = misfit;
    json!({ "kind": kind.name(), "id": id.as_str(), "message": diagnostic.message, "help": diagnostic.help })
}

/// How a half-applied migration goes on: by itself where `migrate` can, else by hand.
fn ways(partial: &Partial, looked: &ToRepair) -> Vec<String> {
    let id = &partial.id;
    let consent = if looked.needs_consent { " --allow-split" } else { "" };
    let named = format!("`{id}`");
    if let Some(refusal) = looked.refusals.iter().find(|refusal| refusal.message.contains(&named)) {
        return [&refusal.message].into_iter().chain(&refusal.help).cloned().collect();
    }
    vec![
        format!(
            "mend the cause, then `db-migrations migrate{consent}`: it goes on at statement {}",
            partial.finished + 1
        ),
        format!("or do the rest by hand, then `db-migrations repair --mark-done {id}`"),
        format!("or undo by hand what it did, then `db-migrations repair --restart {id}`"),
    ]
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
    let prompt = match what {
        Repair::MarkDone(id) if partial.undoing => {
            format!("Is the rest of the down script of {id} done by hand?")
        }
        Repair::MarkDone(id) => format!("Is the rest of {id} done by hand?"),
        Repair::Restart(id) => format!("Is all that {id} did undone by hand?"),
    };
    super::confirm::confirm("`repair`", &prompt, "nothing was changed")
}
