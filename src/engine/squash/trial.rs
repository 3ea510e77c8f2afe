//! Whether the statements that are to be kept still run: one by one, behind what makes the schema.
//!
//! A statement of an old migration may speak of a column that a later one has dropped. It fails here, and is
//! left to a hand with what the database said.

use crate::catalogue::Catalogue;
use crate::database::{Connect, DatabaseError, Guard, Keep, NewRow, Record, Task};
use crate::diagnostic::Diagnostic;
use crate::history::RowKind;
use crate::lock::Lock;
use crate::migration::Script;
use crate::plan::Plan;
use crate::sql;
use crate::squash::{Fate, Sorted};

use crate::engine::execute::End;
use crate::engine::failure::{Failure, Kind};
use crate::engine::project::Project;
use crate::engine::rehearse::without;
use crate::engine::replay::scratch_run;

use super::chain::{Unmade, hold, plan, run};

/// Runs a lock, then each kept statement; one that fails is left to a hand.
pub(super) async fn fit(
    project: &Project,
    catalogue: &Catalogue,
    lock: &Lock,
    statements: &mut [Sorted],
    connect: &dyn Connect,
) -> Result<(), Unmade> {
    if statements.iter().all(|one| one.fate != Fate::Kept) {
        return Ok(());
    }
    let (plan, _) = plan(project, catalogue, lock, connect)?;
    let scratch = connect.scratch().await?;
    let outcome = on_scratch(scratch.database, &plan, statements, &scratch.name).await;
    scratch.discard.await;
    outcome
}

async fn on_scratch(
    database: Box<dyn crate::database::Database>,
    plan: &Plan,
    statements: &mut [Sorted],
    scratch: &str,
) -> Result<(), Unmade> {
    let mut guard = match run(hold(database).await?, plan, Keep::Needed).await? {
        End::Outside(guard) => guard,
        End::Open(session) => match session.commit().await {
            Ok((_, guard)) => guard,
            Err(_) => return Err(Unmade::Failed(refused_commit())),
        },
    };
    let mut kept: Vec<&mut Sorted> = statements.iter_mut().filter(|one| one.fate == Fate::Kept).collect();
    let mut rest = &mut kept[..];
    let mut number = 0;
    while !rest.is_empty() {
        number += 1;
        let (done, why) = alone(&mut *guard, rest, number).await?;
        let Some(why) = why else { break };
        let (_, behind) = rest.split_at_mut(done);
        let Some((failed, behind)) = behind.split_first_mut() else { break };
        failed.fate =
            Fate::Hand(format!("it does not run on the schema of the base: {}", without(scratch, &why)));
        rest = behind;
    }
    guard.free().await?.close().await;
    Ok(())
}

fn refused_commit() -> Failure {
    Failure::new(Kind::Unreachable, Diagnostic::new("the scratch database refused a commit"))
}

/// Runs them up to the first that fails: how many ran, and why that one did not.
async fn alone(
    guard: &mut dyn Guard,
    statements: &[&mut Sorted],
    number: usize,
) -> Result<(usize, Option<String>), Failure> {
    let texts: Vec<String> = statements.iter().map(|one| format!("{};\n", one.text)).collect();
    let script = Script::new(texts.concat(), "what is kept");
    let dialect = guard.server().dialect;
    let split = sql::split(dialect, &script.text).unwrap_or_default();
    let bug = |what: String| Failure::new(Kind::Bug, Diagnostic::new(what));
    if split.len() != statements.len() {
        return Err(bug("the statements that are kept are others when they stand together".to_owned()));
    }
    let row = NewRow {
        id: format!("db-migrations::{number}_kept").parse().map_err(|error| bug(format!("{error}")))?,
        checksum: script.hash,
        kind: RowKind::Applied,
        position: i64::MAX,
        executed_at: None,
        execution_ms: None,
        formers: Vec::new(),
    };
    let task = Task { script: &script, statements: &split, record: Record::Applied(&row), clock: None };
    match guard.run_alone(&scratch_run("squash"), task, None, None).await {
        Ok(_) => Ok((statements.len(), None)),
        Err(failure) => match (failure.statement, failure.error) {
            (Some(at), DatabaseError::Sql(error)) => Ok((at, Some(error.message))),
            (_, error) => Err(error.into()),
        },
    }
}
