//! What a lock makes of an empty database: run on a scratch database, then thrown away.

use crate::database::{Attempt, Connect, Keep, NewRun, RolledBack};
use crate::event::{Event, Silence, Sink};
use crate::fault::fault_point;
use crate::history::History;
use crate::id::Checksum;
use crate::lock::Merged;
use crate::schema::Schema;

use super::execute::{End, Progress, Start, walk};
use super::prepare::{self, Live};
use super::project::Project;

/// The result of a replay.
#[derive(Clone, Debug)]
pub enum Replayed {
    /// The schema, the server that made it, and what could not be replayed.
    Schema {
        /// The schema.
        schema: Schema,
        /// `PostgreSQL 15.20`.
        server: String,
        /// Statements that reach beyond a database.
        left_out: Vec<String>,
    },
    /// It could not be made; why.
    NotProved(String),
}

/// Replays a lock. Never fails: a replay that fails proves nothing, and says why.
pub async fn replay(
    project: &Project,
    merged: &Merged,
    connect: &dyn Connect,
    sink: &mut dyn Sink,
) -> Replayed {
    match try_replay(project, merged, connect, sink).await {
        Ok(replayed) => replayed,
        Err(reason) => Replayed::NotProved(reason),
    }
}

async fn try_replay(
    project: &Project,
    merged: &Merged,
    connect: &dyn Connect,
    sink: &mut dyn Sink,
) -> Result<Replayed, String> {
    let mut plan = prepare::plan(project, merged, &History::default(), connect.dialect(), &Live::default());
    if let Some(refusal) = plan.refusals.first() {
        return Err(refusal.to_string());
    }
    let left_out = plan.confine(connect.dialect());
    sink.tell(Event::ReplayStarted { total: plan.len() });
    fault_point!("replay.begin", |error| error.to_string());
    let scratch = connect.scratch().await.map_err(|error| format!("no scratch database: {error}"))?;
    fault_point!("replay.scratch", |error| error.to_string());
    let server = scratch.database.server().title();
    let schema = run(scratch.database, &plan).await;
    fault_point!("replay.done", |error| error.to_string());
    scratch.discard.await;
    fault_point!("replay.discarded", |error| error.to_string());
    Ok(Replayed::Schema { schema: schema?, server, left_out })
}

async fn run(
    database: Box<dyn crate::database::Database>,
    plan: &crate::plan::Plan,
) -> Result<Schema, String> {
    let text = |error: crate::database::DatabaseError| error.to_string();
    let guard = match database.guard().await.map_err(text)? {
        Attempt::Held(guard) => guard,
        Attempt::Busy(..) => return Err("the scratch database is in use".to_owned()),
    };
    let run = scratch_run("replay");
    let mut progress = Progress::of(plan);
    let start = Start { position: 1, keep_guard: Keep::No, timed: false, adopted: &[] };
    let end = walk(plan, guard, &run, start, &mut progress, &mut Silence).await.map_err(|stop| {
        let diagnostic = &stop.failure.diagnostics[0];
        let cause = diagnostic.causes.first().map(|cause| format!(": {cause}")).unwrap_or_default();
        format!("{diagnostic}{cause}")
    })?;
    match end {
        End::Open(mut session) => {
            let schema = session.introspect().await.map_err(text)?;
            if let Ok(RolledBack { guard, .. }) = session.rollback().await
                && let Ok(database) = guard.free().await
            {
                database.close().await;
            }
            Ok(schema)
        }
        End::Outside(mut guard) => {
            let schema = guard.introspect().await.map_err(text)?;
            if let Ok(database) = guard.free().await {
                database.close().await;
            }
            Ok(schema)
        }
    }
}

/// A run on a scratch database, of which nobody will ask.
pub(super) fn scratch_run(id: &str) -> NewRun {
    NewRun {
        id: id.to_owned(),
        lock_digest: Checksum::of(b""),
        tool_version: env!("CARGO_PKG_VERSION"),
        user: String::new(),
        reason: None,
        release: None,
    }
}
