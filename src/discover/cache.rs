//! The crate graph of the last run, kept under the target folder.
//!
//! Cargo needs most of a second for what hardly ever changes. An entry holds the graph, and the
//! hash of every file that it was made from: `Cargo.lock`, the manifests of all packages that are not
//! from a registry or git (members, path dependencies outside of the workspace, `[patch]` paths) and
//! of the workspaces above them, Cargo's configuration, the toolchain files; and what the globs of
//! the workspace expanded to. It is used only if all of that is as it was and every package's folder
//! is there. Which `cargo` binary answered is not part of it: a lock means the same to each of them.
//! An entry that cannot be read is no entry, and one that cannot be written is not missed.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use cargo_metadata::Metadata;
use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::Request;
use super::graph::Graph;
use crate::id::Checksum;

/// Raised whenever an entry, or what it is made of, changes its meaning.
const VERSION: u32 = 1;

/// Files in a folder that change what Cargo answers there.
const BESIDE: [&str; 5] =
    ["Cargo.toml", ".cargo/config.toml", ".cargo/config", "rust-toolchain.toml", "rust-toolchain"];

/// Variables that change what Cargo answers.
const VARIABLES: [&str; 3] = ["CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"];

#[derive(Serialize, Deserialize)]
struct Entry {
    version: u32,
    key: String,
    /// Files with their hashes; `None` = there was no such file.
    files: Vec<(PathBuf, Option<String>)>,
    /// The globs of the workspace, with the folders that they found.
    globs: Vec<(String, Vec<PathBuf>)>,
    graph: Graph,
}

/// The place of one application's entry.
pub(super) struct Cache {
    file: PathBuf,
    key: String,
    root: PathBuf,
    locked: PathBuf,
}

impl Cache {
    /// `root` is the application's folder, `locked` that of `Cargo.lock`; both canonical.
    pub(super) fn new(request: &Request<'_>, root: &Path, locked: &Path, plugins: &[PathBuf]) -> Self {
        let place = Checksum::of(root.as_os_str().as_encoded_bytes()).short();
        let target = request.target.clone().unwrap_or_else(|| locked.join("target"));
        let cargo = &request.config.cargo;
        let variables = VARIABLES.map(std::env::var_os);
        let application = &request.config.application;
        let parts =
            format!("{VERSION} {} {application:?} {cargo:?} {plugins:?} {variables:?}", root.display());
        Self {
            file: target.join("db-migrations").join(format!("cargo-graph-{place}.json")),
            key: Checksum::of(parts.as_bytes()).to_string(),
            root: root.to_owned(),
            locked: locked.to_owned(),
        }
    }

    pub(super) fn load(&self) -> Option<Graph> {
        let entry: Entry = serde_json::from_slice(&fs::read(&self.file).ok()?).ok()?;
        let fits = entry.version == VERSION
            && entry.key == self.key
            && entry.files.iter().all(|(path, hash)| hash_of(path) == *hash)
            && entry.globs.iter().all(|(pattern, found)| expand(pattern) == *found)
            && entry.graph.is_sound()
            && entry.graph.packages.iter().all(|package| package.root.is_dir());
        fits.then_some(entry.graph)
    }

    pub(super) fn store(&self, graph: &Graph, metadata: &Metadata) {
        let entry = Entry {
            version: VERSION,
            key: self.key.clone(),
            files: self
                .files(graph, metadata)
                .into_iter()
                .map(|path| (path.clone(), hash_of(&path)))
                .collect(),
            globs: globs(metadata).into_iter().map(|pattern| (pattern.clone(), expand(&pattern))).collect(),
            graph: graph.clone(),
        };
        // a cache that cannot be written costs time, nothing else
        let _ = self.write(&entry);
    }

    /// Every file that had a part in the answer.
    fn files(&self, graph: &Graph, metadata: &Metadata) -> BTreeSet<PathBuf> {
        let workspace = metadata.workspace_root.as_std_path();
        let mut files = BTreeSet::from([self.locked.join("Cargo.lock"), workspace.join("Cargo.lock")]);
        let local = graph.packages.iter().filter(|package| !package.external);
        let folders = local.map(|package| package.root.as_path()).chain([self.root.as_path(), workspace]);
        for folder in folders.flat_map(Path::ancestors) {
            files.extend(BESIDE.iter().map(|name| folder.join(name)));
        }
        let home = |variable: &str, default: &str| {
            let set = std::env::var_os(variable).map(PathBuf::from);
            set.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(default)))
        };
        files.extend(
            home("CARGO_HOME", ".cargo")
                .iter()
                .flat_map(|home| [home.join("config.toml"), home.join("config")]),
        );
        files.extend(home("RUSTUP_HOME", ".rustup").map(|home| home.join("settings.toml")));
        files
    }

    fn write(&self, entry: &Entry) -> std::io::Result<()> {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&serde_json::to_vec(entry)?)?;
        file.persist(&self.file)?;
        Ok(())
    }
}

fn hash_of(path: &Path) -> Option<String> {
    path.is_file().then(|| fs::read(path).ok())?.map(|bytes| Checksum::of(&bytes).to_string())
}

/// The members of the workspace as absolute globs.
fn globs(metadata: &Metadata) -> Vec<String> {
    let root = metadata.workspace_root.as_str();
    let manifest = fs::read_to_string(metadata.workspace_root.join("Cargo.toml")).unwrap_or_default();
    let manifest: toml::Table = toml::from_str(&manifest).unwrap_or_default();
    let members = manifest.get("workspace").and_then(|workspace| workspace.get("members")?.as_array());
    let members = members.into_iter().flatten().filter_map(toml::Value::as_str);
    members.map(|member| format!("{}/{member}", glob::Pattern::escape(root))).collect()
}

fn expand(pattern: &str) -> Vec<PathBuf> {
    let found = glob::glob(pattern).into_iter().flatten().flatten();
    found.filter(|path| path.join("Cargo.toml").is_file()).collect()
}
