//! `schema`: the schema of a database, of the lock, and their difference.

use clap::Subcommand;
use secrecy::ExposeSecret;
use serde_json::json;

use super::context::{Context, From};
use super::run::{looking, verdict as verdict_text};
use super::watch::reporter;
use super::{Done, Exit, Format, Global};
use crate::backend;
use crate::database::Connect;
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::drift::Drift;
use crate::engine::{self, Failure, FailureKind, Project, Replayed, SnapshotState, Verdict};
use crate::lock::merge;
use crate::report::human;
use crate::report::json as wire;
use crate::schema::Schema;
use crate::snapshot::{Fingerprint, Proof, render_schema};

/// Look at the schema: dump it, compare it with the lock, or write the snapshot
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the database's schema as SQL that loads into an empty database
    Dump,
    /// Compare the database's schema with the one that the lock makes; ends with 1 on drift
    Check {
        #[command(flatten)]
        from: From,
        /// Replay the lock now instead of trusting the committed snapshot
        #[arg(long)]
        replay: bool,
    },
    /// Replay the lock on an empty scratch database and write the snapshot
    ///
    /// SQLite is replayed in memory. For a server the URL's (or `database.scratch-url`'s) role must be allowed to
    /// create databases.
    Snapshot {
        /// Only this one [default: the `dialects` of the configuration, else the URL's]
        #[arg(long, value_name = "DIALECT")]
        dialect: Option<String>,
    },
}

pub(super) async fn run(global: &Global, args: Args) -> Result<Done, Failure> {
    match args.command {
        Command::Dump => dump(global, &Context::read(global)?).await,
        Command::Check { from, replay } => check(global, &Context::open(global, &from)?, replay).await,
        Command::Snapshot { dialect } => snapshot(global, &Context::read(global)?, dialect.as_deref()).await,
    }
}

async fn dump(global: &Global, context: &Context) -> Result<Done, Failure> {
    let connect = looking(context)?;
    let mut database = connect.connect().await?;
    let schema = database.introspect().await?;
    let not_covered = database.not_covered().await?;
    database.close().await;
    let sql = render_schema(&schema, connect.dialect());
    if global.format == Format::Human {
        human::raw(&sql);
        for object in &not_covered {
            human::note(&format!("note: not dumped, its kind is not supported: {object}"));
        }
    }
    Ok(Done::new(
        Exit::Done,
        "dumped",
        json!({ "sql": sql, "objects": objects(&schema), "not_covered": not_covered }),
    ))
}

fn objects(schema: &Schema) -> serde_json::Value {
    schema
        .objects
        .iter()
        .map(|object| json!({ "kind": object.kind.name(), "name": object.name, "definition": object.definition }))
        .collect()
}

async fn check(global: &Global, context: &Context, replay: bool) -> Result<Done, Failure> {
    let connect = looking(context)?;
    let project = context.project()?;
    let (schema, server) = expected(global, context, &project, &*connect, replay).await?;
    let mut database = connect.connect().await?;
    let history = database.history().await?;
    let prepared = engine::prepare(&project, &history, &mut *database).await?;
    if !prepared.plan.is_empty() {
        let why = format!("{} pending", prepared.plan.len());
        database.close().await;
        return Err(Failure::new(
            FailureKind::Findings,
            Diagnostic::new(format!("not checked: {why}")).help("run `db-migrations migrate` first"),
        ));
    }
    let verdict = engine::compare_with(&project, &schema, Some(&server), &mut *database).await?;
    database.close().await;
    if global.format == Format::Human {
        match &verdict {
            Verdict::Passed(drift) | Verdict::Drifted(drift) => print(drift),
            Verdict::NotChecked(_) => {}
        }
        human::line(&format!("schema check: {}", verdict_text(&verdict)));
    }
    let (exit, outcome) = match verdict {
        Verdict::Drifted(_) => (Exit::Findings, "drift"),
        _ => (Exit::Done, "passed"),
    };
    Ok(Done::new(exit, outcome, wire::verdict(&verdict)))
}

/// The committed snapshot, or a replay.
async fn expected(
    global: &Global,
    context: &Context,
    project: &Project,
    connect: &dyn Connect,
    replay: bool,
) -> Result<(Schema, String), Failure> {
    let dialect = connect.dialect();
    let merged = merge(project.document.lock(), &project.catalogue, None)
        .map_err(|fault| Failure::new(FailureKind::Usage, fault))?;
    if !replay {
        return match engine::snapshot_state(
            project,
            &Fingerprint::of(&merged.lock, &project.catalogue, dialect),
            dialect,
        ) {
            SnapshotState::Fresh(snapshot) => {
                let snapshot = snapshot.read().map_err(|fault| Failure::new(FailureKind::Findings, fault))?;
                if let (Proof::Unproved(reason), Format::Human) = (&snapshot.proof, global.format) {
                    human::note(&format!(
                        "note: the snapshot is what a database had, not proved by replay: {reason}"
                    ));
                }
                Ok((snapshot.schema, snapshot.server))
            }
            state => Err(Failure::all(
                FailureKind::Findings,
                state
                    .diagnostic(project, dialect)
                    .map(|d| d.help("or compare with a replay: `--replay`"))
                    .into_iter()
                    .collect(),
            )),
        };
    }
    let scratch = scratch_connector(context, dialect)?;
    match engine::replay(project, &merged, &*scratch, &mut *reporter(global)).await {
        Replayed::Schema { schema, server, .. } => Ok((schema, server)),
        Replayed::NotProved(reason) => Err(Failure::new(
            FailureKind::Findings,
            Diagnostic::new("the lock cannot be replayed").cause(reason),
        )),
    }
}

/// Prints differences with what must be and what is, then notes.
fn print(drift: &Drift) {
    for difference in &drift.differences {
        human::line(&format!("drift: {}", difference.describe()));
    }
    for note in &drift.notes {
        human::line(&format!("note: {}", note.describe()));
    }
}

async fn snapshot(global: &Global, context: &Context, dialect: Option<&str>) -> Result<Done, Failure> {
    let project = context.project()?;
    let usage = |fault| Failure::new(FailureKind::Usage, fault);
    let dialects = match dialect {
        None => context.dialects()?,
        Some(name) => {
            let unknown = || {
                usage(
                    Diagnostic::new(format!("`{name}` is no dialect"))
                        .help("they are mariadb, mysql, postgres, sqlite"),
                )
            };
            vec![Dialect::from_alias(name).ok_or_else(unknown)?]
        }
    };
    if dialects.is_empty() {
        context.needed_url()?;
    }
    let merged = merge(project.document.lock(), &project.catalogue, None).map_err(usage)?;
    let misfits: Vec<Diagnostic> = merged.misfits().map(|finding| finding.diagnostic.clone()).collect();
    if !misfits.is_empty() {
        let mut all = misfits;
        all.push(
            Diagnostic::new("the lock is not up to date, so its snapshot would not be either")
                .help("run `db-migrations lock` first"),
        );
        return Err(Failure::all(FailureKind::Refused, all));
    }
    let mut written = Vec::new();
    for dialect in dialects {
        let connect = scratch_connector(context, dialect)?;
        let changed = engine::write_snapshot(&project, &merged, &*connect, &mut *reporter(global))
            .await
            .map_err(|fault| Failure::new(FailureKind::Findings, fault))?;
        if global.format == Format::Human {
            match &changed {
                Some(name) => human::line(&format!("wrote {name}")),
                None => human::line(&format!("{} is up to date", project.snapshot_name(dialect))),
            }
        }
        written.extend(changed);
    }
    Ok(Done::new(
        Exit::Done,
        if written.is_empty() { "up-to-date" } else { "written" },
        json!({ "written": written }),
    ))
}

/// Where scratch databases of a dialect are made: in memory, at `scratch-url`, or beside the database.
pub(super) fn scratch_connector(context: &Context, dialect: Dialect) -> Result<Box<dyn Connect>, Failure> {
    if dialect.facts().scratch_in_memory {
        return context.connector_to(format!("{}::memory:", dialect.name()).into(), false);
    }
    let urls = [context.url(), context.config.database.scratch_url.clone()];
    let fitting = urls
        .into_iter()
        .flatten()
        .find(|url| backend::dialect_of(url.expose_secret(), &context.config.dialects) == Ok(dialect));
    if let Some(url) = fitting {
        return context.connector_to(url, false);
    }
    let (title, scratch) = (dialect.facts().title, context.scratch_setting());
    let fault = Diagnostic::new(format!("a replay on {title} needs a server"))
        .help(format!("pass `--url`, or set `{scratch}`, with a {title} URL"));
    Err(Failure::new(FailureKind::Usage, fault))
}
