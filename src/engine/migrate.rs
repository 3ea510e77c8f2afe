//! The flow of a run, on one page.
//!
//! merge (no database) → connect → history → merge again → nothing to do? → replay if the snapshot
//! is stale → **guard** → re-read lock and history, merge again → plan → maintenance on → groups → check →
//! commit → snapshot and lock written → maintenance off → guard freed. Only a committed session lets the lock be written.

use std::time::{Duration, Instant};

use crate::config::Rehearsal;
use crate::database::{Begin, CommitError, Committed, Connect, DatabaseError, Guard, Keep, NewRun, Note};
use crate::diagnostic::Diagnostic;
use crate::event::{Event, Sink};
use crate::fault::fault_point;
use crate::history::{History, Lacks, REFUSED};
use crate::id::{Checksum, MigrationId};
use crate::lockfile::{self, Written};
use crate::plan::Goal;

use super::check::{CheckMode, Verdict};
use super::compensate::{compensate, fingerprint};
use super::consent::{refuse_unreviewed, tell_external};
use super::execute::{End, Progress, Start, Stop, undone, walk};
use super::failure::{Failure, Kind, describe};
use super::maintenance::{self, Listening, Maintenance};
use super::mirror;
use super::prepare::{Aim, Prepared, prepare_for};
use super::project::Project;
use super::record::record_bases;
use super::refusal::{
    accept, fits_without_database, refuse_plan, refuse_strangers, tell_findings, tell_stale_snapshot,
};
use super::rehearse::rehearsed;
use super::retry::{Repeated, Retries};
use super::seen;
use super::snapshots;
use super::stopped::rolled_back;
use super::verdict::{Expectation, Expected, Live, expectation, judge};
use super::waiting::{look, wait_for_guard};

/// Whether the lock may grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LockMode {
    /// It may (development).
    #[default]
    Update,
    /// It must fit already (production, CI).
    Locked,
}

/// What is asked for.
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of the person who asks")]
pub struct Request<'a> {
    /// The database.
    pub connect: &'a dyn Connect,
    /// What it is for.
    pub aim: Aim,
    /// What a person has agreed to undo, in this order; `None` where nobody was asked.
    pub agreed: Option<Vec<MigrationId>>,
    /// Whether the lock may grow.
    pub mode: LockMode,
    /// Whether nothing may be written anywhere: only the plan is wanted.
    pub dry_run: bool,
    /// Whether more than one transaction is accepted.
    pub allow_split: bool,
    /// Whether what the database commits bit by bit is tried on a scratch database first.
    pub rehearsal: Rehearsal,
    /// Whether the run's whole migrations are undone by their down scripts after a failure.
    pub compensate: bool,
    /// Whether the duration of each statement is told.
    pub timed: bool,
    /// How long to wait for another run.
    pub guard_wait: Duration,
    /// How often a transaction is tried again in whose way another session was.
    pub lock_retries: u32,
    /// What a schema difference does.
    pub check: CheckMode,
    /// Why the check was softened.
    pub reason: Option<String>,
    /// Who runs it.
    pub user: String,
    /// How an application is told that it must not work meanwhile, if it is.
    pub maintenance: Option<&'a Maintenance>,
}

/// A migration that ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Which.
    pub id: MigrationId,
    /// How long, in milliseconds.
    pub milliseconds: i64,
}

/// A data step that has run before, and once more in this run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaughtUp {
    /// Which.
    pub id: MigrationId,
    /// How many rows it changed.
    pub rows: u64,
}

/// A run that was committed.
#[derive(Clone, Debug)]
pub struct Migrated {
    /// What ran, in order.
    pub applied: Vec<Applied>,
    /// What ran again, before all of it.
    pub caught_up: Vec<CaughtUp>,
    /// What was merged.
    pub prepared: Prepared,
    /// What the check said.
    pub verdict: Verdict,
    /// Files that were written, as they are shown.
    pub written: Vec<String>,
    /// The id of the run.
    pub run: String,
}

/// A good end.
pub enum Outcome {
    /// Everything has run, and the lock is as it must be.
    NothingToDo(Box<Prepared>),
    /// What would be done (dry run).
    Planned(Box<Prepared>),
    /// It is done.
    Migrated(Box<Migrated>),
}

/// Runs what is pending.
pub async fn migrate(
    project: &mut Project,
    request: &Request<'_>,
    sink: &mut dyn Sink,
) -> Result<Outcome, Failure> {
    let Some(maintenance) = request.maintenance else { return tries(project, request, sink).await };
    let ended = tries(project, request, &mut Listening { maintenance, sink: &mut *sink }).await;
    maintenance::lift(maintenance, &ended, sink).await;
    maintenance.settle(ended, sink).await
}

/// Runs what is pending, and again after another session was in the way.
async fn tries(
    project: &mut Project,
    request: &Request<'_>,
    sink: &mut dyn Sink,
) -> Result<Outcome, Failure> {
    if request.mode == LockMode::Locked && !request.aim.goal.may_undo() {
        fits_without_database(project, request)?;
    }
    let mut kept = Kept { agreed: request.agreed.clone(), expected: None };
    let mut retries = Retries::new(request.lock_retries);
    let mut ended = attempt(project, request, &mut kept, sink).await;
    loop {
        match ended {
            Err(failure) if failure.transient => retries.wait(failure, sink).await?,
            ended => return ended,
        }
        ended = attempt(project, request, &mut kept, &mut Repeated::of(sink)).await;
    }
}

/// What one try hands to the next.
struct Kept {
    /// What was agreed to be undone.
    agreed: Option<Vec<MigrationId>>,
    /// The expected schema of a lock, by its digest: a replay takes longer than most runs.
    expected: Option<(Option<Checksum>, Expectation)>,
}

/// Runs what is pending, once: from the first look at the database to the end of the run.
async fn attempt(
    project: &mut Project,
    request: &Request<'_>,
    kept: &mut Kept,
    sink: &mut dyn Sink,
) -> Result<Outcome, Failure> {
    let (mut database, history) = look(request, sink).await?;
    let mut first = Some(history);
    for _ in 0..3 {
        let history = match first.take() {
            Some(history) => history,
            None => database.history().await?,
        };
        let prepared = prepare_for(project, &history, &request.aim, &mut *database).await?;
        fault_point!("run.merged");
        fits(project, request, &prepared)?;
        if prepared.nothing_to_do(project) && history.is_settled() {
            tell_findings(project, &prepared, sink);
            tell_stale_snapshot(project, request, &prepared, sink);
            seen::close(project, request, &prepared, &history, database, sink).await;
            return Ok(Outcome::NothingToDo(Box::new(prepared)));
        }
        refuse_strangers(project, &history, &mut *database).await?;
        if request.dry_run {
            database.close().await;
            return Ok(Outcome::Planned(Box::new(prepared)));
        }
        refuse_plan(&prepared.plan, request)?;
        if kept.agreed.is_none() && (prepared.plan.undoes || request.aim.goal.is_relative()) {
            kept.agreed = Some(ids(&prepared));
        }
        let digest = prepared.fingerprint.digest;
        let wanted = match kept.expected.take().filter(|(of, _)| *of == digest) {
            Some((_, wanted)) => wanted,
            None => expectation(project, request, &prepared, &history, &mut *database, sink).await?,
        };
        if wanted.stays() {
            kept.expected = Some((digest, wanted.clone()));
        }
        fault_point!("run.expected");
        let mut guard = wait_for_guard(database, request.guard_wait, sink).await?;
        lock_out(project, request, &mut *guard).await?;
        fault_point!("run.exclusive");
        let edited = project.read_lock()?;
        let before = history;
        let history = guard.history().await?;
        fault_point!("run.reread");
        let again = if edited || history != before || prepared.depends_on_others() {
            prepare_for(project, &history, &request.aim, &mut *guard).await?
        } else {
            prepared
        };
        fits(project, request, &again)?;
        let no_longer_empty = matches!(wanted.made, Expected::TheRun)
            && (!history.is_empty() || !guard.introspect().await?.is_empty());
        if again.fingerprint.digest != digest || no_longer_empty {
            database = guard.free().await?; // somebody was faster
            continue;
        }
        if again.nothing_to_do(project) && history.is_settled() {
            tell_findings(project, &again, sink);
            guard.free().await?.close().await;
            return Ok(Outcome::NothingToDo(Box::new(again)));
        }
        refuse_plan(&again.plan, request)?;
        is_agreed(&again, kept.agreed.as_ref())?;
        tell_findings(project, &again, sink);
        tell_external(project, request, &again, sink);
        if again.plan.splits() {
            guard.keep().await?;
        }
        fault_point!("run.planned");
        let undoes = again.plan.undoes;
        let ended = run(project, request, again, &history, wanted, guard, sink).await;
        // what was agreed to be undone is not what is left of it after a part
        return ended.map_err(|failure| Failure {
            transient: failure.transient && !(undoes && failure.kind == Kind::Stayed),
            ..failure
        });
    }
    Err(Failure::new(
        Kind::Refused,
        Diagnostic::new("the lock file changed again and again while this run waited")
            .help("run `db-migrations migrate` again when nobody edits it"),
    ))
}

/// Whether the lock may be as it is. What undoes does not ask: it must work at night, whatever else is new.
pub(super) fn fits(project: &Project, request: &Request<'_>, prepared: &Prepared) -> Result<(), Failure> {
    if prepared.plan.undoes {
        return Ok(());
    }
    if request.mode == LockMode::Locked && request.aim.goal.may_undo() {
        fits_without_database(project, request)?;
    }
    accept(prepared, request.mode)?;
    match request.mode {
        LockMode::Update => Ok(()),
        LockMode::Locked => refuse_unreviewed(project, prepared, request.connect.dialect()),
    }
}

fn ids(prepared: &Prepared) -> Vec<MigrationId> {
    prepared.plan.steps().map(|step| step.id.clone()).collect()
}

/// What is meant by "the last run" or "the next one" is what it was when the command began: of two that are
/// typed at once, one must not take what comes after the other's.
fn is_agreed(prepared: &Prepared, agreed: Option<&Vec<MigrationId>>) -> Result<(), Failure> {
    if agreed.is_none_or(|agreed| prepared.plan.steps().map(|step| &step.id).eq(agreed)) {
        return Ok(());
    }
    let what = if prepared.plan.undoes { "be undone" } else { "run" };
    Err(Failure::new(
        Kind::Refused,
        Diagnostic::new(format!("another run changed what would {what} since this one began"))
            .help("look at it with `--dry-run`, then run the command again"),
    ))
}

pub(super) fn new_run(request: &Request<'_>, prepared: &Prepared, lacks: &Lacks) -> NewRun {
    NewRun {
        id: crate::run_id::random(),
        lock_digest: prepared.fingerprint.digest.unwrap_or_else(|| Checksum::of(b"")),
        tool_version: env!("CARGO_PKG_VERSION"),
        user: request.user.clone(),
        reason: lacks.with_reason(why(request)),
        release: request.aim.release.name(),
    }
}

/// Everything that happens under the guard.
async fn run(
    project: &Project,
    request: &Request<'_>,
    prepared: Prepared,
    history: &History,
    wanted: Expectation,
    mut guard: Box<dyn Guard>,
    sink: &mut dyn Sink,
) -> Result<Outcome, Failure> {
    let wanted = rehearsed(project, request, &prepared, wanted, &mut *guard, sink).await?;
    fault_point!("run.rehearsed");
    let compensates = request.compensate && !prepared.plan.undoes;
    let before = if compensates { Some(fingerprint(&mut *guard).await?) } else { None };
    let run = new_run(request, &prepared, &seen::lacks(project, &prepared, history));
    maintenance::begin(request, &prepared.plan, &run, sink).await?;
    let mut progress = Progress::of(&prepared.plan);
    mirror::make_tables(project, &mut *guard).await?;
    let adopted = &prepared.adoption.rows[..];
    for source in &prepared.adoption.sources {
        sink.tell(Event::Noted(format!("taking over {source}")));
    }
    let start = Start {
        position: history.next_position() + i64::try_from(adopted.len()).unwrap_or_default(),
        keep_guard: if request.mode == LockMode::Update { Keep::Wanted } else { Keep::No },
        timed: request.timed,
        adopted,
    };
    let mut session = match walk(&prepared.plan, guard, &run, start, &mut progress, sink).await {
        Err(stop) => return Err(settled(project, &run, before, &progress, stop, sink).await),
        Ok(End::Open(session)) => session,
        Ok(End::Outside(guard)) => {
            let mut session = guard
                .begin(Begin { foreign_keys: None, keep_guard: start.keep_guard })
                .await
                .map_err(|error| rolled_back(&progress, describe(&error)))?;
            let told = |error: DatabaseError| rolled_back(&progress, describe(&error));
            session.write(Note::Run(&run)).await.map_err(told)?;
            if prepared.plan.groups.is_empty() && !adopted.is_empty() {
                session.write(Note::Rows(&run, adopted)).await.map_err(told)?;
            }
            session
        }
    };
    fault_point!("check.begin", |e| rolled_back(&progress, describe(&e)));
    let (verdict, live) = match judge(project, request, &prepared, wanted, &mut session, sink).await {
        Ok(judged) => judged,
        Err(diagnostics) => {
            let refused = Diagnostic::new("the run was checked and refused");
            let mut failure = if prepared.plan.is_empty() {
                Failure::new(Kind::RolledBack, refused.note("nothing ran: what earlier runs committed stays"))
            } else {
                rolled_back(&progress, refused)
            };
            failure.diagnostics.splice(0..0, diagnostics);
            let mut stop = undone(session, failure.into()).await;
            if progress.committed > 0 {
                stop.guard = match stop.guard.take() {
                    Some(guard) => remember_refusal(guard, &run).await,
                    None => None,
                };
            }
            return Err(settled(project, &run, before, &progress, stop, sink).await);
        }
    };
    fault_point!("check.passed", |e| rolled_back(&progress, describe(&e)));
    record_bases(&prepared.plan, &run, &mut *session)
        .await
        .map_err(|error| rolled_back(&progress, describe(&error)))?;
    if let Err(failure) = mirror::sync(project, &prepared.plan, &mut *session).await {
        let fault = failure.diagnostics.into_iter().next().unwrap_or_else(|| Diagnostic::new("mirror"));
        return Err(rolled_back(&progress, fault));
    }
    session
        .write(Note::Verdict(&run, &verdict.word()))
        .await
        .map_err(|error| rolled_back(&progress, describe(&error)))?;
    fault_point!("commit.begin", |e| rolled_back(&progress, describe(&e)));
    sink.tell(Event::CommitStarted);
    let (committed, guard) = match session.commit().await {
        Ok(done) => done,
        Err(CommitError::RolledBack(error)) => {
            let diagnostic =
                Diagnostic::new("the database refused the commit").cause(describe(&error).message);
            return Err(rolled_back(&progress, diagnostic).transient_if(&error));
        }
        Err(CommitError::Unknown(error)) => find_out(request, &run, &progress, &error, sink).await?,
    };
    sink.tell(Event::Committed);
    let written = write_files(&committed, project, &prepared, live, sink)?;
    fault_point!("commit.files", |e| stays(Diagnostic::new(e.to_string())));
    maintenance::end(request, sink).await; // before the next run may begin
    if let Ok(database) = guard.free().await {
        database.close().await;
    }
    Ok(Outcome::Migrated(Box::new(Migrated {
        applied: progress.applied,
        caught_up: progress.caught_up,
        prepared,
        verdict,
        written,
        run: run.id,
    })))
}

/// Keeps the own runs of mirrored tools out, as long as the guard is held.
async fn lock_out(project: &Project, request: &Request<'_>, guard: &mut dyn Guard) -> Result<(), Failure> {
    let start = Instant::now();
    for tool in mirror::tools(project) {
        while !guard.lock_out(tool).await? {
            if start.elapsed() >= request.guard_wait {
                let message = format!("{}'s own migrator is at work on this database", tool.name());
                let fault = Diagnostic::new(message).help("wait for its end, then run this again");
                return Err(Failure::new(Kind::Guarded, fault));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    Ok(())
}

/// What the history keeps of why a run was made: whatever is not a plain `migrate` is named.
pub(super) fn why(request: &Request<'_>) -> Option<String> {
    let goal = (request.aim.goal != Goal::Latest).then(|| request.aim.goal.to_string());
    match (goal, &request.reason) {
        (Some(goal), Some(reason)) => Some(format!("{goal}: {reason}")),
        (goal, reason) => goal.or_else(|| reason.clone()),
    }
}

/// Writes down that a run whose migrations stay was refused by its checks: the next run checks again.
async fn remember_refusal(guard: Box<dyn Guard>, run: &NewRun) -> Option<Box<dyn Guard>> {
    let mut session = guard.begin(Begin { foreign_keys: None, keep_guard: Keep::Wanted }).await.ok()?;
    session.write(Note::Run(run)).await.ok()?;
    session.write(Note::Verdict(run, REFUSED)).await.ok()?;
    session.commit().await.ok().map(|(_, guard)| guard)
}

/// The end of a run that stopped; what it has committed is undone where that is wanted.
async fn settled(
    project: &Project,
    run: &NewRun,
    before: Option<Checksum>,
    progress: &Progress,
    stop: Stop,
    sink: &mut dyn Sink,
) -> Failure {
    match (before, stop.guard) {
        (Some(before), Some(guard)) if progress.committed > 0 => {
            let failure = Failure { transient: false, ..stop.failure };
            compensate(project, before, run, progress, guard, failure, sink).await
        }
        _ => stop.failure,
    }
}

/// After a commit without answer: asks the database whether our run is in its history.
async fn find_out(
    request: &Request<'_>,
    run: &NewRun,
    progress: &Progress,
    error: &DatabaseError,
    sink: &mut dyn Sink,
) -> Result<(Committed, Box<dyn Guard>), Failure> {
    sink.tell(Event::Noted(
        "the connection broke during the commit; asking the database what happened".to_owned(),
    ));
    let unknown = |why: String| {
        Failure::new(
            Kind::Unknown,
            Diagnostic::new("the connection broke during the commit: nobody knows whether it happened")
                .cause(error)
                .note(why)
                .help(format!(
                    "once the database answers, run `db-migrations status`: run {} is in its history, or not",
                    run.id
                )),
        )
    };
    let database = request.connect.connect().await.map_err(|e| unknown(e.to_string()))?;
    // the old session, as long as it lives, holds the guard: having it means that the commit is over
    let mut guard = wait_for_guard(database, request.guard_wait, sink)
        .await
        .map_err(|failure| unknown(failure.diagnostics[0].message.clone()))?;
    let history = guard.history().await.map_err(|e| unknown(e.to_string()))?;
    let ours = history.last_run.as_ref().is_some_and(|last| last.id == run.id)
        || history.rows().iter().any(|row| row.run == run.id);
    if ours {
        return Ok((Committed::by_database(), guard));
    }
    Err(rolled_back(
        progress,
        Diagnostic::new("the connection broke during the commit, and it did not happen").cause(error),
    ))
}

/// What went wrong after the commit.
fn stays(diagnostic: Diagnostic) -> Failure {
    Failure::new(
        Kind::Stayed,
        diagnostic.note("the run is committed: the database is migrated").help(
            "mend the cause and run `db-migrations migrate` again: it writes the lock from the history",
        ),
    )
}

/// Writes snapshot, then lock: after a crash between, the next run still sees that the lock must grow.
fn write_files(
    _: &Committed,
    project: &Project,
    prepared: &Prepared,
    live: Live,
    sink: &mut dyn Sink,
) -> Result<Vec<String>, Failure> {
    let mut written = Vec::new();
    if project.is_bundled() || prepared.plan.undoes {
        return Ok(written);
    }
    if let Some((schema, server, proof)) = live {
        let snapshot = snapshots::of(schema, server, proof, &prepared.fingerprint);
        written.extend(snapshots::write(project, &snapshot).map_err(stays)?);
    }
    let path = project.lock_path();
    let current = lockfile::read(&path).map_err(stays)?.unwrap_or_default();
    if current != project.document.text() && current != prepared.lock_text {
        return Err(stays(Diagnostic::new(format!(
            "`{}` was edited while the run lasted",
            project.config.lock
        ))));
    }
    if current != prepared.lock_text
        && lockfile::write(&path, &prepared.lock_text).map_err(stays)? == Written::Changed
    {
        written.push(project.config.lock.clone());
    }
    for path in &written {
        sink.tell(Event::Written { path: path.clone() });
    }
    Ok(written)
}
