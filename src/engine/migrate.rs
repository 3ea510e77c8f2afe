//! The flow of a run, on one page.
//!
//! merge (no database) → connect → history → merge again → nothing to do? → replay if the snapshot
//! is stale → **guard** → re-read lock and history, merge again → plan → groups → check → commit →
//! snapshot and lock written → guard freed. Only a committed session lets the lock be written.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::database::{
    Attempt, Begin, CommitError, Committed, Connect, Database, DatabaseError, Guard, NewRun, Session,
};
use crate::diagnostic::Diagnostic;
use crate::event::{Event, Sink};
use crate::history::History;
use crate::id::{Checksum, MigrationId};
use crate::lock::{Finding, Rule};
use crate::lockfile::{self, Written};
use crate::plan::Plan;
use crate::schema::Schema;
use crate::snapshot::Proof;

use super::check::{self, CheckMode, Verdict, compare_with};
use super::execute::{End, Progress, Start, rolled_back, walk};
use super::failure::{Failure, Kind, describe};
use super::prepare::{Prepared, merged, prepare};
use super::project::Project;
use super::replay::{Replayed, replay};
use super::snapshots::{self, SnapshotState};

/// So many findings of one rule are told one by one.
const FEW: usize = 3;

/// Whether the lock may grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LockMode {
    /// It may (development).
    #[default]
    Update,
    /// It must fit already (production, CI).
    Locked,
    /// Nothing is written anywhere.
    DryRun,
}

/// What is asked for.
pub struct Request<'a> {
    /// The database.
    pub connect: &'a dyn Connect,
    /// Whether the lock may grow.
    pub mode: LockMode,
    /// Whether more than one transaction is accepted.
    pub allow_split: bool,
    /// How long to wait for another run.
    pub guard_wait: Duration,
    /// What a schema difference does.
    pub check: CheckMode,
    /// Why the check was softened.
    pub reason: Option<String>,
    /// Who runs it.
    pub user: String,
}

/// A migration that ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Which.
    pub id: MigrationId,
    /// How long, in milliseconds.
    pub milliseconds: i64,
}

/// A run that was committed.
#[derive(Clone, Debug)]
pub struct Migrated {
    /// What ran, in order.
    pub applied: Vec<Applied>,
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

/// Where the expected schema comes from in this run.
enum Expected {
    /// Nothing is compared; why.
    Nothing(String),
    /// This schema, made by this server; `fresh` when the snapshot must be written.
    Known { schema: Schema, server: String, fresh: bool },
    /// The database is empty: the run itself is the replay.
    TheRun,
    /// No replay could be made; what the run makes becomes the snapshot, unproved.
    Unproved(String),
}

/// Runs what is pending.
pub async fn migrate(
    project: &mut Project,
    request: &Request<'_>,
    sink: &mut dyn Sink,
) -> Result<Outcome, Failure> {
    if request.mode == LockMode::Locked {
        fits_without_database(project, request)?;
    }
    let mut database = request.connect.connect().await?;
    sink.tell(Event::Connected(database.server().clone()));
    for _ in 0..3 {
        let history = database.history().await?;
        let prepared = prepare(project, &history, &mut *database).await?;
        accept(&prepared, request.mode)?;
        if prepared.nothing_to_do(project) {
            tell_findings(&prepared, sink);
            database.close().await;
            return Ok(Outcome::NothingToDo(Box::new(prepared)));
        }
        refuse_strangers(&history, &mut *database).await?;
        if request.mode == LockMode::DryRun {
            tell_findings(&prepared, sink);
            database.close().await;
            return Ok(Outcome::Planned(Box::new(prepared)));
        }
        refuse_plan(&prepared.plan, request)?;
        let expected = expected(project, request, &prepared, &history, &mut *database, sink).await?;
        let mut guard = wait_for_guard(database, request.guard_wait, sink).await?;
        project.read_lock()?;
        let history = guard.history().await?;
        let again = prepare(project, &history, &mut *guard).await?;
        accept(&again, request.mode)?;
        let no_longer_empty = matches!(expected, Expected::TheRun) && !history.is_empty();
        if again.fingerprint != prepared.fingerprint || no_longer_empty {
            database = guard.free().await?; // somebody was faster
            continue;
        }
        if again.nothing_to_do(project) {
            tell_findings(&again, sink);
            guard.free().await?.close().await;
            return Ok(Outcome::NothingToDo(Box::new(again)));
        }
        refuse_plan(&again.plan, request)?;
        tell_findings(&again, sink);
        return run(project, request, again, &history, expected, guard, sink).await;
    }
    Err(Failure::new(
        Kind::Refused,
        Diagnostic::new("the lock file changed again and again while this run waited")
            .help("run `db-migrations migrate` again when nobody edits it"),
    ))
}

/// `--locked` misfits that no database can excuse stop before connecting.
fn fits_without_database(project: &Project, request: &Request<'_>) -> Result<(), Failure> {
    let (merged, _) = merged(project, None)?;
    let misfits: Vec<&Finding> = merged.misfits().filter(|finding| finding.rule != Rule::Missing).collect();
    if !misfits.is_empty() {
        return Err(locked_misfits(&misfits));
    }
    if snapshots::checked(project) && request.check != CheckMode::Off {
        let state = snapshots::snapshot_state(project, &merged.lock, request.connect.dialect());
        if let Some(diagnostic) = state.diagnostic(project, request.connect.dialect()) {
            return Err(Failure::new(Kind::Refused, diagnostic));
        }
    }
    Ok(())
}

fn locked_misfits(misfits: &[&Finding]) -> Failure {
    let mut diagnostics: Vec<Diagnostic> = misfits.iter().map(|finding| finding.diagnostic.clone()).collect();
    diagnostics.push(
        Diagnostic::new("the lock does not fit what was found, and `--locked` forbids to change it")
            .help("run `db-migrations lock` where it can be reviewed, commit the lock, and run again"),
    );
    Failure::all(Kind::Refused, diagnostics)
}

/// Findings that need a hand stop every mode; `--locked` accepts no change at all.
fn accept(prepared: &Prepared, mode: LockMode) -> Result<(), Failure> {
    let misfits: Vec<&Finding> = prepared.merged.misfits().collect();
    if mode == LockMode::Locked && !misfits.is_empty() {
        return Err(locked_misfits(&misfits));
    }
    if prepared.merged.needs_hand() {
        let by_hand = misfits.iter().filter(|finding| finding.rule.needs_hand());
        return Err(Failure::all(Kind::Refused, by_hand.map(|finding| finding.diagnostic.clone()).collect()));
    }
    Ok(())
}

fn tell_findings(prepared: &Prepared, sink: &mut dyn Sink) {
    let mut told: BTreeMap<Rule, usize> = BTreeMap::new();
    for finding in &prepared.merged.findings {
        if finding.rule.warns() {
            let count = told.entry(finding.rule).or_default();
            *count += 1;
            if *count <= FEW {
                sink.tell(Event::Warned(finding.diagnostic.clone()));
            }
        } else if finding.rule == Rule::Copy || finding.rule == Rule::DuplicateLine {
            sink.tell(Event::Noted(finding.diagnostic.message.clone()));
        }
    }
    for (rule, count) in told.into_iter().filter(|(_, count)| *count > FEW) {
        sink.tell(Event::Noted(format!(
            "{} more `{}`: see `db-migrations status`",
            count - FEW,
            rule.name()
        )));
    }
    for warning in &prepared.plan.warnings {
        sink.tell(Event::Warned(warning.clone()));
    }
}

/// Another tool's history with rows, while ours is empty, means that this database has a past.
async fn refuse_strangers(history: &History, database: &mut dyn Database) -> Result<(), Failure> {
    if !history.is_empty() {
        return Ok(());
    }
    let strangers = database.strangers().await?;
    let Some(first) = strangers.first() else { return Ok(()) };
    let mut diagnostic = Diagnostic::new(
        "this database was migrated by another tool, and nothing of it is in our history yet",
    );
    for stranger in &strangers {
        diagnostic.notes.push(format!("{} rows in `{}` ({})", stranger.rows, stranger.table, stranger.tool));
    }
    diagnostic = if first.tool == "sqlx" {
        let (schema, table) = first.table.rsplit_once('.').unwrap_or(("", &first.table));
        let schema = if schema.is_empty() || schema == "public" {
            String::new()
        } else {
            format!(" --schema {schema}")
        };
        let table = if table == "_sqlx_migrations" { String::new() } else { format!(" --table {table}") };
        diagnostic
            .help(format!("take it over with `db-migrations import sqlx --module NAMESPACE{table}{schema}`"))
    } else {
        diagnostic.help(format!("this version imports sqlx only; importing {} comes later", first.tool))
    };
    Err(Failure::new(Kind::Refused, diagnostic))
}

fn refuse_plan(plan: &Plan, request: &Request<'_>) -> Result<(), Failure> {
    if !plan.refusals.is_empty() {
        return Err(Failure::all(Kind::Refused, plan.refusals.clone()));
    }
    if plan.splits() && !request.allow_split {
        let mut diagnostic =
            Diagnostic::new("this run cannot be one transaction, so a failure could leave a part of it");
        for (n, group) in plan.groups.iter().enumerate() {
            if let (Some(reason), Some(step)) = (&group.reason, group.steps.first()) {
                diagnostic.notes.push(format!("group {} begins at `{}`: {reason}", n + 1, step.id));
            }
        }
        return Err(Failure::new(
            Kind::Refused,
            diagnostic
                .help("`db-migrations plan` shows the groups")
                .help("run with `--allow-split`, or set `policy: { allow-split: true }`"),
        ));
    }
    Ok(())
}

async fn wait_for_guard(
    mut database: Box<dyn Database>,
    limit: Duration,
    sink: &mut dyn Sink,
) -> Result<Box<dyn Guard>, Failure> {
    let start = Instant::now();
    let mut told = false;
    loop {
        match database.guard().await? {
            Attempt::Held(guard) => return Ok(guard),
            Attempt::Busy(back, holder) => {
                database = back;
                if start.elapsed() >= limit {
                    let mut diagnostic = Diagnostic::new(format!(
                        "another run still holds the guard after {} s",
                        limit.as_secs()
                    ));
                    if let Some(holder) = holder {
                        let since = holder.since.map(|since| format!(" since {since}")).unwrap_or_default();
                        diagnostic.notes.push(format!("held by {}{since}", holder.who));
                        diagnostic.notes.extend(holder.query.map(|query| format!("it runs: {query}")));
                        diagnostic.help.extend(holder.remedy.map(|remedy| format!("to end it: `{remedy}`")));
                    }
                    return Err(Failure::new(
                        Kind::Guarded,
                        diagnostic.help("or wait longer with `--guard-wait SECONDS`"),
                    ));
                }
                if !told {
                    sink.tell(Event::GuardWaited { holder, limit: limit.as_secs() });
                    told = true;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Where the expected schema comes from; replays if the snapshot is not this lock's.
async fn expected(
    project: &Project,
    request: &Request<'_>,
    prepared: &Prepared,
    history: &History,
    database: &mut dyn Database,
    sink: &mut dyn Sink,
) -> Result<Expected, Failure> {
    let dialect = request.connect.dialect();
    if !snapshots::checked(project) {
        return Ok(Expected::Nothing("switched off in the configuration".to_owned()));
    }
    if request.check == CheckMode::Off {
        return Ok(Expected::Nothing("switched off by --schema-check".to_owned()));
    }
    match snapshots::snapshot_state(project, &prepared.merged.lock, dialect) {
        SnapshotState::Fresh(snapshot) => {
            return Ok(Expected::Known { schema: snapshot.schema, server: snapshot.server, fresh: false });
        }
        SnapshotState::Edited(moved) => {
            let mut diagnostic = Diagnostic::new(format!(
                "`{}` was edited by hand since the snapshot was made",
                project.config.lock
            ));
            diagnostic.notes = moved;
            sink.tell(Event::Warned(diagnostic));
        }
        SnapshotState::Stale(_) | SnapshotState::Missing => {}
        SnapshotState::Unreadable(diagnostic) => sink.tell(Event::Warned(diagnostic)),
    }
    if history.is_empty() && database.introspect().await?.is_empty() {
        return Ok(Expected::TheRun);
    }
    match replay(project, &prepared.merged, request.connect, sink).await {
        Replayed::Schema { schema, server, left_out } => {
            if !left_out.is_empty() {
                sink.tell(Event::Noted(format!(
                    "not replayed, since it reaches beyond a database: {}",
                    left_out.join(", ")
                )));
            }
            Ok(Expected::Known { schema, server, fresh: true })
        }
        Replayed::NotProved(reason) => {
            sink.tell(Event::Noted(format!("not proved by replay: {reason}")));
            Ok(Expected::Unproved(reason))
        }
    }
}

/// Everything that happens under the guard.
async fn run(
    project: &Project,
    request: &Request<'_>,
    prepared: Prepared,
    history: &History,
    expected: Expected,
    guard: Box<dyn Guard>,
    sink: &mut dyn Sink,
) -> Result<Outcome, Failure> {
    let run = NewRun {
        id: crate::run_id::random(),
        lock_digest: prepared.fingerprint.digest.unwrap_or_else(|| Checksum::of(b"")),
        tool_version: env!("CARGO_PKG_VERSION"),
        user: request.user.clone(),
        reason: request.reason.clone(),
    };
    let mut progress = Progress::default();
    let start = Start { position: history.next_position(), keep_guard: request.mode == LockMode::Update };
    let end = walk(&prepared.plan, guard, &run, start, &mut progress, sink).await?;
    let mut session = match end {
        End::Open(session) => session,
        End::Outside(guard) => {
            let mut session = guard
                .begin(Begin { foreign_keys: None, keep_guard: start.keep_guard })
                .await
                .map_err(|error| rolled_back(&progress, describe(&error)))?;
            session.start(&run).await.map_err(|error| rolled_back(&progress, describe(&error)))?;
            session
        }
    };
    let (verdict, live) = match judge(project, request, &prepared, expected, &mut session, sink).await {
        Ok(judged) => judged,
        Err(diagnostics) => {
            let _ = session.rollback().await;
            let mut failure = rolled_back(&progress, Diagnostic::new("the run was checked and refused"));
            failure.diagnostics.splice(0..0, diagnostics);
            return Err(failure);
        }
    };
    session.verdict(&run, &verdict.word()).await.map_err(|error| rolled_back(&progress, describe(&error)))?;
    sink.tell(Event::CommitStarted);
    let (committed, guard) = match session.commit().await {
        Ok(done) => done,
        Err(CommitError::RolledBack(error)) => {
            let diagnostic =
                Diagnostic::new("the database refused the commit").cause(describe(&error).message);
            return Err(rolled_back(&progress, diagnostic));
        }
        Err(CommitError::Unknown(error)) => find_out(request, &run, &progress, &error, sink).await?,
    };
    sink.tell(Event::Committed);
    let written = write_files(&committed, project, &prepared, live, sink)?;
    if let Ok(database) = guard.free().await {
        database.close().await;
    }
    Ok(Outcome::Migrated(Box::new(Migrated {
        applied: progress.applied,
        prepared,
        verdict,
        written,
        run: run.id,
    })))
}

/// A schema for the snapshot, the server that made it, and how far it is proved.
type Live = Option<(Schema, String, Proof)>;

/// Checks inside the transaction. The error is what is wrong.
async fn judge(
    project: &Project,
    request: &Request<'_>,
    prepared: &Prepared,
    expected: Expected,
    session: &mut Box<dyn Session>,
    sink: &mut dyn Sink,
) -> Result<(Verdict, Live), Vec<Diagnostic>> {
    sink.tell(Event::CheckStarted);
    let failed = |error: DatabaseError| vec![describe(&error)];
    let checks = check::queries(project, &mut **session).await.map_err(failed)?;
    if !checks.is_empty() && request.check == CheckMode::Fail {
        return Err(checks);
    }
    for diagnostic in checks {
        sink.tell(Event::Warned(diagnostic));
    }
    let foreign =
        prepared.merged.findings.iter().any(|f| matches!(f.rule, Rule::Unknown | Rule::SkippedAfterRun));
    match expected {
        Expected::Nothing(why) => Ok((Verdict::NotChecked(why), None)),
        Expected::TheRun => {
            let schema = session.introspect().await.map_err(failed)?;
            let server = session.server().title();
            Ok((Verdict::Passed(crate::drift::Drift::default()), Some((schema, server, Proof::Replay))))
        }
        Expected::Unproved(reason) => {
            let schema = session.introspect().await.map_err(failed)?;
            let server = session.server().title();
            let live = (!foreign).then(|| (schema, server, Proof::Unproved(reason.clone())));
            Ok((Verdict::NotChecked(format!("not proved by replay: {reason}")), live))
        }
        Expected::Known { schema, server, fresh } => {
            let verdict = compare_with(project, &schema, Some(&server), &mut **session)
                .await
                .map_err(|failure| failure.diagnostics)?;
            if let Verdict::Drifted(drift) = &verdict {
                let diagnostic = super::status::drift_diagnostic(drift);
                if request.check == CheckMode::Fail && !foreign {
                    return Err(vec![diagnostic]);
                }
                sink.tell(Event::Warned(diagnostic));
            }
            Ok((verdict, fresh.then_some((schema, server, Proof::Replay))))
        }
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

/// Writes snapshot, then lock: after a crash between, the next run still sees that the lock must grow.
fn write_files(
    _: &Committed,
    project: &Project,
    prepared: &Prepared,
    live: Live,
    sink: &mut dyn Sink,
) -> Result<Vec<String>, Failure> {
    let mut written = Vec::new();
    let failed = |diagnostic: Diagnostic| {
        Failure::new(
            Kind::Stayed,
            diagnostic.note("the run is committed: the database is migrated").help(
                "mend the cause and run `db-migrations migrate` again: it writes the lock from the history",
            ),
        )
    };
    if let Some((schema, server, proof)) = live {
        let snapshot = snapshots::of(schema, server, proof, &prepared.fingerprint);
        written.extend(snapshots::write(project, &snapshot).map_err(failed)?);
    }
    let path = project.lock_path();
    let current = lockfile::read(&path).map_err(failed)?.unwrap_or_default();
    if current != project.document.text() && current != prepared.lock_text {
        return Err(failed(Diagnostic::new(format!(
            "`{}` was edited while the run lasted",
            project.config.lock
        ))));
    }
    if current != prepared.lock_text
        && lockfile::write(&path, &prepared.lock_text).map_err(failed)? == Written::Changed
    {
        written.push(project.config.lock.clone());
    }
    for path in &written {
        sink.tell(Event::Written { path: path.clone() });
    }
    Ok(written)
}
