//! The rehearsal: what a database commits bit by bit first runs on a scratch database.
//!
//! That one has the live schema and no rows, and its session can reach nothing else. A migration that
//! fails there, or makes another schema than the lock says, is refused before anything was touched.
//! What depends on rows shows only in the run itself; a failure that rows could have caused, or a right
//! that the scratch session lacks, proves nothing and is said.

use crate::config::Rehearsal;
use crate::database::{Attempt, Database, DatabaseError, Guard, Keep, NewRow, NewRun, Record, Task};
use crate::diagnostic::Diagnostic;
use crate::event::{Event, Silence, Sink};
use crate::fault::fault_point;
use crate::history::RowKind;
use crate::migration::Script;
use crate::plan::Plan;
use crate::schema::Schema;
use crate::snapshot::render_schema;
use crate::sql;

use super::check::{CheckMode, Verdict, compare_schemas};
use super::execute::{End, Progress, Start, Stop, walk};
use super::failure::{Failure, Kind};
use super::migrate::Request;
use super::prepare::Prepared;
use super::project::Project;
use super::replay::scratch_run;
use super::status::drift_diagnostic;
use super::verdict::{Expectation, Expected};

/// How a rehearsal ended well.
enum Rehearsed {
    /// All of it ran and made this schema on this server.
    Ran { schema: Schema, server: String },
    /// It could not be tried; why.
    Not(String),
    /// It failed, and that proves nothing; why.
    Inconclusive(String),
}

/// Rehearses a plan where the configuration wants it; answers with what the run's schema is compared
/// with, which a rehearsal on an empty database has just made.
pub(super) async fn rehearsed(
    project: &Project,
    request: &Request<'_>,
    prepared: &Prepared,
    expected: Expectation,
    guard: &mut dyn Guard,
    sink: &mut dyn Sink,
) -> Result<Expectation, Failure> {
    let plan = &prepared.plan;
    if request.rehearsal == Rehearsal::Off || !plan.commits_by_itself || !plan.splits() {
        return Ok(expected);
    }
    let live = guard.introspect().await?;
    match rehearse(request, plan, &live, sink).await? {
        Rehearsed::Not(why) | Rehearsed::Inconclusive(why) if request.rehearsal == Rehearsal::Require => {
            Err(Failure::new(
                Kind::Refused,
                Diagnostic::new(format!("the run could not be rehearsed: {why}"))
                    .note("nothing was touched")
                    .help("with `rehearsal: try` it runs all the same"),
            ))
        }
        Rehearsed::Not(why) => {
            sink.tell(Event::Noted(format!("not rehearsed: {why}")));
            Ok(expected)
        }
        Rehearsed::Inconclusive(why) => {
            sink.tell(Event::Noted(format!("the rehearsal proves nothing: {why}")));
            Ok(expected)
        }
        Rehearsed::Ran { schema, server } => {
            compare(project, request, prepared, &expected, &schema, guard)?;
            sink.tell(Event::Noted(
                "rehearsed on a scratch database without rows; errors that depend on rows can still come"
                    .to_owned(),
            ));
            let made = match expected.made {
                Expected::TheRun => Expected::Known { schema, server, fresh: true },
                other => other,
            };
            Ok(Expectation { made, ..expected })
        }
    }
}

/// The schema check, before anything is touched.
fn compare(
    project: &Project,
    request: &Request<'_>,
    prepared: &Prepared,
    expected: &Expectation,
    schema: &Schema,
    guard: &mut dyn Guard,
) -> Result<(), Failure> {
    let Some((expected, server, is_declared)) = expected.known() else { return Ok(()) };
    match compare_schemas(project, expected, Some(server), schema, guard.server())? {
        Verdict::Drifted(drift)
            if request.check == CheckMode::Fail && !prepared.is_mixed() && prepared.plan.remaining == 0 =>
        {
            Err(Failure::new(
                Kind::RolledBack,
                drift_diagnostic(&drift, is_declared)
                    .note("this was seen in the rehearsal: nothing was touched"),
            ))
        }
        _ => Ok(()),
    }
}

async fn rehearse(
    request: &Request<'_>,
    plan: &Plan,
    live: &Schema,
    sink: &mut dyn Sink,
) -> Result<Rehearsed, Failure> {
    let dialect = request.connect.dialect();
    for step in plan.steps() {
        if step.resume.as_ref().is_some_and(|partial| partial.interrupted.is_some()) {
            let why =
                format!("`{}` was cut off: what of it has happened is decided on the live database", step.id);
            return Ok(Rehearsed::Not(why));
        }
        for statement in &step.statements {
            let text = &step.script.text[statement.span.clone()];
            if let Some(what) = sql::beyond_database(dialect, text) {
                return Ok(Rehearsed::Not(format!("`{}` reaches beyond its database ({what})", step.id)));
            }
        }
    }
    let scratch = match request.connect.scratch().await {
        Ok(scratch) => scratch,
        Err(error) => return Ok(Rehearsed::Not(format!("no scratch database: {error}"))),
    };
    sink.tell(Event::RehearsalStarted { total: plan.len() });
    fault_point!("rehearsal.scratch");
    let server = scratch.database.server().title();
    let name = scratch.name;
    let mut plan = plan.clone();
    plan.confine(dialect);
    let outcome = on_scratch(scratch.database, &plan, live).await;
    fault_point!("rehearsal.done");
    scratch.discard.await;
    match outcome {
        Ok(schema) => Ok(Rehearsed::Ran { schema, server }),
        Err(Unproved::Why(why)) => Ok(Rehearsed::Not(without(&name, &why))),
        Err(Unproved::Failed(stop)) => verdict(*stop, &name),
    }
}

/// Why a rehearsal came to no schema.
pub(super) enum Unproved {
    /// It could not be tried.
    Why(String),
    /// A migration failed.
    Failed(Box<Stop>),
}

impl From<DatabaseError> for Unproved {
    fn from(error: DatabaseError) -> Self {
        Self::Why(error.to_string())
    }
}

async fn on_scratch(database: Box<dyn Database>, plan: &Plan, live: &Schema) -> Result<Schema, Unproved> {
    let Attempt::Held(mut guard) = database.guard().await? else {
        return Err(Unproved::Why("the scratch database is in use".to_owned()));
    };
    let dialect = guard.server().dialect;
    let run = scratch_run("rehearsal");
    let sleeping = asleep(live, dialect);
    load(&mut *guard, &run, &sleeping).await?;
    let mut progress = Progress::of(plan);
    let start = Start { position: 1, keep_guard: Keep::No, timed: false, adopted: &[] };
    let end = walk(plan, guard, &run, start, &mut progress, &mut Silence).await;
    let mut guard = match end.map_err(|stop| Unproved::Failed(Box::new(stop)))? {
        End::Outside(guard) => guard,
        End::Open(session) => session.rollback().await?.guard,
    };
    let mut schema = guard.introspect().await?;
    awake(&mut schema, live, &sleeping);
    guard.free().await?.close().await;
    Ok(schema)
}

/// Makes the live schema on the scratch database.
pub(super) async fn load(guard: &mut dyn Guard, run: &NewRun, schema: &Schema) -> Result<(), Unproved> {
    if schema.is_empty() {
        return Ok(());
    }
    let dialect = guard.server().dialect;
    let script = Script::new(render_schema(schema, dialect), "the live schema");
    let statements = sql::split(dialect, &script.text).map_err(|error| Unproved::Why(error.to_string()))?;
    let id = "db-migrations::live".parse().map_err(|error| Unproved::Why(format!("{error}")))?;
    let row = NewRow {
        id,
        checksum: script.hash,
        kind: RowKind::Baseline,
        position: 0,
        executed_at: None,
        execution_ms: None,
        formers: Vec::new(),
    };
    let task = Task { script: &script, statements: &statements, record: Record::Applied(&row), clock: None };
    let loaded = guard.run_alone(run, task, None, None).await;
    loaded.map(|_| ()).map_err(|failure| {
        Unproved::Why(format!("the live schema does not load on a scratch database: {}", failure.error))
    })
}

/// The same schema with events that never fire.
fn asleep(schema: &Schema, dialect: crate::dialect::Dialect) -> Schema {
    let mut schema = schema.clone();
    for object in &mut schema.objects {
        if let Some(definition) = sql::asleep(dialect, &object.definition) {
            object.definition = definition;
        }
    }
    schema
}

/// Events that the run left as they were are what they are on the live database.
fn awake(schema: &mut Schema, live: &Schema, sleeping: &Schema) {
    for (was, slept) in live.objects.iter().zip(&sleeping.objects).filter(|(was, slept)| was != slept) {
        if let Some(object) = schema.objects.iter_mut().find(|object| *object == slept) {
            object.clone_from(was);
        }
    }
}

/// A message without the name of the scratch database, which says nothing to a person.
pub(super) fn without(name: &str, message: &str) -> String {
    if name.is_empty() {
        return message.to_owned();
    }
    message.replace(&format!("`{name}`."), "").replace(&format!("{name}."), "")
}

/// What a failure in the rehearsal means for the run.
fn verdict(stop: Stop, name: &str) -> Result<Rehearsed, Failure> {
    let depends = match &stop.error {
        Some(DatabaseError::Sql(error)) if error.lacks_right => Some("the scratch session lacks a right"),
        Some(DatabaseError::Sql(error)) if error.misses_rows => Some("this can come from missing rows"),
        Some(DatabaseError::Sql(_)) => None,
        _ => Some("the scratch database gave up"),
    };
    let Some(mut diagnostic) = stop.cause else {
        return Ok(Rehearsed::Not(without(name, &stop.failure.diagnostics[0].message)));
    };
    diagnostic.causes.iter_mut().for_each(|cause| *cause = without(name, cause));
    if let Some(why) = depends {
        let cause = diagnostic.causes.first().map(|cause| format!(": {cause}")).unwrap_or_default();
        return Ok(Rehearsed::Inconclusive(format!("{}{cause} ({why})", diagnostic.message)));
    }
    diagnostic.help.clear();
    Err(Failure::new(
        Kind::RolledBack,
        diagnostic
            .note("this was the rehearsal, on a scratch database: nothing was touched")
            .help("mend the migration; if it can only fail there (it asks for its database by name, say), run with `--rehearsal off`"),
    ))
}
