//! `import`: taking over a database that another tool has migrated.

use std::time::Duration;

use clap::Subcommand;
use serde_json::json;

use super::context::{self, Context};
use super::watch::reporter;
use super::{Done, Exit, Format, Global};
use crate::config::Rehearsal;
use crate::engine::{self, CheckMode, Failure, LockMode, Request};
use crate::id::MigrationId;
use crate::report::human;

/// Take over the history of another tool: nothing runs, its table stays as it is
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Record what sqlx has run for one module
    ///
    /// Every row is matched by version and proved by its checksum; line ends of another checkout are
    /// recognised. With several crates that keep one table each, import one after another.
    Sqlx {
        /// The module whose migrations these are
        #[arg(long, value_name = "NAMESPACE")]
        module: String,
        /// sqlx's table
        #[arg(long, default_value = "_sqlx_migrations")]
        table: String,
        /// Its schema
        #[arg(long)]
        schema: Option<String>,
    },
}

pub(super) async fn run(global: &Global, args: Args) -> Result<Done, Failure> {
    let Command::Sqlx { module, table, schema } = args.command;
    let context = Context::read(global)?;
    let connect = context.connector(false)?;
    let mut project = context.project()?;
    let request = Request {
        connect: &*connect,
        aim: engine::Aim::default(),
        agreed: None,
        mode: LockMode::Update,
        dry_run: false,
        rehearsal: Rehearsal::Off,
        compensate: false,
        allow_split: false,
        guard_wait: Duration::max(context.config.database.guard_wait, Duration::from_secs(1)),
        check: CheckMode::Off,
        reason: None,
        user: context::user(),
    };
    let mut sink = reporter(global);
    let import =
        engine::import_sqlx(&mut project, &request, &module, schema.as_deref(), &table, &mut *sink).await?;
    if global.format == Format::Human {
        for (id, which) in &import.respelled {
            human::note(&format!("note: `{id}` ran with {which}; its text is the same otherwise"));
        }
        for id in &import.recorded {
            human::line(&format!("imported {id}"));
        }
        human::line(&format!("{} recorded, {} were recorded before", import.recorded.len(), import.known));
        if import.lock_written {
            human::line(&format!("wrote {}", project.config.lock));
            human::note(
                "note: when everything is imported, run `db-migrations schema snapshot` and commit lock and snapshot",
            );
        }
        human::note(&format!(
            "note: remove the call of sqlx's migrator for `{module}`: from now on these tables are migrated here"
        ));
    }
    let respelled: Vec<_> =
        import.respelled.iter().map(|(id, which)| json!({ "id": id.as_str(), "with": which })).collect();
    let recorded: Vec<&str> = import.recorded.iter().map(MigrationId::as_str).collect();
    let rest = json!({ "recorded": recorded, "known": import.known, "respelled": respelled, "lock_written": import.lock_written });
    Ok(Done::new(Exit::Done, "imported", rest))
}
