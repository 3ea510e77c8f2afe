//! `generate`: a new, empty migration in a module of this workspace; `online`: a change as a set of them.

mod online;

use std::io::{ErrorKind, IsTerminal};
use std::path::Path;

use serde_json::json;

use super::context::Context;
use super::{Done, Exit, Format, Global};
use crate::diagnostic::{Diagnostic, nearest};
use crate::engine::{Failure, FailureKind, Project};
use crate::generate::{NewFile, files, slug};
use crate::id::{MigrationId, Version};
use crate::lockfile;
use crate::module::{Module, Origin};
use crate::report::human;

/// Make a new migration
///
/// Named after the current time (or the next number, where the module counts), in the format of the module.
/// Only modules of this workspace can get one: a crate of a registry belongs to its author. On a terminal
/// you are asked when several modules fit; otherwise the application gets it.
///
/// With a subcommand: all migrations of a change that old and new code live through, each with what undoes it.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Args {
    #[command(subcommand)]
    change: Option<online::Command>,
    /// What it does: `add users` becomes `20260101120000_add_users.sql`
    #[arg(required = true)]
    name: Option<String>,
    /// The module that gets it
    #[arg(long, value_name = "NAMESPACE")]
    module: Option<String>,
    /// With a down script, where the format has it apart
    #[arg(long)]
    down: bool,
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Done, Failure> {
    match &args.change {
        Some(change) => online::run(global, change).await,
        None => empty(global, args),
    }
}

fn empty(global: &Global, args: &Args) -> Result<Done, Failure> {
    let usage = |fault: Diagnostic| Failure::new(FailureKind::Usage, fault);
    let context = Context::read(global)?;
    let project = context.project()?;
    let name = args.name.as_deref().unwrap_or_default();
    let slug = file_slug(name)?;
    let module = choose(global, &project, args.module.as_deref())?;
    let source = project
        .discovery
        .sources
        .get(&module.namespace)
        .ok_or_else(|| usage(Diagnostic::new(format!("`{}` has no folder", module.namespace))))?;
    let stamp = jiff::Timestamp::now().strftime("%Y%m%d%H%M%S").to_string();
    let next = next_number(module);
    let pair = args.down || module.migrations.last().is_some_and(|last| !last.down.is_empty());
    let depends_on = if published(module) { last_of_dependencies(&project, module) } else { Vec::new() };
    let files = files(module.format, &stamp, next.as_deref(), &slug, &depends_on, pair);
    let written = write_new(&files, &source.folder, &context.root)?;
    if global.format == Format::Human {
        for path in &written {
            human::line(&format!("wrote {path}"));
        }
    }
    Ok(Done::new(Exit::Done, "written", json!({ "module": module.namespace.as_str(), "written": written })))
}

/// What a name becomes in the name of a file.
pub(super) fn file_slug(name: &str) -> Result<String, Failure> {
    let none = || Failure::new(FailureKind::Usage, Diagnostic::new(format!("`{name}` gives no file name")));
    slug(name).ok_or_else(none)
}

/// Writes files that must not be there yet; as they are shown.
pub(super) fn write_new(files: &[NewFile], folder: &Path, root: &Path) -> Result<Vec<String>, Failure> {
    let usage = |fault: Diagnostic| Failure::new(FailureKind::Usage, fault);
    let exists = |path: &Path| usage(Diagnostic::new(format!("`{}` exists already", shown(path, root))));
    if let Some(file) = files.iter().find(|file| folder.join(&file.path).exists()) {
        return Err(exists(&folder.join(&file.path)));
    }
    for (at, file) in files.iter().enumerate() {
        let path = folder.join(&file.path);
        if let Err(error) = lockfile::create(&path, &file.text) {
            // one without the other would be half a migration
            for ours in &files[..at] {
                let _ = std::fs::remove_file(folder.join(&ours.path));
            }
            return Err(if error.kind() == ErrorKind::AlreadyExists {
                exists(&path)
            } else {
                usage(Diagnostic::new(format!("cannot write `{}`", path.display())).cause(error))
            });
        }
    }
    Ok(files.iter().map(|file| shown(&folder.join(&file.path), root)).collect())
}

pub(super) fn shown(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

/// Whether it is in this workspace, and so may be written to.
fn ours(module: &Module) -> bool {
    !matches!(module.origin, Origin::Crate { external: true, .. })
}

/// Whether others can get it without this application: then its order must not rest on our lock.
pub(super) fn published(module: &Module) -> bool {
    matches!(module.origin, Origin::Crate { .. })
}

pub(super) fn choose<'a>(
    global: &Global,
    project: &'a Project,
    wanted: Option<&str>,
) -> Result<&'a Module, Failure> {
    let usage = |fault: Diagnostic| Failure::new(FailureKind::Usage, fault);
    let modules: Vec<&Module> = project.catalogue.modules().iter().filter(|module| ours(module)).collect();
    if let Some(wanted) = wanted {
        return match project.catalogue.module(wanted) {
            Some(module) if ours(module) => Ok(module),
            Some(module) => Err(usage(
                Diagnostic::new(format!("`{wanted}` is {}, which is not of this workspace", module.origin))
                    .help(
                        "make the migration in the application, and say `-- db-migrations: depends-on` in it",
                    ),
            )),
            None => {
                let near = nearest(wanted, modules.iter().map(|module| module.namespace.as_str()));
                let mut fault = Diagnostic::new(format!("there is no module `{wanted}`"));
                fault.help.extend(near.map(|near| format!("did you mean `{near}`?")));
                let names: Vec<&str> = modules.iter().map(|module| module.namespace.as_str()).collect();
                Err(usage(fault.help(format!("the modules of this workspace are {}", names.join(", ")))))
            }
        };
    }
    let application = modules.iter().position(|module| module.origin == Origin::Application);
    let ask = modules.len() > 1
        && global.format == Format::Human
        && std::io::stdin().is_terminal()
        && std::io::stderr().is_terminal();
    let index = if ask {
        let names: Vec<&str> = modules.iter().map(|module| module.namespace.as_str()).collect();
        dialoguer::Select::new()
            .with_prompt("Which module gets it? (--module)")
            .items(&names)
            .default(application.unwrap_or(0))
            .interact_opt()
            .ok()
            .flatten()
            .ok_or_else(|| Failure::new(FailureKind::Declined, Diagnostic::new("no module was chosen")))?
    } else {
        application.unwrap_or(0)
    };
    modules.get(index).copied().ok_or_else(|| usage(Diagnostic::new("there is no module of this workspace")))
}

/// The next number, in a module whose last version is a number and not a time; as wide as the last.
pub(super) fn next_number(module: &Module) -> Option<String> {
    let last = &module.migrations.last()?.version;
    let digits = match last {
        Version::Number(digits) => digits,
        Version::Parts(parts) => parts.first()?,
        Version::Text(_) => return None,
    };
    let next = digits.parse::<u64>().ok().filter(|_| last.timestamp().is_none())? + 1;
    Some(format!("{next:0width$}", width = digits.len()))
}

/// The last migration of each module that this one depends on.
pub(super) fn last_of_dependencies(project: &Project, module: &Module) -> Vec<MigrationId> {
    let modules =
        project.catalogue.modules().iter().filter(|other| module.depends_on.contains(&other.namespace));
    modules.filter_map(|other| other.migrations.last().map(|last| last.id.clone())).collect()
}
