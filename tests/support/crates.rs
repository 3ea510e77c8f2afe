//! Real Cargo projects: small committed manifests that depend on published crates with migrations.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use super::project::Project;

/// A copy of `tests/fixtures/NAME` with this configuration; its crates are fetched.
pub(crate) fn cargo_project(name: &str, config: &str) -> Project {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    fetch(&fixture);
    let project = Project::with_config(config);
    for file in ["Cargo.toml", "Cargo.lock"] {
        project.write(file, fs::read(fixture.join(file)).unwrap());
    }
    copy(&fixture.join("src"), "src", &project);
    project
}

/// Copies a folder into a project.
pub(crate) fn copy(folder: &Path, to: &str, project: &Project) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let to = format!("{to}/{}", entry.file_name().display());
        if entry.path().is_dir() {
            copy(&entry.path(), &to, project);
        } else {
            project.write(&to, fs::read(entry.path()).unwrap());
        }
    }
}

/// Where Cargo has put the source of one of the fetched crates.
pub(crate) fn source(project: &Project, package: &str) -> PathBuf {
    let metadata = cargo_metadata::MetadataCommand::new()
        .current_dir(project.path())
        .env_remove("CARGO_TARGET_DIR")
        .other_options(["--locked".to_owned(), "--offline".to_owned()])
        .exec()
        .unwrap();
    let package = metadata.packages.iter().find(|found| found.name.as_str() == package).unwrap();
    package.manifest_path.parent().unwrap().as_std_path().to_owned()
}

/// Once per process and fixture; one at a time.
fn fetch(fixture: &Path) {
    static FETCHED: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);
    let mut fetched = FETCHED.lock().unwrap_or_else(PoisonError::into_inner);
    if !fetched.get_or_insert_default().insert(fixture.to_owned()) {
        return;
    }
    let output =
        Command::new("cargo").args(["fetch", "--locked", "--quiet"]).current_dir(fixture).output().unwrap();
    assert!(output.status.success(), "cargo fetch: {}", String::from_utf8_lossy(&output.stderr));
}
