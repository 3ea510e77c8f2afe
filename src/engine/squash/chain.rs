//! A lock on a scratch database: all of it runs, then schema and rows are looked at.
//!
//! Unlike a replay it takes another catalogue than the project's, in which a base stands for what it replaces.

use crate::catalogue::Catalogue;
use crate::database::{Attempt, Connect, Database, Guard, Keep, Read};
use crate::diagnostic::Diagnostic;
use crate::diff::rows::readers;
use crate::event::{Event, Silence, Sink};
use crate::history::History;
use crate::id::MigrationId;
use crate::lock::Lock;
use crate::plan::Plan;
use crate::schema::Schema;
use crate::squash::{Rows, Sight, state};

use crate::engine::execute::{End, Progress, Start, walk};
use crate::engine::failure::{Failure, Kind};
use crate::engine::prepare::{Live, circumstances};
use crate::engine::project::Project;
use crate::engine::rehearse::without;
use crate::engine::replay::scratch_run;

/// What a lock made of an empty database.
#[derive(Clone, Debug, Default)]
pub(super) struct Made {
    pub(super) schema: Schema,
    /// The server that made it: `PostgreSQL 15.20`.
    pub(super) server: String,
    /// What it made of kinds that are not read.
    pub(super) not_covered: Vec<String>,
    /// Statements that reach beyond a database.
    pub(super) left_out: Vec<String>,
    pub(super) rows: Rows,
    /// Who may do what.
    pub(super) rights: Vec<String>,
    /// Where counters go on that are neither schema nor rows.
    pub(super) counters: Vec<String>,
    /// The materialized views that are filled.
    pub(super) filled: Vec<String>,
}

/// Why a lock made nothing.
pub(super) enum Unmade {
    /// This migration fails.
    Step(MigrationId, Box<Diagnostic>),
    /// Anything else.
    Failed(Failure),
}

impl Unmade {
    /// As the failure of a lock that should have run.
    pub(super) fn into_failure(self) -> Failure {
        match self {
            Self::Step(_, fault) => {
                Failure::new(Kind::Findings, fault.note("it was replayed on an empty database"))
            }
            Self::Failed(failure) => failure,
        }
    }
}

impl<E: Into<Failure>> From<E> for Unmade {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Runs all of a lock, and looks.
pub(super) async fn make(
    project: &Project,
    catalogue: &Catalogue,
    lock: &Lock,
    connect: &dyn Connect,
    sink: &mut dyn Sink,
) -> Result<Made, Unmade> {
    let (plan, left_out) = plan(project, catalogue, lock, connect)?;
    sink.tell(Event::ReplayStarted { total: plan.len() });
    let scratch = connect.scratch().await?;
    let server = scratch.database.server().title();
    let outcome = on_scratch(scratch.database, &plan).await;
    scratch.discard.await;
    match outcome {
        Ok(made) => Ok(Made { server, left_out, ..made }),
        Err(Unmade::Step(id, mut fault)) => {
            fault.causes.iter_mut().for_each(|cause| *cause = without(&scratch.name, cause));
            Err(Unmade::Step(id, fault))
        }
        Err(failed) => Err(failed),
    }
}

/// The plan of a lock on an empty database, and what of it is left out.
pub(super) fn plan(
    project: &Project,
    catalogue: &Catalogue,
    lock: &Lock,
    connect: &dyn Connect,
) -> Result<(Plan, Vec<String>), Failure> {
    let (foreign_keys, live) = (project.foreign_keys(), Live::default());
    let at = circumstances(project, connect.dialect(), &foreign_keys, &live, false);
    let mut plan = Plan::new(lock, catalogue, &History::default(), &at);
    if !plan.refusals.is_empty() {
        return Err(Failure::all(Kind::Findings, plan.refusals));
    }
    let left_out = plan.confine(connect.dialect());
    Ok((plan, left_out))
}

async fn on_scratch(database: Box<dyn Database>, plan: &Plan) -> Result<Made, Unmade> {
    match run(hold(database).await?, plan, Keep::No).await? {
        End::Open(mut session) => {
            let made = look(&mut *session).await?;
            if let Ok(rolled) = session.rollback().await
                && let Ok(database) = rolled.guard.free().await
            {
                database.close().await;
            }
            Ok(made)
        }
        End::Outside(mut guard) => {
            let made = look(&mut *guard).await?;
            guard.free().await?.close().await;
            Ok(made)
        }
    }
}

/// The guard of a scratch database.
pub(super) async fn hold(database: Box<dyn Database>) -> Result<Box<dyn Guard>, Failure> {
    match database.guard().await? {
        Attempt::Held(guard) => Ok(guard),
        Attempt::Busy(..) => {
            Err(Failure::new(Kind::Guarded, Diagnostic::new("the scratch database is in use")))
        }
    }
}

/// Runs a plan; says which migration fails.
pub(super) async fn run(guard: Box<dyn Guard>, plan: &Plan, keep_guard: Keep) -> Result<End, Unmade> {
    let mut progress = Progress::of(plan);
    let start = Start { position: 1, keep_guard, timed: false, adopted: &[] };
    let end = walk(plan, guard, &scratch_run("squash"), start, &mut progress, &mut Silence).await;
    end.map_err(|stop| {
        let step = plan.steps().nth(progress.applied.len());
        match (step, stop.cause) {
            (Some(step), Some(mut cause)) => {
                cause.help.clear(); // what helps in a run
                Unmade::Step(step.id.clone(), Box::new(cause))
            }
            _ => Unmade::Failed(stop.failure),
        }
    })
}

/// Schema and rows.
async fn look(read: &mut (dyn Read + '_)) -> Result<Made, Failure> {
    let schema = read.introspect().await?;
    let not_covered = read.not_covered().await?;
    let mut rows = Rows::new();
    for reader in readers(read.server().dialect, &schema) {
        let lines = read.query(&reader.sql).await?;
        if lines.is_empty() {
            continue;
        }
        let split = |line: String| line.split(", ").map(str::to_owned).collect();
        let sight = Sight { columns: reader.columns, rows: lines.into_iter().map(split).collect() };
        rows.insert(reader.table, sight);
    }
    let dialect = read.server().dialect;
    let mut counters = Vec::new();
    for query in state::counters(dialect, &schema) {
        counters.extend(read.query(&query).await?);
    }
    let rights = lines(read, state::rights(dialect)).await?;
    let filled = lines(read, state::filled(dialect)).await?;
    Ok(Made { schema, not_covered, rows, rights, counters, filled, ..Made::default() })
}

async fn lines(read: &mut (dyn Read + '_), query: Option<&str>) -> Result<Vec<String>, Failure> {
    match query {
        Some(query) => Ok(read.query(query).await?),
        None => Ok(Vec::new()),
    }
}
