//! `modules`: who brings migrations, and who may.

use clap::Subcommand;
use serde_json::json;
use similar::TextDiff;

use super::context::{CONFIG, Context};
use super::migrate::reporter;
use super::{Done, Exit, Format, Global};
use crate::config::{self, disable_in_text, enable_in_text};
use crate::diagnostic::Diagnostic;
use crate::discover::Candidate;
use crate::engine::{Failure, FailureKind, Project};
use crate::event::Event;
use crate::lockfile;
use crate::module::Origin;
use crate::report::human;
use crate::report::json as wire;

/// List the modules that bring migrations, and the crates that could
///
/// A crate whose manifest says so (`[package.metadata.db-migrations]`) is a module. One that only has a folder
/// of migrations is a candidate: enable it by name, after you have looked at what it would run.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a crate of the dependency graph a module; writes `db-migrations.yml` and shows the change
    Enable {
        /// The crate's name
        #[arg(value_name = "CRATE")]
        name: String,
        /// Its folder of migrations
        #[arg(long)]
        path: Option<String>,
        /// Its format: native, refinery, flyway, diesel, dbmate, goose, golang-migrate
        #[arg(long = "as", value_name = "FORMAT")]
        format: Option<String>,
        /// Which version, when the graph holds several
        #[arg(long)]
        version: Option<String>,
        /// The namespace of its migrations
        #[arg(long)]
        namespace: Option<String>,
    },
    /// Leave a crate or plugin out, whatever its manifest says
    Disable {
        /// The crate's name
        #[arg(value_name = "CRATE")]
        name: String,
    },
}

pub(super) fn run(global: &Global, args: Args) -> Result<Done, Failure> {
    let context = Context::read(global)?;
    match args.command {
        None => list(global, &context),
        Some(Command::Enable { name, path, format, version, namespace }) => {
            let (path, found) = located(&context, &name, path)?;
            let fields = [("path", path), ("format", format), ("version", version), ("namespace", namespace)];
            let entry: Vec<String> = fields
                .into_iter()
                .filter_map(|(key, value)| Some(format!("{key}: {}", quoted(&value?))))
                .collect();
            let entry = format!("{{ {} }}", entry.join(", "));
            let done = edit(global, &context, &name, "enabled", &|text| enable_in_text(text, &name, &entry))?;
            if global.format == Format::Human {
                if let Some(count) = found {
                    human::note(&format!(
                        "note: {count} migrations; look at them, then run `db-migrations lock`"
                    ));
                }
                human::note(
                    "note: if the crate runs its own migrator at start, remove that call: these tables are migrated here now",
                );
            }
            Ok(done)
        }
        Some(Command::Disable { name }) => {
            edit(global, &context, &name, "disabled", &|text| disable_in_text(text, &name))
        }
    }
}

fn quoted(value: &str) -> String {
    let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '.'))
        && value.starts_with(|c: char| c.is_ascii_alphabetic());
    if plain { value.to_owned() } else { format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")) }
}

/// The folder to write into the entry: only where it is not the usual one.
fn located(
    context: &Context,
    name: &str,
    path: Option<String>,
) -> Result<(Option<String>, Option<usize>), Failure> {
    let project = context.project()?;
    let candidate =
        project.discovery.candidates.iter().chain(&project.discovery.disabled).find(|c| c.name == name);
    let found = candidate.map(|c| c.count);
    let folder = candidate.map(|c| c.folder.clone()).filter(|folder| folder != "migrations");
    Ok((path.or(folder), found))
}

/// Edits the configuration, proves that discovery still works, writes it and shows the difference.
fn edit(
    global: &Global,
    context: &Context,
    name: &str,
    outcome: &'static str,
    change: &dyn Fn(&str) -> Result<String, Diagnostic>,
) -> Result<Done, Failure> {
    let usage = |fault| Failure::new(FailureKind::Usage, fault);
    let before = lockfile::read(&context.config_path).map_err(usage)?.unwrap_or_default();
    let after = change(&before).map_err(usage)?;
    let config = config::parse(CONFIG, &after, &|variable| std::env::var(variable).ok())
        .map_err(|faults| Failure::all(FailureKind::Usage, faults))?;
    Project::open(&context.root, config)?;
    lockfile::write(&context.config_path, &after).map_err(usage)?;
    let shown = context
        .config_path
        .file_name()
        .map_or_else(|| CONFIG.to_owned(), |n| n.to_string_lossy().into_owned());
    let diff = TextDiff::from_lines(&before, &after)
        .unified_diff()
        .context_radius(3)
        .header(&shown, &shown)
        .to_string();
    if global.format == Format::Human {
        human::raw(&diff);
    }
    Ok(Done::new(Exit::Done, outcome, json!({ "crate": name, "diff": diff })))
}

fn list(global: &Global, context: &Context) -> Result<Done, Failure> {
    let project = context.project()?;
    for warning in &project.discovery.warnings {
        reporter(global).tell(Event::Warned(warning.clone()));
    }
    if global.format == Format::Human {
        print(&project);
    }
    Ok(Done::new(Exit::Done, "listed", wire::modules(&project.catalogue, &project.discovery)))
}

fn print(project: &Project) {
    let enabled = project.catalogue.modules().iter().map(|module| {
        let (origin, version) = match &module.origin {
            Origin::Application => ("application".to_owned(), String::new()),
            Origin::Crate { name, version, .. } => (format!("crate {name}"), version.clone()),
            Origin::Folder => ("plugin folder".to_owned(), String::new()),
        };
        vec![
            module.namespace.to_string(),
            origin,
            version,
            module.folder.clone(),
            module.format.name().to_owned(),
            module.migrations.len().to_string(),
            "enabled".to_owned(),
        ]
    });
    let other = |state: &'static str| {
        move |candidate: &Candidate| {
            let kind = if candidate.version.is_empty() {
                "plugin folder".to_owned()
            } else {
                format!("crate {}", candidate.name)
            };
            vec![
                candidate.name.clone(),
                kind,
                candidate.version.clone(),
                candidate.folder.clone(),
                candidate.format.map_or("?", |format| format.name()).to_owned(),
                candidate.count.to_string(),
                state.to_owned(),
            ]
        }
    };
    let rows = enabled
        .chain(project.discovery.candidates.iter().map(other("candidate")))
        .chain(project.discovery.disabled.iter().map(other("disabled")));
    human::table(&["namespace", "origin", "version", "folder", "format", "count", "state"], rows, &[5]);
    if !project.discovery.candidates.is_empty() {
        human::note("candidates run nothing until `db-migrations modules enable CRATE`");
    }
}
