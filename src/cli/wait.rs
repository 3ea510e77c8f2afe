//! `wait`: for applications that must not start before the database is where the lock says.

use std::time::{Duration, Instant};

use serde_json::json;

use super::context::{self, Context};
use super::deploy::Named;
use super::run::looking;
use super::{Done, Exit, Format, Global};
use crate::config::Phases;
use crate::database::Connect;
use crate::diagnostic::{Diagnostic, count};
use crate::engine::{self, Aim, Failure, FailureKind, Project};
use crate::report::human;

/// Wait until all that is locked or found has run on the database
///
/// For applications of which several start beside one `migrate`: none of them runs migrations, each waits. Reads
/// only, and takes no guard. A database that does not answer yet is waited for, too. Ends with 0 when nothing is
/// pending, with 1 when something still is at the end of the time, or at once when `migrate` would refuse, with 6 when the database did not answer by then.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    from: context::From,
    /// How long to wait, in seconds; 0 looks once
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    timeout: u64,
    /// How long to wait between two looks, in milliseconds
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 500, value_parser = clap::value_parser!(u64).range(10..))]
    interval: u64,
    #[command(flatten)]
    named: Named,
}

/// What a look saw.
enum Seen {
    /// Nothing is pending; so many steps wait for the contract phase.
    Ready(usize),
    /// These are.
    Pending(Vec<String>),
    /// `migrate` would refuse, so waiting is in vain; why.
    Refused(Vec<Diagnostic>),
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Done, Failure> {
    let context = Context::open(global, &args.from)?;
    let connect = looking(&context)?;
    let project = context.project()?;
    if project.catalogue.is_empty() && project.document.lock().entries.is_empty() {
        let mut failure = super::run::no_migration(&context);
        failure.diagnostics[0].help.truncate(1); // there is no way to say that this is right
        return Err(failure);
    }
    // code can start once what comes before it has run; contract steps come after it
    let release = args.named.release(&context)?;
    let aim = Aim { phases: Some(Phases::Expand), release, ..Aim::default() };
    let (start, limit) = (Instant::now(), Duration::from_secs(args.timeout));
    let mut told = String::new();
    loop {
        let seen = look(&project, &*connect, &aim).await;
        let left = limit.saturating_sub(start.elapsed());
        let (line, last) = match seen {
            Ok(Seen::Ready(waiting)) => return Ok(ready(global, start.elapsed(), waiting)),
            Ok(Seen::Refused(faults)) => return Err(Failure::all(FailureKind::Findings, faults)),
            Ok(Seen::Pending(ids)) => (waits_for(&ids), Ok(ids)),
            Err(failure) if may_pass(failure.kind) => {
                ("the database does not answer yet".to_owned(), Err(failure))
            }
            Err(failure) => return Err(failure),
        };
        if left.is_zero() {
            return last.map(|ids| pending(global, &ids, args.timeout));
        }
        if line != told {
            human::note(&format!("waiting up to {} s: {line}", left.as_secs_f64().ceil()));
            told = line;
        }
        tokio::time::sleep(Duration::from_millis(args.interval).min(left)).await;
    }
}

/// What a moment later may be otherwise.
const fn may_pass(kind: FailureKind) -> bool {
    matches!(kind, FailureKind::Unreachable | FailureKind::Guarded)
}

async fn look(project: &Project, connect: &dyn Connect, aim: &Aim) -> Result<Seen, Failure> {
    let status = engine::status(project, connect, aim).await?;
    let by_hand = status.prepared.merged.findings.iter().filter(|finding| finding.rule.needs_hand());
    let faults: Vec<Diagnostic> = by_hand
        .map(|finding| finding.diagnostic.clone())
        .chain(status.prepared.plan.refusals.clone())
        .collect();
    if !faults.is_empty() {
        return Ok(Seen::Refused(faults));
    }
    let waiting = status.lines.iter().filter(|line| line.waits().is_some()).count();
    let pending = status.lines.iter().filter(|line| line.is_pending()).map(|line| line.id.to_string());
    let half = status.partial.iter().map(|partial| partial.id.to_string());
    let mut ids: Vec<String> = pending.chain(half).collect();
    ids.dedup();
    Ok(if ids.is_empty() { Seen::Ready(waiting) } else { Seen::Pending(ids) })
}

fn waits_for(ids: &[String]) -> String {
    let first = ids.first().map(String::as_str).unwrap_or_default();
    match ids.len() {
        1 => format!("`{first}` is pending"),
        n => format!("{} are pending, the first is `{first}`", count(n, "migration", "migrations")),
    }
}

fn ready(global: &Global, waited: Duration, waiting: usize) -> Done {
    if global.format == Format::Human {
        human::line(&match waiting {
            0 => "up to date: all locked migrations have run".to_owned(),
            n => format!("up to date; {} for the contract phase", count(n, "step waits", "steps wait")),
        });
    }
    let document = json!({ "pending": [], "waiting": waiting, "waited_ms": waited.as_millis() });
    Done::new(Exit::Done, "up-to-date", document)
}

fn pending(global: &Global, ids: &[String], seconds: u64) -> Done {
    if global.format == Format::Human {
        human::line(&format!("after {seconds} s {}", waits_for(ids)));
    }
    Done::new(Exit::Findings, "pending", json!({ "pending": ids, "waited_ms": seconds * 1000 }))
}
