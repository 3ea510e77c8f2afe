//! Whether the statements that are to be kept still run: one by one, behind what makes the schema.
//!
//! A statement of an old migration may speak of a column that a later one has dropped. It fails here, and is
//! left to a hand with what the database said. Where a failure can be taken back, all of them run in one
//! transaction, as those of a base do: what a constraint defers is checked at its end.

use crate::catalogue::Catalogue;
use crate::database::{Begin, Connect, DatabaseError, Guard, Keep, NewRow, Record, Task};
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
    if connect.dialect().facts().transactional_ddl {
        let scratch = connect.scratch().await?;
        let outcome = in_one(scratch.database, &plan, statements, &scratch.name).await;
        scratch.discard.await;
        if outcome? {
            return Ok(());
        }
        // something is wrong at the end: each by itself says what
        statements.iter_mut().filter(|one| did_not_run(one)).for_each(|one| one.fate = Fate::Kept);
    }
    let scratch = connect.scratch().await?;
    let outcome = one_by_one(scratch.database, &plan, statements, &scratch.name).await;
    scratch.discard.await;
    outcome
}

const DOES_NOT_RUN: &str = "it does not run on the schema of the base";

fn did_not_run(one: &Sorted) -> bool {
    one.fate.by_hand().is_some_and(|why| why.starts_with(DOES_NOT_RUN))
}

fn does_not_run(scratch: &str, why: &str) -> Fate {
    Fate::Hand(format!("{DOES_NOT_RUN}: {}", without(scratch, why)))
}

type Opened = Box<dyn crate::database::Database>;

async fn ready(database: Opened, plan: &Plan) -> Result<Box<dyn Guard>, Unmade> {
    match run(hold(database).await?, plan, Keep::Needed).await? {
        End::Outside(guard) => Ok(guard),
        End::Open(session) => match session.commit().await {
            Ok((_, guard)) => Ok(guard),
            Err(_) => Err(Unmade::Failed(refused_commit())),
        },
    }
}

/// The first two statements take back the one that failed; then each stands between two more.
fn between_savepoints(statements: &[&mut Sorted]) -> String {
    let back = "ROLLBACK TO SAVEPOINT db_migrations_kept;\nRELEASE SAVEPOINT db_migrations_kept;\n";
    let one = |one: &&mut Sorted| {
        format!("SAVEPOINT db_migrations_kept;\n{}\n;\nRELEASE SAVEPOINT db_migrations_kept;\n", one.text)
    };
    statements.iter().fold(back.to_owned(), |text, next| text + &one(next))
}

/// Runs all of them in one transaction; whether its end holds.
async fn in_one(
    database: Opened,
    plan: &Plan,
    statements: &mut [Sorted],
    scratch: &str,
) -> Result<bool, Unmade> {
    let guard = ready(database, plan).await?;
    let mut kept: Vec<&mut Sorted> = statements.iter_mut().filter(|one| one.fate == Fate::Kept).collect();
    let script = Script::new(between_savepoints(&kept), "what is kept");
    let split = sql::split(guard.server().dialect, &script.text).unwrap_or_default();
    if split.len() != 2 + 3 * kept.len() {
        return Err(Unmade::Failed(others_together()));
    }
    let begin = Begin { foreign_keys: None, keep_guard: Keep::No };
    let mut session = guard.begin(begin).await?;
    let mut part = split[2..].to_vec();
    loop {
        let Err(failure) = session.catch_up(&script, &part).await else { break };
        let (Some(at), DatabaseError::Sql(error)) = (failure.statement, failure.error) else {
            return Ok(false);
        };
        let place = split.iter().position(|one| Some(one.span.start) == part.get(at).map(|it| it.span.start));
        let Some(failed) = place.and_then(|at| kept.get_mut(at.checked_sub(2)? / 3).map(|one| (at, one)))
        else {
            return Ok(false);
        };
        failed.1.fate = does_not_run(scratch, &error.message);
        let next = 2 + 3 * ((failed.0 - 2) / 3 + 1);
        part = [&split[..2], &split[next..]].concat();
    }
    match session.commit().await {
        Ok((_, guard)) => {
            guard.free().await?.close().await;
            Ok(true)
        }
        Err(_) => Ok(false),
    }
}

async fn one_by_one(
    database: Opened,
    plan: &Plan,
    statements: &mut [Sorted],
    scratch: &str,
) -> Result<(), Unmade> {
    let mut guard = ready(database, plan).await?;
    let mut kept: Vec<&mut Sorted> = statements.iter_mut().filter(|one| one.fate == Fate::Kept).collect();
    let mut rest = &mut kept[..];
    let mut number = 0;
    while !rest.is_empty() {
        number += 1;
        let (done, why) = alone(&mut *guard, rest, number).await?;
        let Some(why) = why else { break };
        let (_, behind) = rest.split_at_mut(done);
        let Some((failed, behind)) = behind.split_first_mut() else { break };
        failed.fate = does_not_run(scratch, &why);
        rest = behind;
    }
    guard.free().await?.close().await;
    Ok(())
}

fn others_together() -> Failure {
    let fault = "the statements that are kept are others when they stand together";
    Failure::new(Kind::Bug, Diagnostic::new(fault))
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
    let texts: Vec<String> = statements.iter().map(|one| format!("{}\n;\n", one.text)).collect();
    let script = Script::new(texts.concat(), "what is kept");
    let dialect = guard.server().dialect;
    let split = sql::split(dialect, &script.text).unwrap_or_default();
    let bug = |what: String| Failure::new(Kind::Bug, Diagnostic::new(what));
    if split.len() != statements.len() {
        return Err(others_together());
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
