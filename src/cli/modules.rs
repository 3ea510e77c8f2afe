//! `modules`: who brings migrations, and who may.

use clap::Subcommand;
use serde_json::json;
use similar::TextDiff;

use super::context::{CONFIG, Context, From};
use super::watch::reporter;
use super::{Done, Exit, Format, Global};
use crate::config::{self, disable_in_text, enable_in_text};
use crate::diagnostic::{Diagnostic, nearest};
use crate::discover::Candidate;
use crate::engine::{Failure, FailureKind, Project};
use crate::event::Event;
use crate::lockfile;
use crate::module::{Module, Origin};
use crate::report::json as wire;
use crate::report::{count, human};

/// List the modules that bring migrations, and the crates that could
///
/// A crate whose manifest says so (`[package.metadata.db-migrations]`) is a module. One that only has a folder
/// of migrations is a candidate: enable it by name, after you have looked at what it would run.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    from: From,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a crate of the dependency graph a module; writes `db-migrations.yml` and shows the change
    #[command(disable_version_flag = true)]
    Enable {
        /// The crate's name
        #[arg(value_name = "CRATE")]
        name: String,
        /// Its folder of migrations
        #[arg(long)]
        path: Option<String>,
        /// Its format: native, refinery, flyway, diesel, dbmate, goose, golang-migrate
        #[arg(long = "as", value_name = "FORMAT")]
        layout: Option<String>,
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
    let context = Context::open(global, &args.from)?;
    match args.command {
        None => list(global, &context),
        Some(Command::Enable { name, path, layout, version, namespace }) => {
            let path = located(&context, &name, path)?;
            let fields = [("path", path), ("format", layout), ("version", version), ("namespace", namespace)];
            let entry: Vec<String> = fields
                .into_iter()
                .filter_map(|(key, value)| Some(format!("{key}: {}", quoted(&value?))))
                .collect();
            let entry =
                if entry.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entry.join(", ")) };
            let (done, project) =
                edit(global, &context, &name, "enabled", &|text| enable_in_text(text, &name, &entry))?;
            if global.format == Format::Human {
                let found = project.catalogue.modules().iter().find(|module| is_crate(&module.origin, &name));
                let found =
                    count(found.map_or(0, |module| module.migrations.len()), "migration", "migrations");
                human::note(&format!("note: {found}; look at them, then run `db-migrations lock`"));
                human::note(
                    "note: if the crate runs its own migrator at start, remove that call, or set `mirror: sqlx` (refinery, diesel) for it: these tables are migrated here now",
                );
            }
            Ok(done)
        }
        Some(Command::Disable { name }) => {
            known(&context, &name)?;
            edit(global, &context, &name, "disabled", &|text| disable_in_text(text, &name))
                .map(|(done, _)| done)
        }
    }
}

fn is_crate(origin: &Origin, name: &str) -> bool {
    matches!(origin, Origin::Crate { name: own, .. } if own == name)
}

/// Refuses a name that nothing has; answers with the candidate of that name, if it is one.
fn known(context: &Context, name: &str) -> Result<Option<Candidate>, Failure> {
    let project = context.project()?;
    let candidates = || project.discovery.candidates.iter().chain(&project.discovery.disabled);
    let modules = project.catalogue.modules();
    let candidate = candidates().find(|candidate| candidate.name == name).cloned();
    let may_be_named = |m: &&Module| m.origin != Origin::Application;
    let is_module = modules
        .iter()
        .filter(may_be_named)
        .any(|m| is_crate(&m.origin, name) || m.namespace.as_str() == name);
    if candidate.is_some() || is_module {
        return Ok(candidate);
    }
    let names = candidates().map(|c| c.name.as_str()).chain(modules.iter().map(|m| m.namespace.as_str()));
    let mut fault =
        Diagnostic::new(format!("no crate `{name}` with a folder of migrations is in the dependency graph"));
    fault.help.extend(nearest(name, names).map(|near| format!("did you mean `{near}`?")));
    let fault = fault.help("`db-migrations modules` lists the candidates; `--path` names an unusual folder");
    Err(Failure::new(FailureKind::Usage, fault))
}

/// The folder to write into the entry: only where it is not the usual one.
fn located(context: &Context, name: &str, path: Option<String>) -> Result<Option<String>, Failure> {
    if path.is_some() {
        return Ok(path);
    }
    let candidate = known(context, name)?;
    Ok(candidate.map(|candidate| candidate.folder).filter(|folder| folder != "migrations"))
}

fn quoted(value: &str) -> String {
    let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '.'))
        && value.starts_with(|c: char| c.is_ascii_alphabetic());
    if plain { value.to_owned() } else { format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")) }
}

/// Edits the configuration, proves that discovery still works, writes it and shows the difference.
fn edit(
    global: &Global,
    context: &Context,
    name: &str,
    outcome: &'static str,
    change: &dyn Fn(&str) -> Result<String, Diagnostic>,
) -> Result<(Done, Project), Failure> {
    let usage = |fault| Failure::new(FailureKind::Usage, fault);
    let before = lockfile::read(&context.config_path).map_err(usage)?.unwrap_or_default();
    let after = change(&before).map_err(usage)?;
    let config = config::parse(CONFIG, &after, &|variable| context.variable(variable))
        .map_err(|faults| Failure::all(FailureKind::Usage, faults))?;
    let project = Project::open(&context.root, config)?;
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
        human::raw(&crate::report::clean(&diff.replace("\r\n", "\n")));
    }
    Ok((Done::new(Exit::Done, outcome, json!({ "crate": name, "diff": diff })), project))
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
