//! Waiting for another run: until the database can be read, and until its guard is free.

use std::time::{Duration, Instant};

use crate::database::{Attempt, Database, DatabaseError, Guard};
use crate::diagnostic::Diagnostic;
use crate::event::{Event, Sink};
use crate::fault::fault_point;
use crate::history::History;

use super::failure::{Failure, Kind};
use super::migrate::Request;

/// Connects and reads the history; waits while another run keeps even readers out.
pub(super) async fn look(
    request: &Request<'_>,
    sink: &mut dyn Sink,
) -> Result<(Box<dyn Database>, History), Failure> {
    let start = Instant::now();
    let mut told = false;
    fault_point!("run.connect");
    loop {
        let looked = match request.connect.connect().await {
            Ok(mut database) => database.history().await.map(|history| (database, history)),
            Err(error) => Err(error),
        };
        match looked {
            Ok((database, history)) => {
                fault_point!("run.connected");
                sink.tell(Event::Connected(database.server().clone()));
                return Ok((database, history));
            }
            Err(DatabaseError::Busy(holder)) if start.elapsed() < request.guard_wait => {
                if !std::mem::replace(&mut told, true) {
                    sink.tell(Event::GuardWaited { holder, limit: request.guard_wait.as_secs() });
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Takes the guard, polling; says once who has it.
pub(super) async fn wait_for_guard(
    mut database: Box<dyn Database>,
    limit: Duration,
    sink: &mut dyn Sink,
) -> Result<Box<dyn Guard>, Failure> {
    let start = Instant::now();
    let mut told = false;
    fault_point!("run.guard");
    loop {
        match database.guard().await? {
            Attempt::Held(guard) => {
                fault_point!("run.guarded");
                return Ok(guard);
            }
            Attempt::Busy(back, holder) => {
                database = back;
                if start.elapsed() >= limit {
                    let mut diagnostic = Diagnostic::new(format!(
                        "another run still holds the guard after {} s",
                        limit.as_secs()
                    ));
                    if let Some(holder) = holder {
                        let query = holder.query_line();
                        let since = holder.since.map(|since| format!(" since {since}")).unwrap_or_default();
                        diagnostic.notes.push(format!("held by {}{since}", holder.who));
                        diagnostic.notes.extend(query.map(|query| format!("it runs: {query}")));
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
