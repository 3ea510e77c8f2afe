//! `lock diff`: what differs from the lock of another revision, by module.
//!
//! The versions of crates come from the `Cargo.lock` of that revision and from what is found now.

use std::collections::HashMap;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::json;

use super::super::{Done, Exit, Format, Global};
use crate::engine::{Failure, FailureKind, Project};
use crate::git;
use crate::id::MigrationId;
use crate::lock::{Change, Diff, Document};
use crate::module::Origin;
use crate::report::human;

fn usage(fault: crate::diagnostic::Diagnostic) -> Failure {
    Failure::new(FailureKind::Usage, fault)
}

pub(super) fn run(global: &Global, project: &Project, revision: &str) -> Result<Done, Failure> {
    let name = &project.config.lock;
    let old = git::show(&project.root, revision, name).map_err(usage)?.unwrap_or_default();
    let old = Document::parse(&format!("{revision}:{name}"), &old)
        .map_err(|faults| Failure::all(FailureKind::Usage, faults))?;
    let diff = Diff::of(old.lock(), project.document.lock());
    let mut modules: IndexMap<&str, Vec<&(MigrationId, Change)>> = IndexMap::new();
    for change in &diff.changes {
        modules.entry(change.0.namespace()).or_default().push(change);
    }
    let before = Versions::of(project, revision);
    let mut documents = Vec::new();
    for (namespace, changes) in modules {
        let versions = before.both(project, namespace);
        if global.format == Format::Human {
            human::line(&title(namespace, &versions));
            for (id, change) in &changes {
                human::line(&format!("  {}", describe(id, change)));
            }
        }
        documents.push(json!({
            "module": namespace,
            "version_before": versions.0,
            "version": versions.1,
            "changes": changes.iter().map(|(id, change)| document(id, change)).collect::<Vec<_>>(),
        }));
    }
    if documents.is_empty() && global.format == Format::Human {
        human::line(&format!("`{name}` says the same as in {revision}"));
    }
    let outcome = if documents.is_empty() { "same" } else { "differs" };
    Ok(Done::new(Exit::Done, outcome, json!({ "revision": revision, "modules": documents })))
}

fn title(namespace: &str, versions: &(Option<String>, Option<String>)) -> String {
    match versions {
        (Some(before), Some(now)) if before != now => format!("{namespace} ({before} -> {now})"),
        (None, Some(now)) => format!("{namespace} ({now}, new)"),
        (Some(before), None) => format!("{namespace} ({before}, gone)"),
        (Some(now), Some(_)) => format!("{namespace} ({now})"),
        (None, None) => namespace.to_owned(),
    }
}

fn describe(id: &MigrationId, change: &Change) -> String {
    let name = change.name();
    match change {
        Change::Renamed(old) => format!("{name:<9} {id}, which was {old}"),
        Change::Moved(Some(before)) => format!("{name:<9} {id}, behind {before}"),
        Change::Moved(None) => format!("{name:<9} {id}, to the beginning"),
        _ => format!("{name:<9} {id}"),
    }
}

fn document(id: &MigrationId, change: &Change) -> serde_json::Value {
    let mut document = json!({ "id": id.as_str(), "change": change.name() });
    match change {
        Change::Renamed(old) => document["was"] = old.as_str().into(),
        Change::Moved(before) => document["behind"] = before.as_ref().map(MigrationId::as_str).into(),
        _ => {}
    }
    document
}

/// The versions that crates had.
struct Versions(HashMap<String, String>);

#[derive(Deserialize)]
struct CargoLock {
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
}

impl Versions {
    /// Those of a revision; none where it has no `Cargo.lock`.
    fn of(project: &Project, revision: &str) -> Self {
        let text = git::show(&project.root, revision, "Cargo.lock").ok().flatten().unwrap_or_default();
        let packages = toml::from_str::<CargoLock>(&text).map(|lock| lock.package).unwrap_or_default();
        Self(packages.into_iter().map(|package| (package.name, package.version)).collect())
    }

    /// The version of a module's crate then and now.
    fn both(&self, project: &Project, namespace: &str) -> (Option<String>, Option<String>) {
        let module = project.catalogue.module(namespace);
        match module.map(|module| &module.origin) {
            Some(Origin::Crate { name, version, .. }) => (self.0.get(name).cloned(), Some(version.clone())),
            Some(_) => (None, None),
            None => (self.0.get(namespace).cloned(), None),
        }
    }
}
