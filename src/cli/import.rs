//! `import`: taking over a database that another tool has migrated.

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;

use super::context::{self, Context};
use super::watch::reporter;
use super::{Done, Exit, Format, Global};
use crate::adopt::Tool;
use crate::config::Rehearsal;
use crate::diagnostic::Diagnostic;
use crate::engine::{self, CheckMode, Failure, FailureKind, LockMode, Project, Request, Source};
use crate::id::MigrationId;
use crate::module::Origin;
use crate::report::human;

/// Take over the history of another tool: nothing runs, its table stays as it is
///
/// Every row is matched with a migration of one module, by version, and proved by the tool's checksum where it keeps
/// one; line ends of another checkout are recognised. What the tool calls dirty or failed is refused. With several
/// crates that keep one table each, import one after another.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The tool that migrated this database
    #[arg(value_parser = tools(), value_name = "TOOL")]
    tool: Tool,
    /// The module whose migrations these are [default: the application]
    #[arg(long, value_name = "NAMESPACE")]
    module: Option<String>,
    /// The tool's table [default: the one that it makes]
    #[arg(long, value_name = "TABLE")]
    table: Option<String>,
    /// Its schema
    #[arg(long, value_name = "SCHEMA")]
    schema: Option<String>,
}

/// What `--module` means where it is absent.
pub(super) fn application(project: &Project) -> Result<String, Failure> {
    let modules = project.catalogue.modules();
    let application = modules.iter().find(|module| module.origin == Origin::Application);
    application.map(|module| module.namespace.to_string()).ok_or_else(|| {
        let fault = Diagnostic::new("the application has no migrations of its own");
        Failure::new(FailureKind::Usage, fault.help("say which module: `--module NAMESPACE`"))
    })
}

fn tools() -> impl TypedValueParser<Value = Tool> {
    PossibleValuesParser::new(Tool::ALL.map(Tool::name))
        .try_map(|name| Tool::from_name(&name).ok_or("no tool has that name"))
}

pub(super) async fn run(global: &Global, args: Args) -> Result<Done, Failure> {
    let context = Context::read(global)?;
    let connect = context.connector(false)?;
    let mut project = context.project()?;
    let request = Request {
        connect: &*connect,
        aim: engine::Aim::default(),
        agreed: None,
        mode: LockMode::Update,
        dry_run: false,
        timed: false,
        rehearsal: Rehearsal::Off,
        compensate: false,
        allow_split: false,
        guard_wait: Duration::max(context.config.database.guard_wait, Duration::from_secs(1)),
        lock_retries: 0,
        check: CheckMode::Off,
        reason: None,
        user: context::user(),
        maintenance: None,
    };
    let tool = args.tool;
    let module = match args.module {
        Some(module) => module,
        None => application(&project)?,
    };
    let source =
        Source { tool, module: &module, table: args.table.as_deref(), schema: args.schema.as_deref() };
    let mut sink = reporter(global);
    let import = engine::import(&mut project, &request, source, &mut *sink).await?;
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
        let name = tool.name();
        let or =
            if tool.can_be_mirrored() { format!(", or set `mirror: {name}` for it") } else { String::new() };
        human::note(&format!(
            "note: remove the call of {name}'s migrator for `{module}`{or}: from now on these tables are migrated here"
        ));
    }
    let respelled: Vec<_> =
        import.respelled.iter().map(|(id, which)| json!({ "id": id.as_str(), "with": which })).collect();
    let recorded: Vec<&str> = import.recorded.iter().map(MigrationId::as_str).collect();
    let rest = json!({ "recorded": recorded, "known": import.known, "respelled": respelled, "lock_written": import.lock_written });
    Ok(Done::new(Exit::Done, "imported", rest))
}
