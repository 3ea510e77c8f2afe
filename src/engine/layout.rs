//! `sync-metadata-storage`: our tables in the layout of this version.

use crate::event::{Event, Sink};
use crate::history::LAYOUT;

use super::failure::Failure;
use super::migrate::Request;
use super::project::Project;
use super::record::{new_run, record};
use super::waiting::wait_for_guard;

/// Makes the history's tables, or brings them to our layout; answers with the layout that they had.
pub async fn sync_layout(
    project: &Project,
    request: &Request<'_>,
    sink: &mut dyn Sink,
) -> Result<Option<u32>, Failure> {
    let mut database = request.connect.connect().await?;
    sink.tell(Event::Connected(database.server().clone()));
    let layout = database.history().await?.layout;
    if layout == Some(LAYOUT) {
        database.close().await;
        return Ok(layout);
    }
    let mut guard = wait_for_guard(database, request.guard_wait, sink).await?;
    let history = guard.history().await?;
    // the run before it had the last word on the schema
    let run = new_run(project, request, "sync-metadata-storage".to_owned());
    let verdict = history.last_run.and_then(|run| run.verdict);
    let notes: Vec<_> = verdict.iter().map(|verdict| crate::database::Note::Verdict(&run, verdict)).collect();
    record(guard, &run, &notes).await?;
    Ok(layout)
}
