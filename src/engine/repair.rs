//! `repair`: what a person has mended by hand is written into the history.
//!
//! Only half-applied migrations are concerned. Nothing of theirs runs here; the guard keeps runs away
//! while it is written.

use crate::database::{NewRow, Note};
use crate::diagnostic::{Diagnostic, nearest};
use crate::event::{Event, Sink};
use crate::history::{History, Partial, RowKind};
use crate::id::MigrationId;
use crate::plan::Plan;

use super::failure::{Failure, Kind};
use super::migrate::Request;
use super::prepare::prepare;
use super::project::Project;
use super::record::{new_run, record};
use super::waiting::wait_for_guard;

/// What a person says of a half-applied migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repair {
    /// The rest of it was done by hand.
    MarkDone(MigrationId),
    /// What it had done was undone by hand.
    Restart(MigrationId),
}

impl Repair {
    /// The migration.
    pub const fn id(&self) -> &MigrationId {
        match self {
            Self::MarkDone(id) | Self::Restart(id) => id,
        }
    }
}

/// What a person may have to mend on a database.
pub struct ToRepair {
    /// What has run.
    pub history: History,
    /// What the next `migrate` would refuse, where that could be found out.
    pub refusals: Vec<Diagnostic>,
    /// Whether it needs a person's consent to more than one transaction.
    pub needs_consent: bool,
}

/// Looks; without a project whose lock can be read only at the history.
pub async fn to_repair(
    project: Option<&Project>,
    request: &Request<'_>,
    sink: &mut dyn Sink,
) -> Result<ToRepair, Failure> {
    let mut database = request.connect.connect().await?;
    sink.tell(Event::Connected(database.server().clone()));
    let history = database.history().await?;
    let plan = match project {
        Some(project) => prepare(project, &history, &mut *database).await?.plan,
        None => Plan::default(),
    };
    database.close().await;
    Ok(ToRepair { history, needs_consent: plan.needs_consent(), refusals: plan.refusals })
}

/// Writes it down.
pub async fn repair(
    project: &Project,
    request: &Request<'_>,
    what: &Repair,
    sink: &mut dyn Sink,
) -> Result<(), Failure> {
    let database = request.connect.connect().await?;
    let mut guard = wait_for_guard(database, request.guard_wait, sink).await?;
    let history = guard.history().await?;
    let partial = find(&history, what.id())?;
    let why = match what {
        Repair::MarkDone(id) => format!("repair --mark-done {id}"),
        Repair::Restart(id) => format!("repair --restart {id}"),
    };
    let run = new_run(project, request, why);
    let row;
    let mut notes = vec![Note::Settled(&partial.id)];
    match what {
        // a down script that was finished by hand: the migration has not run any more
        Repair::MarkDone(id) if partial.undoing => notes.push(Note::Unrecorded(id)),
        Repair::MarkDone(id) => {
            row = [marked(project, request, id, history.next_position())?];
            notes.push(Note::Rows(&run, &row));
        }
        Repair::Restart(_) => {}
    }
    record(guard, &run, &notes).await
}

fn find<'a>(history: &'a History, id: &MigrationId) -> Result<&'a Partial, Failure> {
    history.partial.iter().find(|partial| partial.id == *id).ok_or_else(|| {
        let state = if history.contains(id) { "it has run" } else { "nothing of it has run" };
        let mut diagnostic = Diagnostic::new(format!("`{id}` is not half-applied: {state}"));
        let others = history.partial.iter().map(|partial| partial.id.as_str());
        diagnostic.help.extend(nearest(id.as_str(), others).map(|near| format!("did you mean `{near}`?")));
        Failure::new(Kind::Refused, diagnostic.help("`db-migrations status` shows the state of each"))
    })
}

/// The history row of a migration whose rest was done by hand.
fn marked(
    project: &Project,
    request: &Request<'_>,
    id: &MigrationId,
    position: i64,
) -> Result<NewRow, Failure> {
    let migration = project.catalogue.get(id);
    let script = migration.and_then(|migration| migration.up.choose(request.connect.dialect()));
    let script = script.ok_or_else(|| {
        Failure::new(
            Kind::Refused,
            Diagnostic::new(format!("the file of `{id}` is not there: its checksum cannot be recorded"))
                .help("bring it back, or enable its module"),
        )
    })?;
    Ok(NewRow {
        id: id.clone(),
        checksum: script.hash,
        kind: RowKind::Marked,
        position,
        executed_at: None,
        execution_ms: None,
        formers: Vec::new(),
    })
}
