//! `list`: every migration that is locked, found or has run, with its file.
//!
//! Where `status` speaks of a database, `list` speaks of migrations: without a database it shows what the
//! lock knows of each.

use serde_json::{Value, json};

use super::context::Context;
use super::deploy::Deploy;
use super::run::looking;
use super::status::{at, state, took};
use super::{Done, Exit, Format, Global};
use crate::dialect::Dialect;
use crate::engine::{self, Failure, FailureKind, Line, Project, State};
use crate::id::MigrationId;
use crate::lock::{Rule, merge};
use crate::migration::Phase;
use crate::plan::Goal;
use crate::report::human;

/// List all migrations with state, time, duration and file
///
/// Reads only. Without a database it lists what is locked and found.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only those of this module
    #[arg(long, value_name = "NAMESPACE")]
    module: Option<String>,
    #[command(flatten)]
    deploy: Deploy,
}

/// One migration; without a database nobody knows its state.
struct Item {
    id: MigrationId,
    file: Option<String>,
    locked: bool,
    phase: Option<Phase>,
    /// What the lock alone says.
    word: Option<String>,
    line: Option<Line>,
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Done, Failure> {
    let context = Context::read(global)?;
    let project = context.project()?;
    let (items, database) = if context.url().is_some() {
        let connect = looking(&context)?;
        let status = engine::status(&project, &*connect, &args.deploy.aim(&context, Goal::Latest)?).await?;
        let dialect = Some(status.server.dialect);
        let items = status.lines.into_iter().map(|line| Item {
            id: line.id.clone(),
            file: file(&project, &line.id, dialect),
            locked: line.locked,
            phase: phase(&project, &line.id),
            word: None,
            line: Some(line),
        });
        (items.collect(), Some(status.server))
    } else {
        (without_database(&project)?, None)
    };
    let items: Vec<Item> = items
        .into_iter()
        .filter(|item: &Item| args.module.as_deref().is_none_or(|module| item.id.namespace() == module))
        .collect();
    if let Some(module) = args.module.as_deref().filter(|_| items.is_empty())
        && project.catalogue.module(module).is_none()
    {
        return Err(engine::unknown_module(&project, module));
    }
    if global.format == Format::Human {
        print(&items, database.is_some());
    }
    let database = database.map(|server| {
        json!({ "dialect": server.dialect.name(), "version": server.version, "address": server.address })
    });
    let migrations: Vec<Value> = items.iter().map(document).collect();
    Ok(Done::new(Exit::Done, "listed", json!({ "database": database, "migrations": migrations })))
}

/// What the lock and the files alone say.
fn without_database(project: &Project) -> Result<Vec<Item>, Failure> {
    let merged = merge(project.document.lock(), &project.catalogue, None)
        .map_err(|fault| Failure::new(FailureKind::Usage, fault))?;
    let items = merged.lock.entries.iter().map(|(id, entry)| {
        let finding = merged.findings.iter().find(|finding| {
            finding.id == *id && matches!(finding.rule, Rule::Changed | Rule::Missing | Rule::Rename)
        });
        let word = match finding.map(|finding| finding.rule) {
            Some(Rule::Changed) => Some(State::Changed.word()),
            Some(_) => Some(State::Missing.word()),
            None => entry.skip.then(|| match &entry.same_as {
                Some(original) => State::Copy(original.clone()).word(),
                None => State::Skipped.word(),
            }),
        };
        let locked = project.document.lock().entries.contains_key(id);
        Item {
            id: id.clone(),
            file: file(project, id, None),
            locked,
            phase: phase(project, id),
            word,
            line: None,
        }
    });
    Ok(items.collect())
}

/// The file that runs on this database, else any of its files.
fn file(project: &Project, id: &MigrationId, dialect: Option<Dialect>) -> Option<String> {
    let up = &project.catalogue.get(id)?.up;
    let script = dialect.and_then(|dialect| up.choose(dialect)).or_else(|| up.iter().next());
    script.map(|script| script.path.to_string())
}

fn phase(project: &Project, id: &MigrationId) -> Option<Phase> {
    project.catalogue.get(id).map(|migration| migration.phase)
}

fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Expand => "expand",
        Phase::Contract => "contract",
    }
}

fn print(items: &[Item], connected: bool) {
    if items.is_empty() {
        return human::line("no migrations");
    }
    // where nothing contracts, a column of equal words would say nothing
    let shows_phase = items.iter().any(|item| item.phase == Some(Phase::Contract));
    let file = |item: &Item| {
        let phase = shows_phase.then(|| item.phase.map_or("", word).to_owned());
        phase.into_iter().chain([item.file.clone().unwrap_or_default()])
    };
    let head = |words: &[&'static str]| {
        let phase = shows_phase.then_some("phase");
        words.iter().copied().chain(phase).chain(["file"]).collect::<Vec<_>>()
    };
    if connected {
        let rows = items.iter().filter_map(|item| {
            let line = item.line.as_ref()?;
            let known = [item.id.to_string(), state(line), at(line), took(line)];
            Some(known.into_iter().chain(file(item)).collect())
        });
        return human::table(&head(&["migration", "state", "ran at (UTC)", "took"]), rows, &[3]);
    }
    let rows = items.iter().map(|item| {
        let locked = if item.locked { "locked" } else { "not locked yet" };
        let lock = item.word.clone().unwrap_or_else(|| locked.to_owned());
        [item.id.to_string(), lock].into_iter().chain(file(item)).collect()
    });
    human::table(&head(&["migration", "lock"]), rows, &[]);
    human::note("note: no database is named, so nothing is said of what has run (`--url`, `DATABASE_URL`)");
}

fn document(item: &Item) -> Value {
    let line = item.line.as_ref();
    json!({
        "id": item.id.as_str(),
        "module": item.id.namespace(),
        "file": item.file,
        "locked": item.locked,
        "phase": item.phase.map(word),
        "state": line.map(|line| line.state.word()).or_else(|| item.word.clone()),
        "executed_at": line.and_then(|line| line.executed_at.clone()),
        "execution_ms": line.and_then(|line| line.execution_ms),
        "kind": line.and_then(|line| line.kind),
    })
}
