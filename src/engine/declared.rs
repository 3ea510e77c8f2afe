//! The declared schema: what people wrote, made on a scratch database; and whose each object is.
//!
//! Module by module, dependencies first: a module's own text if it has one, else its migrations of the
//! lock. So an application may declare its tables only, while crates bring theirs by migrations. The
//! database is looked at whenever the module changes: that tells whose each object is. The scratch
//! database is thrown away in any case.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::config::{SchemaCommand, SchemaText};
use crate::database::{Attempt, Connect, Database, DatabaseError, Keep};
use crate::diagnostic::{Diagnostic, Frame};
use crate::dialect::Dialect;
use crate::discover::schema_texts;
use crate::event::{Event, Silence, Sink};
use crate::history::History;
use crate::id::Namespace;
use crate::lock::{Lock, Merged};
use crate::migration::{Script, normalise};
use crate::module::{Module, Origin};
use crate::plan::Plan;
use crate::program::{self, Ends, Unrun};
use crate::schema::Schema;
use crate::sql;

use super::beside;
use super::execute::{End, Progress, Start, walk};
use super::failure::{Failure, Kind};
use super::owners::{Owners, learn};
use super::prepare::{self, Live};
use super::project::Project;
use super::rehearse::without;
use super::replay::scratch_run;

/// So much of what a program prints is read, and so much of what it says on its standard error is shown.
const MOST: u64 = 32 * 1024 * 1024;
const SHOWN: usize = 2000;

/// By this the program that prints a schema is told for which database: `postgres`.
const DIALECT_VARIABLE: &str = "DB_MIGRATIONS_DIALECT";

/// The declared schema.
#[derive(Clone, Debug)]
pub struct Declared {
    /// What it makes of an empty database.
    pub schema: Schema,
    /// The server that made it: `PostgreSQL 15.20`.
    pub server: String,
    /// Whose text, or whose migrations, made each object.
    pub owners: Owners,
    /// The texts that people wrote, in the order in which they were loaded.
    pub texts: Vec<Script>,
    /// What is declared and of a kind that is not read.
    pub not_covered: Vec<String>,
}

/// What the lock makes of an empty database, and by whose migrations.
#[derive(Clone, Debug)]
pub struct Owned {
    /// The schema.
    pub schema: Schema,
    /// The server that made it.
    pub server: String,
    /// Whose migrations made each object.
    pub owners: Owners,
    /// Statements that reach beyond a database, which were not replayed.
    pub left_out: Vec<String>,
    /// What the migrations make and is of a kind that is not read.
    pub not_covered: Vec<String>,
}

/// A part of what is made on a scratch database: one module's.
struct Part {
    module: Namespace,
    plan: Plan,
    /// It is a declared text.
    declared: bool,
}

/// Loads what is declared into a scratch database.
pub async fn declared(
    project: &Project,
    merged: &Merged,
    scratch: &dyn Connect,
    sink: &mut dyn Sink,
) -> Result<Declared, Failure> {
    let dialect = scratch.dialect();
    let texts = texts(project, dialect)?;
    let (parts, left_out) = parts(project, merged, dialect, &texts)?;
    tell_left_out(&left_out, sink);
    let texts: Vec<Script> = texts.into_iter().filter_map(|(_, texts)| texts).flatten().collect();
    beside::tell(&texts, dialect, sink);
    let migrations = parts.iter().filter(|part| !part.declared).map(|part| part.plan.len()).sum();
    sink.tell(Event::DeclaredStarted { texts: texts.len(), migrations });
    let Made { schema, server, owners, not_covered } = made(parts, scratch).await?;
    if schema.is_empty() {
        let named = texts.iter().map(|script| format!("`{}`", script.path)).collect::<Vec<_>>().join(", ");
        let fault = Diagnostic::new(format!("the declared schema makes no object: {named}"));
        return Err(usage(fault.help("write the `CREATE` statements of all that must be there")));
    }
    Ok(Declared { schema, server, owners, texts, not_covered })
}

/// Replays the lock, and learns whose each object is.
pub async fn owned(
    project: &Project,
    merged: &Merged,
    scratch: &dyn Connect,
    sink: &mut dyn Sink,
) -> Result<Owned, Failure> {
    let (parts, left_out) = replayed(project, merged, scratch.dialect())?;
    sink.tell(Event::ReplayStarted { total: parts.iter().map(|part| part.plan.len()).sum() });
    let Made { schema, server, owners, not_covered } = made(parts, scratch).await?;
    Ok(Owned { schema, server, owners, left_out, not_covered })
}

fn usage(fault: Diagnostic) -> Failure {
    Failure::new(Kind::Usage, fault)
}

pub(super) fn tell_left_out(left_out: &[String], sink: &mut dyn Sink) {
    if !left_out.is_empty() {
        let named = left_out.join(", ");
        sink.tell(Event::Noted(format!("not replayed, since it reaches beyond a database: {named}")));
    }
}

/// Each module, dependencies first, with the texts in which it declares its schema.
type Texts = Vec<(Namespace, Option<Vec<Script>>)>;

fn texts(project: &Project, dialect: Dialect) -> Result<Texts, Failure> {
    if project.is_bundled() {
        let fault = Diagnostic::new("a bundle holds no declared schema");
        return Err(usage(fault.help("run this where the sources are")));
    }
    let (mut texts, mut faults): (Texts, _) = (Vec::new(), Vec::new());
    for module in in_order(project) {
        let source = project.discovery.sources.get(&module.namespace);
        let found = match (&project.config.schema, module.origin == Origin::Application) {
            (SchemaText::Command(command), true) => printed(project, command, dialect)
                .map(|script| Some(vec![script]))
                .map_err(|fault| vec![fault]),
            _ => source.map_or(Ok(None), |source| schema_texts(source, dialect)),
        };
        match found {
            Ok(found) => texts.push((module.namespace.clone(), found)),
            Err(found) => faults.extend(found),
        }
    }
    faults.extend(
        texts.iter().flat_map(|(module, texts)| reaching(project, dialect, module, texts.as_deref())),
    );
    if !faults.is_empty() {
        return Err(Failure::all(Kind::Usage, faults));
    }
    if texts.iter().all(|(_, texts)| texts.is_none()) {
        return Err(usage(nothing(dialect)));
    }
    for (module, texts) in &texts {
        let statements =
            |script: &Script| sql::split(dialect, &script.text).is_ok_and(|found| found.is_empty());
        if let Some([first, ..]) = texts.as_deref().filter(|texts| texts.iter().all(statements)) {
            let fault = Diagnostic::new(format!("the declared schema of `{module}` has no statement"));
            let fault = fault.note(format!("it is read from `{}`", first.path));
            faults.push(fault.help("write the `CREATE` statements of all that must be there, or remove it"));
        }
    }
    if faults.is_empty() { Ok(texts) } else { Err(Failure::all(Kind::Usage, faults)) }
}

/// What strangers' texts would do beside the schema: no line of the lock has been agreed to for them.
fn reaching(
    project: &Project,
    dialect: Dialect,
    module: &Namespace,
    texts: Option<&[Script]>,
) -> Vec<Diagnostic> {
    let module = project.catalogue.module(module.as_str());
    if !module.is_some_and(|module| matches!(module.origin, Origin::Crate { external: true, .. })) {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for script in texts.unwrap_or_default() {
        for deed in sql::deeds(dialect, &script.text).iter().filter(|deed| deed.class == sql::Class::Program)
        {
            let frame =
                Frame::new(&*script.path, Arc::clone(&script.text), deed.at..deed.at).label(deed.to_string());
            let fault =
                Diagnostic::new(format!("`{}` reaches beyond its database", script.path)).frame(frame);
            faults
                .push(fault.help("a crate's declared schema may not reach files, programs or other servers"));
        }
    }
    faults
}

/// Dependencies first, and the application after all modules that do not depend on it.
fn in_order(project: &Project) -> impl Iterator<Item = &Module> {
    let modules = project.catalogue.modules();
    let is_app = |module: &Module| module.origin == Origin::Application;
    let app = modules.iter().find(|module| is_app(module));
    let after = move |module: &Module| app.is_some_and(|app| module.depends_on.contains(&app.namespace));
    let before = modules.iter().filter(move |module| !is_app(module) && !after(module));
    before.chain(app).chain(modules.iter().filter(move |module| !is_app(module) && after(module)))
}

fn nothing(dialect: Dialect) -> Diagnostic {
    Diagnostic::new(format!("no module declares a schema for {}", dialect.facts().title))
        .help("write it into `schema.sql`, or as `*.sql` files into the folder `schema`, beside `migrations`")
        .help("or name the place in `db-migrations.yml`: `schema: { path: … }`")
        .help("or the program that prints it: `schema: { command: [PROGRAM, ARGUMENT…] }`")
        .help("`db-migrations schema dump > schema.sql` makes a beginning")
}

/// What a program prints as the application's schema.
fn printed(project: &Project, command: &SchemaCommand, dialect: Dialect) -> Result<Script, Diagnostic> {
    let name = command.words.first().map_or("", String::as_str);
    let fault = |what: String| {
        let fault = Diagnostic::new(format!("`schema.command`: `{name}` {what}"));
        project.config.frame(&command.span).into_iter().fold(fault, Diagnostic::frame)
    };
    let variables = [(DIALECT_VARIABLE, dialect.facts().name)];
    let run =
        program::run(&command.words, &variables, &project.root, (command.timeout, Ends::Group), MOST + 1);
    let ended = run.map_err(|error| {
        let (Unrun::Begin(cause) | Unrun::Wait(cause)) = &error;
        let told = fault(error.to_string()).cause(cause);
        told.help("it is run without a shell, in the folder of `db-migrations.yml`")
    })?;
    let bytes = ended.stdout(|_| false);
    let what = match ended.status {
        // one that prints more is cut off, and so fails, too
        _ if bytes.len() as u64 > MOST => {
            format!("printed more than the {} MiB that are read", MOST >> 20)
        }
        None => format!("took longer than {} s, and was ended", command.timeout.as_secs()),
        Some(status) if !status.success() => format!("failed ({status})"),
        Some(_) => match String::from_utf8(bytes) {
            Err(_) => "printed what is not UTF-8".to_owned(),
            Ok(text) if text.contains('\0') => "printed NUL, which no database takes in SQL text".to_owned(),
            Ok(text) if text.trim().is_empty() => "printed nothing".to_owned(),
            Ok(text) => return Ok(Script::new(normalise(&text), format!("output of {name}"))),
        },
    };
    let said: String = ended.stderr().trim().chars().take(SHOWN).collect();
    let mut fault = fault(what).help("try it by hand: its standard output must be the DDL of the schema");
    if ended.status.is_none() {
        fault = fault.help("`schema: { command-timeout: SECONDS }` gives it more time");
    }
    fault.notes.extend((!said.is_empty()).then(|| format!("it said: {said}")));
    Err(fault)
}

/// What is made, module by module; modules without a text, as far as nothing stands between them, in the
/// order of the lock.
fn parts(
    project: &Project,
    merged: &Merged,
    dialect: Dialect,
    texts: &Texts,
) -> Result<(Vec<Part>, Vec<String>), Failure> {
    let (mut parts, mut left_out) = (Vec::new(), Vec::new());
    let mut faults = Vec::new();
    for chunk in texts.chunk_by(|(_, a), (_, b)| a.is_none() && b.is_none()) {
        if let [(module, Some(texts))] = chunk {
            let foreign_keys = project.foreign_keys();
            let live = Live::default();
            let at = prepare::circumstances(project, dialect, &foreign_keys, &live, false);
            match Plan::load(module, texts, &at) {
                Ok(plan) => parts.push(Part { module: module.clone(), plan, declared: true }),
                Err(refusals) => faults.extend(refusals),
            }
            continue;
        }
        let names: BTreeSet<&str> = chunk.iter().map(|(module, _)| module.as_str()).collect();
        let entries = merged.lock.entries.iter().filter(|(id, _)| names.contains(id.namespace()));
        let lock = Lock { entries: entries.map(|(id, entry)| (id.clone(), entry.clone())).collect() };
        let (replayed, out) = replayed(project, &Merged { lock, findings: Vec::new() }, dialect)?;
        parts.extend(replayed);
        left_out.extend(out);
    }
    if faults.is_empty() { Ok((parts, left_out)) } else { Err(Failure::all(Kind::Usage, faults)) }
}

/// The migrations of a lock, cut where the module changes; and what of them is left out.
fn replayed(
    project: &Project,
    merged: &Merged,
    dialect: Dialect,
) -> Result<(Vec<Part>, Vec<String>), Failure> {
    let mut plan = prepare::plan(project, merged, &History::default(), dialect, &Live::default());
    if !plan.refusals.is_empty() {
        return Err(Failure::all(Kind::Findings, plan.refusals));
    }
    let left_out = plan.confine(dialect);
    let mut parts = Vec::new();
    for (name, plan) in plan.by_module() {
        let module = Namespace::new(&name).map_err(|error| usage(Diagnostic::new(error.to_string())))?;
        parts.push(Part { module, plan, declared: false });
    }
    Ok((parts, left_out))
}

/// What was made on a scratch database.
struct Made {
    schema: Schema,
    server: String,
    owners: Owners,
    not_covered: Vec<String>,
}

async fn made(parts: Vec<Part>, connect: &dyn Connect) -> Result<Made, Failure> {
    let scratch = connect.scratch().await.map_err(|error| no_scratch(&error))?;
    let server = scratch.database.server().title();
    let name = scratch.name;
    let made = on_scratch(scratch.database, &parts).await;
    scratch.discard.await;
    let (schema, owners, not_covered) = made.map_err(|mut failure| {
        let causes = failure.diagnostics.iter_mut().flat_map(|fault| &mut fault.causes);
        causes.for_each(|cause| *cause = without(&name, cause));
        failure
    })?;
    Ok(Made { schema, server, owners, not_covered })
}

fn no_scratch(error: &DatabaseError) -> Failure {
    let kind = Failure::from(error.clone()).kind;
    Failure::new(
        kind,
        Diagnostic::new("no scratch database could be made")
            .cause(error)
            .help("`database.scratch-url` names a server where it may be made"),
    )
}

async fn on_scratch(
    database: Box<dyn Database>,
    parts: &[Part],
) -> Result<(Schema, Owners, Vec<String>), Failure> {
    let Attempt::Held(mut guard) = database.guard().await? else {
        return Err(Failure::new(Kind::Guarded, Diagnostic::new("the scratch database is in use")));
    };
    let run = scratch_run("declared");
    let (mut schema, mut owners) = (guard.introspect().await?, Owners::new());
    let mut position = 1;
    for part in parts {
        let mut progress = Progress::of(&part.plan);
        let start = Start { position, keep_guard: Keep::Needed, timed: false, adopted: &[] };
        let end = walk(&part.plan, guard, &run, start, &mut progress, &mut Silence).await;
        position += i64::try_from(part.plan.len()).unwrap_or_default();
        let (after, next) = match end.map_err(|stop| not_made(part, stop.cause, stop.failure))? {
            End::Outside(mut guard) => (guard.introspect().await?, guard),
            End::Open(mut session) => {
                let after = session.introspect().await?;
                let committed = session.commit().await;
                let (_, guard) = committed.map_err(|_| {
                    Failure::new(Kind::Unreachable, Diagnostic::new("the scratch database refused a commit"))
                })?;
                (after, guard)
            }
        };
        let dialect = next.server().dialect;
        learn(&mut owners, &schema, &after, &part.module, &renames(&part.plan, dialect));
        (schema, guard) = (after, next);
    }
    let not_covered = guard.not_covered().await?;
    guard.free().await?.close().await;
    Ok((schema, owners, not_covered))
}

fn renames(plan: &Plan, dialect: Dialect) -> Vec<(sql::Object, sql::Object)> {
    let deeds = plan.steps().flat_map(|step| sql::deeds(dialect, &step.script.text));
    let effects = deeds.filter_map(|deed| deed.effect);
    effects
        .filter_map(|effect| match effect {
            sql::Effect::Renames(old, new) => Some((old, new)),
            _ => None,
        })
        .collect()
}

/// What is said of a text that does not load, or of a migration that does not run on an empty database.
fn not_made(part: &Part, cause: Option<Diagnostic>, failure: Failure) -> Failure {
    let Some(mut cause) = cause else { return Failure { kind: Kind::Findings, ..failure } };
    if !part.declared {
        let note = "it was replayed on an empty database";
        return Failure::new(Kind::Findings, cause.note(note));
    }
    let path = cause.frames.first().map(|frame: &Frame| frame.path.clone()).unwrap_or_default();
    cause.message = format!("`{path}`, the declared schema of `{}`, does not load", part.module);
    cause.help.clear(); // what helps a migration
    usage(cause.note("it was loaded into an empty database, after what the modules make on which it depends"))
}
