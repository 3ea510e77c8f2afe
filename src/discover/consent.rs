//! Who is a module, and on whose word.
//!
//! A folder of migrations alone is not consent. The application is a module; a crate is one when its
//! manifest says so or when the configuration enables it by name; a plugin is one because a glob of
//! the configuration found it. The configuration may disable any of them, and what it says about a
//! module goes before what the module says of itself.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cargo_metadata::semver::{Version, VersionReq};

use super::candidate::{self, Candidate};
use super::declared::{self, Declared, Place};
use super::faults::{Faults, list};
use super::folder::join;
use super::graph::{Graph, Package};
use super::plugin::Plugin;
use super::schema::SchemaPath;
use super::{Consent, Request, shown};
use crate::config::{Enable, SchemaText};
use crate::diagnostic::{Diagnostic, Frame, nearest};
use crate::id::Namespace;
use crate::module::{Format, Origin};

/// Where migrations are looked for when nobody says.
pub(super) const DEFAULT_PATH: &str = "migrations";

/// A module before its folder is read.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) namespace: Namespace,
    pub(super) origin: Origin,
    pub(super) consent: Consent,
    pub(super) root: PathBuf,
    /// The root as it is shown.
    pub(super) shown: String,
    pub(super) path: String,
    /// Whether it is a fault that the path is not there.
    pub(super) required: bool,
    pub(super) format: Option<Format>,
    pub(super) depends_on: Vec<Namespace>,
    pub(super) foreign_keys: Option<bool>,
    pub(super) session: BTreeMap<String, String>,
    /// Its package in the graph.
    pub(super) package: Option<usize>,
    /// Its folder of checks, inside of the root.
    pub(super) checks: Option<String>,
    /// Where it may declare its schema.
    pub(super) schema: Option<SchemaPath>,
    /// The entry of the configuration.
    pub(super) frame: Option<Frame>,
}

/// Every module, and what is disabled.
pub(super) struct Choice {
    pub(super) modules: Vec<Chosen>,
    pub(super) disabled: Vec<Candidate>,
}

/// Chooses the modules.
pub(super) fn choose(
    request: &Request<'_>,
    graph: Option<&Graph>,
    plugins: &[Plugin],
    faults: &mut Faults,
) -> Choice {
    let mut chooser = Chooser {
        request,
        graph,
        faults,
        used: Vec::new(),
        choice: Choice { modules: Vec::new(), disabled: Vec::new() },
    };
    chooser.application();
    for plugin in plugins {
        chooser.plugin(plugin);
    }
    chooser.crates(plugins);
    chooser.unknown_names(plugins);
    chooser.duplicates();
    chooser.choice
}

struct Chooser<'a> {
    request: &'a Request<'a>,
    graph: Option<&'a Graph>,
    faults: &'a mut Faults,
    /// Names of the configuration that mean something.
    used: Vec<String>,
    choice: Choice,
}

impl<'a> Chooser<'a> {
    fn application(&mut self) {
        let config = self.request.config;
        let package = self.graph.and_then(|graph| graph.packages.get(graph.application));
        let declared = package.and_then(|package| self.declared(package));
        let own_name = package.filter(|_| declared.is_some()).map_or("app", |package| package.name.as_str());
        let declared = declared.unwrap_or_default();
        let namespace = config.namespace.clone().or(declared.namespace);
        let Some(namespace) = namespace.or_else(|| self.namespace(own_name)) else { return };
        let schema = match &config.schema {
            SchemaText::Usual => Some(declared_at(declared.schema)),
            SchemaText::Path(named) => Some(SchemaPath::Named {
                path: named.name.clone(),
                frame: config.frame(&named.span).map(Box::new),
            }),
            SchemaText::Command(_) => None,
        };
        self.choice.modules.push(Chosen {
            namespace,
            origin: Origin::Application,
            consent: Consent::Application,
            root: self.request.root.to_owned(),
            shown: String::new(),
            path: config.path.clone().or(declared.path).unwrap_or_else(|| DEFAULT_PATH.to_owned()),
            required: false,
            format: config.format.or(declared.format),
            depends_on: declared.depends_on,
            foreign_keys: None,
            session: config.session.clone(),
            package: self.graph.map(|graph| graph.application),
            checks: Some(config.checks.clone()),
            schema,
            frame: None,
        });
    }

    fn plugin(&mut self, plugin: &Plugin) {
        let enable = self.enabled(|name| plugin.is_called(name));
        let package = self.package_at(plugin);
        if self.disabled(|name| plugin.is_called(name)) {
            let name = plugin.package.as_deref().unwrap_or(&plugin.folder);
            let version = package.map_or("", |(_, package)| &package.version);
            self.choice.disabled.extend(candidate::in_folder(name, version, &plugin.root, false));
            return;
        }
        let name = plugin.package.as_deref().unwrap_or(&plugin.folder);
        let Some(default) = self.namespace(name) else { return };
        let origin = package.map_or(Origin::Folder, |(_, package)| crate_origin(package));
        let declared = plugin.declared.clone();
        let bare = plugin.package.is_none() && !plugin.root.join(DEFAULT_PATH).is_dir();
        let default_path = if bare && !plugin.explicit { "." } else { DEFAULT_PATH };
        let mut chosen = Chosen {
            namespace: declared.namespace.unwrap_or(default),
            origin,
            consent: Consent::Plugin,
            root: plugin.root.clone(),
            shown: plugin.shown.clone(),
            path: declared.path.unwrap_or_else(|| default_path.to_owned()),
            required: plugin.explicit || enable.is_some(),
            format: declared.format,
            depends_on: declared.depends_on,
            foreign_keys: None,
            session: BTreeMap::new(),
            package: package.map(|(at, _)| at),
            checks: Some("checks".to_owned()),
            schema: Some(declared_at(declared.schema)),
            frame: None,
        };
        if let Some(enable) = enable {
            self.overrule(&mut chosen, &enable);
        }
        self.choice.modules.push(chosen);
    }

    /// The crates that can be reached and are neither the application nor a plugin.
    fn crates(&mut self, plugins: &[Plugin]) {
        let Some(graph) = self.graph else { return };
        let reached = graph.reach(&graph.roots).into_iter();
        let others = reached
            .filter(|at| *at != graph.application)
            .filter_map(|at| Some((at, graph.packages.get(at)?)));
        let mut others: Vec<_> = others.filter(|(_, package)| !is_plugin(package, plugins)).collect();
        others.sort_by(|(_, a), (_, b)| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
        for versions in others.chunk_by(|(_, a), (_, b)| a.name == b.name) {
            if let Some((_, first)) = versions.first() {
                self.crate_of(&first.name, versions);
            }
        }
    }

    fn crate_of(&mut self, name: &str, versions: &[(usize, &Package)]) {
        if self.disabled(|disabled| disabled == name) {
            let folders = versions.iter().flat_map(|(_, package)| candidate::of_package(package));
            self.choice.disabled.extend(folders);
            return;
        }
        let enable = self.enabled(|enabled| enabled == name);
        let wanted: Vec<_> = match &enable {
            Some(enable) => self.fitting(name, versions, enable),
            None => versions.iter().filter(|(_, package)| package.declared.is_some()).copied().collect(),
        };
        match wanted.as_slice() {
            [] => {}
            [(at, package)] => self.krate(*at, package, enable.as_ref()),
            several => {
                let found = list(several.iter().map(|(_, package)| package.version.as_str()));
                let version = several.last().map_or("", |(_, package)| package.version.as_str());
                let fault =
                    Diagnostic::new(format!("the crate `{name}` is there in several versions: {found}"))
                        .note("they would own the same tables")
                        .help(format!(
                            "choose one: `modules: enable: {name}: {{ version: \"={version}\" }}`"
                        ));
                self.faults.error(self.framed(fault, enable.as_ref()));
            }
        }
    }

    /// The versions that the entry allows.
    fn fitting<'p>(
        &mut self,
        name: &str,
        versions: &[(usize, &'p Package)],
        enable: &Enable,
    ) -> Vec<(usize, &'p Package)> {
        let Some(wanted) = &enable.version else { return versions.to_vec() };
        let required = match VersionReq::parse(wanted) {
            Ok(required) => required,
            Err(error) => {
                let fault = Diagnostic::new(format!("`{wanted}` is no version")).cause(error);
                self.faults.error(self.framed(fault, Some(enable)));
                return Vec::new();
            }
        };
        let fits = |package: &Package| {
            Version::parse(&package.version).is_ok_and(|version| required.matches(&version))
                || wanted.trim_start_matches('=').trim() == package.version
        };
        let fitting: Vec<_> = versions.iter().filter(|(_, package)| fits(package)).copied().collect();
        if fitting.is_empty() {
            let found = list(versions.iter().map(|(_, package)| package.version.as_str()));
            let fault = Diagnostic::new(format!(
                "the crate `{name}` is enabled in version `{wanted}`, but {found} is there"
            ))
            .help("look at what its migrations changed, then write the new version");
            self.faults.error(self.framed(fault, Some(enable)));
        }
        fitting
    }

    fn krate(&mut self, at: usize, package: &Package, enable: Option<&Enable>) {
        let own = package.declared.is_some();
        let declared = if own { self.declared(package) } else { Some(Declared::default()) };
        let (Some(declared), Some(default)) = (declared, self.namespace(&package.name)) else { return };
        // what stands in another's crate is not meant for us unless it says so
        let schema = (declared.schema.is_some() || !package.external).then(|| declared_at(declared.schema));
        let mut chosen = Chosen {
            namespace: declared.namespace.unwrap_or(default),
            origin: crate_origin(package),
            consent: if own { Consent::Metadata } else { Consent::Config },
            root: package.root.clone(),
            shown: shown::folder(self.request.root, package),
            path: declared.path.unwrap_or_else(|| DEFAULT_PATH.to_owned()),
            required: true,
            format: declared.format,
            depends_on: declared.depends_on,
            foreign_keys: None,
            session: BTreeMap::new(),
            package: Some(at),
            checks: own.then(|| "checks".to_owned()),
            schema,
            frame: None,
        };
        if let Some(enable) = enable {
            self.overrule(&mut chosen, enable);
        }
        self.choice.modules.push(chosen);
    }

    /// The configuration goes before what the module says.
    fn overrule(&self, chosen: &mut Chosen, enable: &Enable) {
        if let Some(path) = &enable.path {
            chosen.path.clone_from(path);
        }
        if let Some(namespace) = &enable.namespace {
            chosen.namespace = namespace.clone();
        }
        chosen.format = enable.format.or(chosen.format);
        chosen.depends_on.extend(enable.depends_on.iter().cloned());
        chosen.foreign_keys = enable.foreign_keys;
        chosen.session.clone_from(&enable.session);
        chosen.frame = self.request.config.frame(&enable.span);
    }

    fn declared(&mut self, package: &Package) -> Option<Declared> {
        let path = join(&shown::folder(self.request.root, package), "Cargo.toml");
        let text = fs_err::read_to_string(package.root.join("Cargo.toml")).unwrap_or_default();
        declared::from_metadata(package.declared.as_ref()?, Place::manifest(&path, &text), self.faults)
    }

    fn namespace(&mut self, name: &str) -> Option<Namespace> {
        let fault = |error| {
            Diagnostic::new(format!("{name:?} is no namespace")).cause(error).help("rename the folder")
        };
        self.faults.keep(Namespace::new(name).map_err(fault))
    }

    fn package_at(&self, plugin: &Plugin) -> Option<(usize, &'a Package)> {
        let name = plugin.package.as_ref()?;
        let mut packages = self.graph?.packages.iter().enumerate();
        packages
            .find(|(_, package)| package.name == *name && is_plugin(package, std::slice::from_ref(plugin)))
    }

    fn enabled(&mut self, is_called: impl Fn(&str) -> bool) -> Option<Enable> {
        let enable = &self.request.config.modules.enable;
        let (name, entry) = enable.iter().find(|(name, _)| is_called(name))?;
        self.used.push(name.clone());
        Some(entry.clone())
    }

    fn disabled(&mut self, is_called: impl Fn(&str) -> bool) -> bool {
        let named = self.request.config.modules.disable.iter().find(|named| is_called(&named.name));
        self.used.extend(named.map(|named| named.name.clone()));
        named.is_some()
    }

    fn framed(&self, fault: Diagnostic, enable: Option<&Enable>) -> Diagnostic {
        let frame = enable.and_then(|enable| self.request.config.frame(&enable.span));
        frame.into_iter().fold(fault, Diagnostic::frame)
    }

    /// Names in the configuration that mean nothing: an error where something is asked for.
    fn unknown_names(&mut self, plugins: &[Plugin]) {
        let packages = self.graph.map(|graph| graph.packages.as_slice()).unwrap_or_default();
        let reached = self.graph.map(|graph| graph.reach(&graph.roots)).unwrap_or_default();
        let reachable =
            reached.iter().filter_map(|at| packages.get(*at)).map(|package| package.name.as_str());
        let known: Vec<&str> = reachable.chain(plugins.iter().map(|plugin| plugin.folder.as_str())).collect();
        let modules = &self.request.config.modules;
        for (name, enable) in modules.enable.iter().filter(|(name, _)| !self.used.contains(name)) {
            let fault =
                Diagnostic::new(format!("`{name}` is enabled, but the application does not depend on it"));
            let fault = if packages.iter().any(|package| package.name == *name) {
                fault.help(
                    "only tests or build scripts use it, or it is the application itself: remove the entry",
                )
            } else if let Some(near) = nearest(name, known.iter().copied()) {
                fault.help(format!("did you mean `{near}`?"))
            } else {
                fault.help("remove the entry, or add the crate to the dependencies")
            };
            self.faults.error(self.framed(fault, Some(enable)));
        }
        for named in modules.disable.iter().filter(|named| !self.used.contains(&named.name)) {
            let warning = Diagnostic::new(format!("`{}` is disabled, but not there", named.name));
            let warning = match nearest(&named.name, known.iter().copied()) {
                Some(near) => warning.help(format!("did you mean `{near}`?")),
                None => warning,
            };
            let frame = self.request.config.frame(&named.span);
            self.faults.warn(frame.into_iter().fold(warning, Diagnostic::frame));
        }
    }

    fn duplicates(&mut self) {
        let modules = &self.choice.modules;
        for (at, second) in modules.iter().enumerate() {
            if let Some(first) = modules[..at].iter().find(|first| first.namespace == second.namespace) {
                let place = |chosen: &Chosen| match chosen.origin {
                    Origin::Folder => format!("{} `{}`", chosen.origin, chosen.shown),
                    _ => chosen.origin.to_string(),
                };
                let (a, b) = (place(first), place(second));
                let fault = Diagnostic::new(format!(
                    "two modules have the namespace `{}`: {a} and {b}",
                    second.namespace
                ))
                .help("give one another: `modules: enable: NAME: { namespace: … }` in `db-migrations.yml`");
                self.faults.errors.push(second.frame.clone().into_iter().fold(fault, Diagnostic::frame));
            }
        }
    }
}

fn declared_at(schema: Option<String>) -> SchemaPath {
    schema.map_or(SchemaPath::Usual, |path| SchemaPath::Named { path, frame: None })
}

fn crate_origin(package: &Package) -> Origin {
    Origin::Crate { name: package.name.clone(), version: package.version.clone(), external: package.external }
}

/// Whether the package is the one of a plugin's folder.
fn is_plugin(package: &Package, plugins: &[Plugin]) -> bool {
    let named = plugins.iter().filter(|plugin| plugin.package.as_ref() == Some(&package.name));
    let mut roots = named.map(|plugin| &plugin.root).peekable();
    roots.peek().is_some()
        && fs_err::canonicalize(&package.root).is_ok_and(|root| roots.any(|plugin| *plugin == root))
}
