//! `schema`: the schema of a database, of the lock, of what is declared, and their differences.

mod check;
mod pair;
mod shown;
mod snapshot;

pub(super) use check::undeclared;
pub(super) use shown::{given, matches_nothing};

use clap::Subcommand;
use secrecy::ExposeSecret;
use serde_json::json;

use super::context::Context;
use super::run::looking;
use super::{Done, Exit, Format, Global};
use crate::backend;
use crate::database::Connect;
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::engine::{Failure, FailureKind};
use crate::report::human;
use crate::schema::Schema;
use crate::snapshot::render_schema;

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
    /// Compare the database's schema with the one that must be; ends with 1 on drift
    Check(check::Args),
    /// Compare the schemas of two databases of one kind; ends with 1 where they differ
    Diff(pair::Args),
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
        Command::Check(args) => check::run(global, &args).await,
        Command::Diff(args) => pair::run(global, &args).await,
        Command::Snapshot { dialect } => {
            snapshot::run(global, &Context::read(global)?, dialect.as_deref()).await
        }
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
