//! What is known without a database: configuration, modules, catalogue, lock.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::discover::{self, Discovery};
use crate::lock::Document;
use crate::lockfile;
use crate::snapshot::Unread;

use super::failure::{Failure, Kind};

/// An application with its modules and its lock.
pub struct Project {
    /// The folder of the configuration.
    pub root: PathBuf,
    /// The configuration.
    pub config: Config,
    /// What discovery found beside the modules, which are the catalogue's.
    pub discovery: Discovery,
    /// All migrations.
    pub catalogue: Catalogue,
    /// The lock as it was read.
    pub document: Document,
}

impl Project {
    /// Discovers, gathers, and reads the lock. Faults of all of them are usage faults.
    pub fn open(root: &Path, config: Config) -> Result<Self, Failure> {
        let usage = |faults| Failure::all(Kind::Usage, faults);
        let mut discovery = discover::discover(&discover::Request::new(root, &config)).map_err(usage)?;
        let catalogue = Catalogue::gather(std::mem::take(&mut discovery.modules)).map_err(usage)?;
        let mut project = Self {
            root: root.to_owned(),
            config,
            discovery,
            catalogue,
            document: Document::parse("", "").map_err(usage)?,
        };
        project.read_lock()?;
        Ok(project)
    }

    /// Reads the lock again; whether it has another text now.
    pub fn read_lock(&mut self) -> Result<bool, Failure> {
        let text = lockfile::read(&self.lock_path()).map_err(|fault| Failure::new(Kind::Usage, fault))?;
        if text.as_deref().unwrap_or_default() == self.document.text() {
            return Ok(false);
        }
        self.document = Document::parse(&self.config.lock, &text.unwrap_or_default())
            .map_err(|faults| Failure::all(Kind::Usage, faults))?;
        Ok(true)
    }

    /// Where the lock is.
    pub fn lock_path(&self) -> PathBuf {
        self.root.join(&self.config.lock)
    }

    /// Where a dialect's snapshot is.
    pub fn snapshot_path(&self, dialect: Dialect) -> PathBuf {
        self.root.join(self.snapshot_name(dialect))
    }

    /// The same, as it is shown.
    pub fn snapshot_name(&self, dialect: Dialect) -> String {
        format!("{}.{dialect}.sql", self.config.snapshot)
    }

    /// The committed snapshot, if there is one.
    pub fn snapshot(&self, dialect: Dialect) -> Result<Option<Unread>, Diagnostic> {
        let Some(text) = lockfile::read(&self.snapshot_path(dialect))? else { return Ok(None) };
        Unread::open(&self.snapshot_name(dialect), &text).map(Some)
    }

    /// The foreign key modes that the configuration gives to modules.
    pub fn foreign_keys(&self) -> HashMap<String, bool> {
        self.config
            .modules
            .enable
            .iter()
            .filter_map(|(name, enable)| {
                let namespace = enable.namespace.as_ref().map_or(name.as_str(), |n| n.as_str());
                Some((namespace.to_owned(), enable.foreign_keys?))
            })
            .collect()
    }
}
