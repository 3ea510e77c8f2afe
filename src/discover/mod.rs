//! Discovery: which migrations there are, in the application, in the crates it depends on and in
//! plugin folders.
//!
//! Config → plugin folders → crate graph → who is a module (`consent`) → the folder of each, read in
//! its format → who depends on whom. Dependencies are read as data: no build script runs, nothing
//! outside of a package's folder is opened. All faults are reported at once, and the result does not
//! depend on the machine: neither on the platform nor on the order in which a file system lists names.

mod cache;
mod candidate;
mod cargo;
mod checks;
mod consent;
mod declared;
mod faults;
mod folder;
mod format;
mod graph;
mod merge;
mod plugin;
mod schema;
mod shown;
mod variant;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub use candidate::Candidate;
pub use schema::{SchemaPath, schema_texts};

use consent::{Choice, Chosen};
use faults::{Faults, list};
use folder::join;
use graph::Graph;
use merge::Merger;

use crate::config::Config;
use crate::diagnostic::{Diagnostic, nearest};
use crate::id::Namespace;
use crate::module::{Format, Module, Origin};

/// What is to be discovered.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The folder of the configuration and of the application's `Cargo.toml`.
    pub root: &'a Path,
    /// The configuration.
    pub config: &'a Config,
    /// Cargo is never let to the network.
    pub offline: bool,
    /// The `cargo` to run.
    pub cargo: PathBuf,
    /// Cargo's target folder, where it is not the usual one.
    pub target: Option<PathBuf>,
}

impl<'a> Request<'a> {
    /// A request with what the environment says of Cargo.
    pub fn new(root: &'a Path, config: &'a Config) -> Self {
        let target =
            std::env::var_os("CARGO_TARGET_DIR").or_else(|| std::env::var_os("CARGO_BUILD_TARGET_DIR"));
        Self {
            root,
            config,
            offline: false,
            cargo: std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()).into(),
            target: target.map(|target| root.join(target)),
        }
    }
}

/// On whose word a module is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// It is the application.
    Application,
    /// The crate's own manifest says so.
    Metadata,
    /// The configuration enables the crate.
    Config,
    /// A glob of the configuration found the folder.
    Plugin,
}

/// Where a module's files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The folder of the package.
    pub root: PathBuf,
    /// The folder of the migrations; may be missing for the application.
    pub folder: PathBuf,
    /// On whose word it is a module.
    pub consent: Consent,
    /// The folder of the package as it is shown.
    pub shown: String,
    /// The folder of the migrations, inside of the package's.
    pub path: String,
    /// Where the module may declare its schema.
    pub schema: Option<SchemaPath>,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Discovery {
    /// The modules, first the application, then by namespace.
    pub modules: Vec<Module>,
    /// Crates with a folder that looks like migrations, which nobody enabled.
    pub candidates: Vec<Candidate>,
    /// What the configuration disabled.
    pub disabled: Vec<Candidate>,
    /// What should be said, but stops nothing.
    pub warnings: Vec<Diagnostic>,
    /// Where each module's files are.
    pub sources: BTreeMap<Namespace, Source>,
}

/// Finds and reads all migrations.
pub fn discover(request: &Request<'_>) -> Result<Discovery, Vec<Diagnostic>> {
    let mut faults = Faults::default();
    let plugins = plugin::find(request, &mut faults);
    let folders: Vec<_> = plugins.iter().map(|plugin| plugin.root.clone()).collect();
    let graph = cargo::graph(request, &folders, &mut faults);
    if !faults.errors.is_empty() {
        return Err(faults.errors);
    }
    let Choice { modules: chosen, disabled } =
        consent::choose(request, graph.as_ref(), &plugins, &mut faults);
    twins(&chosen, &mut faults);
    let candidates = candidates(graph.as_ref(), &chosen, &disabled);
    let depends_on = dependencies(graph.as_ref(), &chosen, &disabled, &mut faults);
    let mut modules = Vec::new();
    let mut sources = BTreeMap::new();
    for (chosen, depends_on) in chosen.into_iter().zip(depends_on) {
        if let Some(module) = read_module(&chosen, depends_on, &mut faults) {
            let folder = chosen.root.join(&chosen.path);
            let Chosen { namespace, root, consent, shown, path, schema, .. } = chosen;
            sources.insert(namespace, Source { root, folder, consent, shown, path, schema });
            modules.push(module);
        }
    }
    if !faults.errors.is_empty() {
        return Err(faults.errors);
    }
    if let Some(others) = modules.get_mut(1..) {
        others.sort_by(|a, b| a.namespace.cmp(&b.namespace));
    }
    Ok(Discovery { modules, candidates, disabled, warnings: faults.warnings, sources })
}

/// Two modules whose names people, or some disks, take for one.
fn twins(chosen: &[Chosen], faults: &mut Faults) {
    let mut names: BTreeMap<String, &Namespace> = BTreeMap::new();
    for one in chosen {
        let other = names.insert(folder::folded(one.namespace.as_str()), &one.namespace);
        if let Some(other) = other.filter(|other| **other != one.namespace) {
            let (a, b) = (other, &one.namespace);
            let fault =
                format!("the modules `{a}` and `{b}` differ only in case, or in how an accent is written");
            faults.error(framed(Diagnostic::new(fault).help("give one of them another `namespace`"), one));
        }
    }
}

/// Reads a module's folder; `None` for a plugin without any.
fn read_module(chosen: &Chosen, depends_on: BTreeSet<Namespace>, faults: &mut Faults) -> Option<Module> {
    let listing = folder::list(&chosen.root, &chosen.shown, &chosen.path, faults);
    let mut listing = faults.keep(listing.map_err(|fault| framed(fault, chosen)))?;
    if let (".", Some(listing)) = (chosen.path.as_str(), &mut listing) {
        listing.folders.retain(|(name, _)| chosen.checks.as_ref() != Some(name));
        schema::take_out(listing, chosen.schema.as_ref());
    }
    let declares = schema::is_there(&chosen.root, &chosen.path, chosen.schema.as_ref());
    let mut module = Module {
        namespace: chosen.namespace.clone(),
        origin: chosen.origin.clone(),
        folder: join(&chosen.shown, &chosen.path),
        format: chosen.format.unwrap_or(Format::Native),
        depends_on,
        migrations: Vec::new(),
        checks: Vec::new(),
    };
    let errors = faults.errors.len();
    if let Some(listing) = &listing {
        let input = variant::gather(listing, chosen.format, faults);
        module.format = faults.keep(chosen.format.map_or_else(|| format::detect(&input), Ok))?;
        let pieces = format::read(module.format, &input, faults);
        let external = matches!(chosen.origin, Origin::Crate { external: true, .. });
        let foreign_keys = chosen.foreign_keys;
        let session = chosen.session.clone();
        let merger = Merger { namespace: &chosen.namespace, foreign_keys, session, external, faults };
        module.migrations = merger.merge(pieces);
    } else if chosen.required && !declares {
        faults.error(missing_folder(chosen));
        return None;
    }
    if let Some(checks) = &chosen.checks {
        module.checks = checks::read(&chosen.root, &chosen.shown, checks, faults);
    }
    let is_bare = module.migrations.is_empty() && !declares;
    if is_bare && faults.errors.len() == errors && chosen.consent != Consent::Application {
        if !chosen.required && module.checks.is_empty() {
            return None;
        }
        faults
            .warn(framed(Diagnostic::new(format!("there are no migrations in `{}`", module.folder)), chosen));
    }
    Some(module)
}

fn missing_folder(chosen: &Chosen) -> Diagnostic {
    let fault = Diagnostic::new(format!("the module `{}` has no folder `{}`", chosen.namespace, chosen.path));
    let there = candidate::in_folder("", "", &chosen.root, false);
    let fault = match there.first() {
        Some(candidate) => fault.help(format!("did you mean `path: {}`?", candidate.folder)),
        None => fault.help("name its folder of migrations as `path`"),
    };
    framed(fault, chosen)
}

fn framed(fault: Diagnostic, chosen: &Chosen) -> Diagnostic {
    chosen.frame.clone().into_iter().fold(fault, Diagnostic::frame)
}

/// Whom each module depends on, directly or through others: what the crate graph says and what is
/// declared.
fn dependencies(
    graph: Option<&Graph>,
    chosen: &[Chosen],
    disabled: &[Candidate],
    faults: &mut Faults,
) -> Vec<BTreeSet<Namespace>> {
    let mut all: Vec<BTreeSet<usize>> = Vec::new();
    for one in chosen {
        let reached = graph.zip(one.package).map(|(graph, at)| graph.reach(&[at])).unwrap_or_default();
        let in_graph = |other: &Chosen| other.package.is_some_and(|package| reached.contains(&package));
        let mut depends_on: BTreeSet<usize> = (0..chosen.len()).filter(|at| in_graph(&chosen[*at])).collect();
        for namespace in &one.depends_on {
            match chosen.iter().position(|other| other.namespace == *namespace) {
                Some(at) => _ = depends_on.insert(at),
                None if disabled.iter().any(|candidate| candidate.name == namespace.as_str()) => {}
                None => faults.error(unknown_dependency(one, namespace, chosen)),
            }
        }
        all.push(depends_on);
    }
    let reached = |at: usize| {
        let mut reached = BTreeSet::new();
        let mut open = vec![at];
        while let Some(next) = open.pop() {
            open.extend(all[next].iter().filter(|other| reached.insert(**other)));
        }
        reached
            .into_iter()
            .filter(|other| *other != at)
            .map(|other| chosen[other].namespace.clone())
            .collect()
    };
    (0..chosen.len()).map(reached).collect()
}

fn unknown_dependency(one: &Chosen, namespace: &Namespace, chosen: &[Chosen]) -> Diagnostic {
    let names =
        || chosen.iter().map(|other| other.namespace.as_str()).filter(|name| *name != one.namespace.as_str());
    let fault = Diagnostic::new(format!("`{}` depends on `{namespace}`, which is no module", one.namespace));
    let fault = match nearest(namespace.as_str(), names()) {
        Some(near) => fault.help(format!("did you mean `{near}`?")),
        None => fault.help(format!("the other modules: {}", list(names()))),
    };
    framed(fault, one)
}

/// The crates that nobody enabled, though they look as if they had migrations.
fn candidates(graph: Option<&Graph>, chosen: &[Chosen], disabled: &[Candidate]) -> Vec<Candidate> {
    let Some(graph) = graph else { return Vec::new() };
    let modules: BTreeSet<_> = chosen.iter().filter_map(|one| one.package).collect();
    let others = graph.reach(&graph.roots).into_iter().filter(|at| !modules.contains(at));
    let packages = others.filter_map(|at| graph.packages.get(at));
    let found = packages.flat_map(candidate::of_package);
    let mut found: Vec<_> = found.filter(|one| disabled.iter().all(|other| other.name != one.name)).collect();
    found.sort_by(|a, b| (&a.name, &a.version, &a.folder).cmp(&(&b.name, &b.version, &b.folder)));
    found
}

#[cfg(test)]
mod tests;
