//! The files of replaced migrations go to `archive`, which discovery never reads.
//!
//! What git knows is moved by git, many files at once, so that the move is staged; the rest is renamed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::usage;
use crate::diagnostic::Diagnostic;
use crate::engine::Failure;
use crate::git;
use crate::migration::Migration;
use crate::module::{Format, Module};

/// The folder of old files, in that of the migrations.
const ARCHIVE: &str = "archive";

/// So many files are handed to git at once.
const MANY: usize = 200;

/// What is moved.
pub(super) struct Moves {
    /// The folder of the migrations.
    pub(super) folder: PathBuf,
    /// Files, or folders of one migration each, below it.
    paths: BTreeSet<String>,
}

impl Moves {
    /// All files of these migrations; refused where the archive has one of them.
    pub(super) fn of<'a>(
        module: &Module,
        folder: &Path,
        migrations: impl Iterator<Item = &'a Migration>,
    ) -> Result<Self, Failure> {
        let mut paths = BTreeSet::new();
        for script in migrations.flat_map(|migration| migration.up.iter().chain(migration.down.iter())) {
            let below = below(&module.folder, &script.path);
            let whole = match (module.format, below.rsplit_once('/')) {
                (Format::Diesel, Some((one, _))) => one,
                _ => below,
            };
            paths.insert(whole.to_owned());
        }
        let moves = Self { folder: folder.to_owned(), paths };
        moves.is_possible(&module.folder)?;
        let there = |path: &&String| moves.archive().join(path).exists();
        match moves.paths.iter().find(there) {
            Some(path) => {
                let fault = Diagnostic::new(format!("`{ARCHIVE}/{path}` is there already"));
                Err(usage(fault.note(format!("in `{}`", module.folder)).help("move it away, or remove it")))
            }
            None => Ok(moves),
        }
    }

    /// Where files go there must be no other thing than folders.
    fn is_possible(&self, shown: &str) -> Result<(), Failure> {
        let archive = self.archive();
        let above = self.paths.iter().flat_map(|path| Path::new(path).ancestors().skip(1));
        let folders: BTreeSet<&Path> = above.filter(|folder| *folder != Path::new("")).collect();
        let targets = folders.into_iter().map(|folder| archive.join(folder));
        match [archive.clone()].into_iter().chain(targets).find(|target| target.exists() && !target.is_dir())
        {
            Some(target) => {
                let path = target.strip_prefix(&self.folder).unwrap_or(&target).display().to_string();
                let fault = Diagnostic::new(format!("`{path}` in `{shown}` is no folder"));
                Err(usage(fault.help("old files go there: move it away, or remove it")))
            }
            None => Ok(()),
        }
    }

    /// Where they go.
    pub(super) fn archive(&self) -> PathBuf {
        self.folder.join(ARCHIVE)
    }

    /// Moves all of them; their paths below the folder.
    pub(super) fn carry_out(&self) -> Result<Vec<String>, Failure> {
        let tracked = git::tracked(&self.folder);
        let known: BTreeSet<&Path> = tracked.iter().flat_map(|path| path.ancestors()).collect();
        let mut by_target: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for path in &self.paths {
            let target =
                path.rsplit_once('/').map_or(ARCHIVE.to_owned(), |(up, _)| format!("{ARCHIVE}/{up}"));
            by_target.entry(target).or_default().push(path);
        }
        for (target, paths) in by_target {
            let folder = self.folder.join(&target);
            std::fs::create_dir_all(&folder).map_err(|error| cannot(&folder, &error))?;
            let (by_git, others): (Vec<&str>, Vec<&str>) =
                paths.into_iter().partition(|path| known.contains(Path::new(path)));
            for some in by_git.chunks(MANY) {
                git::move_into(&self.folder, some, &target);
            }
            // what git would not move is moved all the same
            for path in others.into_iter().chain(by_git) {
                self.rename(path)?;
            }
        }
        Ok(self.paths.iter().cloned().collect())
    }

    fn rename(&self, path: &str) -> Result<(), Failure> {
        let (from, to) = (self.folder.join(path), self.archive().join(path));
        if !from.exists() {
            return Ok(());
        }
        std::fs::rename(&from, &to).map_err(|error| cannot(&from, &error))
    }
}

fn cannot(path: &Path, error: &std::io::Error) -> Failure {
    let fault = Diagnostic::new(format!("cannot move `{}`", path.display())).cause(error);
    usage(fault.help("`db-migrations squash --finish` goes on once the cause is mended"))
}

/// A shown path below a shown folder.
fn below<'a>(folder: &str, path: &'a str) -> &'a str {
    path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')).unwrap_or(path)
}
