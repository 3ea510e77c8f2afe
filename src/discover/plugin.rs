//! Plugin folders: what the globs of `modules.paths` find.
//!
//! A folder may be a Cargo package, may hold a `module.yml`, or neither. Being globbed is consent:
//! the person who wrote the glob meant all that it finds. A folder without migrations is no fault,
//! since not every plugin needs tables.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use fs_err as fs;
use serde::Deserialize;

use super::Request;
use super::declared::{self, Declared, Place};
use super::faults::Faults;
use super::folder::{join, read_own};
use crate::config::Named;
use crate::diagnostic::Diagnostic;

/// A plugin folder.
#[derive(Clone, Debug)]
pub(super) struct Plugin {
    /// Where it is, canonical.
    pub(super) root: PathBuf,
    /// As it is shown.
    pub(super) shown: String,
    /// The folder's name.
    pub(super) folder: String,
    /// The package's name, of a Cargo package.
    pub(super) package: Option<String>,
    /// What it says of itself.
    pub(super) declared: Declared,
    /// Whether it says anything: then its migrations must be there.
    pub(super) explicit: bool,
}

impl Plugin {
    /// What a person may call it by in the configuration.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.folder == name
            || self.package.as_deref() == Some(name)
            || self.declared.namespace.as_ref().is_some_and(|namespace| namespace.as_str() == name)
    }
}

/// The plugins, by their folders; each once, however many globs find it.
pub(super) fn find(request: &Request<'_>, faults: &mut Faults) -> Vec<Plugin> {
    let mut found: BTreeMap<PathBuf, String> = BTreeMap::new();
    for pattern in &request.config.modules.paths {
        match expand(request.root, &pattern.name) {
            Ok(folders) => found.extend(folders),
            Err(fault) => faults.error(framed(fault, pattern, request)),
        }
    }
    found.into_iter().filter_map(|(root, shown)| plugin(root, shown, faults)).collect()
}

fn framed(fault: Diagnostic, pattern: &Named, request: &Request<'_>) -> Diagnostic {
    request.config.frame(&pattern.span).into_iter().fold(fault, Diagnostic::frame)
}

/// The folders that a glob finds, hidden ones and the application's own left out.
fn expand(root: &Path, pattern: &str) -> Result<Vec<(PathBuf, String)>, Diagnostic> {
    let components = Path::new(pattern).components();
    if pattern.is_empty()
        || components.into_iter().any(|part| matches!(part, Component::RootDir | Component::Prefix(_)))
    {
        return Err(Diagnostic::new(format!("the pattern `{pattern}` is not a relative path"))
            .help("write it relative to `db-migrations.yml`, such as `plugins/*`"));
    }
    let whole = format!("{}/{pattern}", glob::Pattern::escape(&root.to_string_lossy()));
    let paths = glob::glob(&whole).map_err(|error| {
        Diagnostic::new(format!("the pattern `{pattern}` cannot be read")).cause(error.msg)
    })?;
    let own = fs::canonicalize(root).ok();
    let mut folders = Vec::new();
    for path in paths.flatten() {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let Ok(folder) = fs::canonicalize(&path) else { continue };
        if !hidden && folder.is_dir() && own.as_ref() != Some(&folder) {
            let shown = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            folders.push((folder, shown));
        }
    }
    if folders.is_empty() && !pattern.contains(['*', '?', '[']) {
        return Err(Diagnostic::new(format!("there is no folder `{pattern}`")));
    }
    Ok(folders)
}

fn plugin(root: PathBuf, shown: String, faults: &mut Faults) -> Option<Plugin> {
    let folder = root.file_name()?.to_string_lossy().into_owned();
    let manifest = if root.join("Cargo.toml").is_file() {
        faults.keep(read_manifest(&root, &join(&shown, "Cargo.toml")))?
    } else {
        None
    };
    let own = fs::symlink_metadata(root.join("module.yml")).is_ok().then(|| join(&shown, "module.yml"));
    let metadata = manifest.as_ref().and_then(|(package, _)| package.metadata.get("db-migrations"));
    let declared = match (&own, metadata) {
        (Some(own), Some(_)) => {
            let fault = format!("`{shown}` describes its module in `Cargo.toml` and in `{own}`");
            faults.error(Diagnostic::new(fault).help("keep one of the two"));
            return None;
        }
        (Some(own), None) => {
            let text = faults.keep(read_own(&root, "module.yml", own))?;
            declared::from_yaml(own, &text, faults)?
        }
        (None, Some(metadata)) => {
            let path = join(&shown, "Cargo.toml");
            let text = manifest.as_ref().map_or("", |(_, text)| text);
            declared::from_metadata(metadata, Place::manifest(&path, text), faults)?
        }
        (None, None) => Declared::default(),
    };
    let explicit = own.is_some() || metadata.is_some();
    Some(Plugin {
        folder,
        package: manifest.map(|(package, _)| package.name),
        root,
        shown,
        declared,
        explicit,
    })
}

#[derive(Deserialize)]
struct Manifest {
    package: Option<ManifestPackage>,
}

#[derive(Deserialize)]
struct ManifestPackage {
    name: String,
    #[serde(default)]
    metadata: serde_json::Map<String, serde_json::Value>,
}

/// The package of a manifest, with the text; `None` for a workspace without one.
fn read_manifest(root: &Path, shown: &str) -> Result<Option<(ManifestPackage, String)>, Diagnostic> {
    let text = read_own(root, "Cargo.toml", shown)?;
    let manifest: Manifest = toml::from_str(&text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        let frame = crate::diagnostic::Frame::new(shown, text.as_str(), span);
        Diagnostic::new(format!("cannot read `{shown}`")).frame(frame).cause(error.message())
    })?;
    Ok(manifest.package.map(|package| (package, text)))
}
