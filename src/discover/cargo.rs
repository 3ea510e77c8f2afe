//! The crate graph from Cargo: which packages the application is really built of.
//!
//! Two questions are asked. `cargo metadata` knows the packages, their folders and their metadata;
//! but it shows as normal an edge that only a dev-dependency's feature, or another member of the
//! workspace, switches on. So its edges are intersected with those of `cargo tree -e normal`. All
//! platforms count: the lock must not depend on the machine. Cargo runs `--locked --offline`, then
//! `--locked` alone, never without it, and no build script runs.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

use super::Request;
use super::cache::Cache;
use super::faults::{Faults, list};
use super::graph::{Graph, Package};
use crate::config::{Cargo, Config};
use crate::diagnostic::{Diagnostic, nearest};

/// The graph, from the cache or from Cargo; `None` where there is no Cargo.
pub(super) fn graph(request: &Request<'_>, plugins: &[PathBuf], faults: &mut Faults) -> Option<Graph> {
    let manifest = request.root.join("Cargo.toml");
    if request.config.cargo.off || !manifest.is_file() {
        return None;
    }
    let root = fs_err::canonicalize(request.root);
    let root = root.map_err(|error| Diagnostic::new("cannot read the application's folder").cause(error));
    let root = faults.keep(root)?;
    let Some(locked) = root.ancestors().find(|folder| folder.join("Cargo.lock").is_file()) else {
        faults.error(
            Diagnostic::new("there is no `Cargo.lock`: which crates belong to the application is not fixed")
                .help("run `cargo generate-lockfile`, and commit the file")
                .help("an application without Cargo says `cargo: off` in `db-migrations.yml`"),
        );
        return None;
    };
    let cache = Cache::new(request, &root, locked, plugins);
    if let Some(graph) = cache.load() {
        return Some(graph);
    }
    let caller = Caller { request, manifest };
    let metadata = faults.keep(caller.metadata())?;
    let application = faults.keep(application(request.config, &metadata))?;
    let mut roots = vec![application.clone()];
    roots.extend(plugin_packages(&metadata, plugins).into_iter().filter(|id| *id != application));
    let tree = caller.tree(&roots);
    let edges = tree.as_ref().ok();
    let graph = reduce(&metadata, &roots, edges);
    match &tree {
        Ok(_) => cache.store(&graph, &metadata),
        Err(fault) => faults.warn(fault.clone()),
    }
    Some(graph)
}

/// The application's package.
fn application(config: &Config, metadata: &Metadata) -> Result<PackageId, Diagnostic> {
    let members = metadata.workspace_packages();
    let names = || members.iter().map(|package| package.name.as_str());
    if let Some(name) = &config.application {
        let found = members.iter().find(|package| package.name.as_str() == name);
        return found.map(|package| package.id.clone()).ok_or_else(|| {
            let fault = Diagnostic::new(format!("the workspace has no package `{name}`"));
            match nearest(name, names()) {
                Some(near) => fault.help(format!("did you mean `application: {near}`?")),
                None => fault.help(format!("its packages: {}", list(names()))),
            }
        });
    }
    match metadata.resolve.as_ref().and_then(|resolve| resolve.root.clone()) {
        Some(root) => Ok(root),
        None => Err(Diagnostic::new("the workspace has no root package: which one is the application?")
            .note(format!("its packages: {}", list(names())))
            .help("write `application: NAME` into `db-migrations.yml`")),
    }
}

/// The members of the workspace that are plugins.
fn plugin_packages(metadata: &Metadata, plugins: &[PathBuf]) -> Vec<PackageId> {
    let members = metadata.workspace_packages().into_iter();
    let is_plugin = |root: Option<&Path>| {
        let root = root.and_then(|root| fs_err::canonicalize(root).ok());
        root.is_some_and(|root| plugins.contains(&root))
    };
    members
        .filter(|package| is_plugin(package.manifest_path.parent().map(AsRef::as_ref)))
        .map(|package| package.id.clone())
        .collect()
}

type Named = (String, String);

/// Edges between packages, by name and version.
type Edges = BTreeSet<(Named, Named)>;

fn reduce(metadata: &Metadata, roots: &[PackageId], edges: Option<&Edges>) -> Graph {
    let index: HashMap<_, _> =
        metadata.packages.iter().enumerate().map(|(at, package)| (&package.id, at)).collect();
    let mut packages: Vec<_> = metadata.packages.iter().map(package).collect();
    let named = |package: &Package| (package.name.clone(), package.version.clone());
    for node in metadata.resolve.iter().flat_map(|resolve| &resolve.nodes) {
        let Some(&from) = index.get(&node.id) else { continue };
        let normal = node.deps.iter().filter(|dependency| {
            dependency.dep_kinds.is_empty()
                || dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
        });
        let targets = normal.filter_map(|dependency| index.get(&dependency.pkg).copied());
        let real = targets.filter(|to| {
            edges.is_none_or(|edges| edges.contains(&(named(&packages[from]), named(&packages[*to]))))
        });
        let mut real: Vec<_> = real.collect();
        real.sort_unstable();
        real.dedup();
        packages[from].dependencies = real;
    }
    let roots: Vec<_> = roots.iter().filter_map(|id| index.get(id).copied()).collect();
    Graph { packages, application: roots.first().copied().unwrap_or(0), roots }
}

fn package(package: &cargo_metadata::Package) -> Package {
    Package {
        name: package.name.to_string(),
        version: package.version.to_string(),
        root: package.manifest_path.parent().map(|root| root.as_std_path().to_owned()).unwrap_or_default(),
        external: package.source.is_some(),
        declared: package.metadata.get("db-migrations").cloned(),
        dependencies: Vec::new(),
    }
}

/// Runs Cargo for one application.
struct Caller<'a> {
    request: &'a Request<'a>,
    manifest: PathBuf,
}

impl Caller<'_> {
    fn metadata(&self) -> Result<Metadata, Diagnostic> {
        let output = self.run(&["metadata", "--format-version", "1"], &[])?;
        MetadataCommand::parse(output)
            .map_err(|error| Diagnostic::new("cannot read the answer of `cargo metadata`").cause(error))
    }

    fn tree(&self, roots: &[PackageId]) -> Result<Edges, Diagnostic> {
        let command = ["tree", "-e", "normal", "--target", "all", "--prefix", "depth", "-f", " {p}"];
        let roots: Vec<&str> = roots.iter().flat_map(|id| ["-p", id.repr.as_str()]).collect();
        let output = self.run(&command, &roots).map_err(|fault| {
            let warning =
                Diagnostic::new("crates that only tests use may count as modules: `cargo tree` failed");
            fault.causes.into_iter().fold(warning, Diagnostic::cause)
        })?;
        Ok(tree_edges(&output))
    }

    /// Offline first: with everything at hand nothing has to be asked, and nothing can change.
    fn run(&self, command: &[&str], arguments: &[&str]) -> Result<String, Diagnostic> {
        let offline = self.run_once(command, arguments, true);
        if offline.is_ok() || self.request.offline {
            offline
        } else {
            self.run_once(command, arguments, false)
        }
    }

    fn run_once(&self, command: &[&str], arguments: &[&str], offline: bool) -> Result<String, Diagnostic> {
        let mut cargo = Command::new(&self.request.cargo);
        cargo.current_dir(self.request.root).args(command).arg("--manifest-path").arg(&self.manifest);
        cargo
            .args(arguments)
            .args(features(&self.request.config.cargo))
            .args(["--color", "never", "--locked"]);
        if offline {
            cargo.arg("--offline");
        }
        let name = format!("cargo {}", command.first().copied().unwrap_or_default());
        let output = cargo.output().map_err(|error| {
            Diagnostic::new(format!("cannot run `{name}`"))
                .cause(error)
                .help("install Cargo, or say `cargo: off` in `db-migrations.yml`")
        })?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(failed(&name, &String::from_utf8_lossy(&output.stderr)))
    }
}

fn failed(name: &str, stderr: &str) -> Diagnostic {
    let lines = stderr.lines().map(str::trim).filter(|line| !line.is_empty());
    let fault = lines.fold(Diagnostic::new(format!("`{name}` failed")), Diagnostic::cause);
    if stderr.contains("--locked") {
        fault.help("`Cargo.lock` does not fit the manifests: run `cargo update --workspace`, and commit it")
    } else {
        fault.help("`cargo fetch --locked` gets what is missing")
    }
}

fn features(cargo: &Cargo) -> Vec<String> {
    let mut arguments = Vec::new();
    if !cargo.features.is_empty() {
        arguments.extend(["--features".to_owned(), cargo.features.join(",")]);
    }
    if cargo.all_features {
        arguments.push("--all-features".to_owned());
    }
    if !cargo.default_features {
        arguments.push("--no-default-features".to_owned());
    }
    arguments
}

/// Reads lines `DEPTH NAME vVERSION …`; a package that was shown before (`(*)`) has its edges there.
fn tree_edges(output: &str) -> Edges {
    let mut edges = Edges::new();
    let mut path: Vec<Named> = Vec::new();
    for line in output.lines() {
        let mut words = line.split(' ');
        let depth = words.next().and_then(|depth| depth.parse::<usize>().ok());
        let named = (words.next(), words.next().and_then(|version| version.strip_prefix('v')));
        let (Some(depth), (Some(name), Some(version))) = (depth, named) else { continue };
        path.truncate(depth);
        let package = (name.to_owned(), version.to_owned());
        if let Some(parent) = path.last() {
            edges.insert((parent.clone(), package.clone()));
        }
        path.push(package);
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_read_from_the_tree() {
        let output = "0 m3 v0.1.0 (/tmp/m3)\n1 a v1.0.0\n2 b v2.0.0+x (proc-macro)\n1 b v2.0.0+x (*)\n\n0 p v0.1.0\n1 a v1.0.0\n";
        let edges = tree_edges(output);
        let told: Vec<_> =
            edges.iter().map(|((from, _), (to, version))| format!("{from} {to} {version}")).collect();
        assert_eq!(told, ["a b 2.0.0+x", "m3 a 1.0.0", "m3 b 2.0.0+x", "p a 1.0.0"]);
        assert!(tree_edges("warning: x\n").is_empty());
    }

    #[test]
    fn features_are_passed_on() {
        let cargo = Cargo {
            features: vec!["a".to_owned(), "b".to_owned()],
            default_features: false,
            ..Cargo::default()
        };
        assert_eq!(features(&cargo), ["--features", "a,b", "--no-default-features"]);
        assert!(features(&Cargo::default()).is_empty());
    }
}
