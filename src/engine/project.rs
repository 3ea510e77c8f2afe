//! What is known without a database: configuration, modules, catalogue, lock.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use crate::bundle::Bundle;
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
    /// The texts of the snapshots, where all of it comes from a bundle; then no file is read or written.
    bundled: Option<BTreeMap<Dialect, String>>,
}

impl Project {
    /// Discovers, gathers, and reads the lock. Faults of all of them are usage faults.
    pub fn open(root: &Path, config: Config) -> Result<Self, Failure> {
        let mut project = Self::unlocked(root, config)?;
        project.read_lock()?;
        Ok(project)
    }

    /// The same with an empty lock in place of one that cannot be read yet.
    pub fn unlocked(root: &Path, config: Config) -> Result<Self, Failure> {
        let usage = |faults| Failure::all(Kind::Usage, faults);
        let mut discovery = discover::discover(&discover::Request::new(root, &config)).map_err(usage)?;
        let catalogue = Catalogue::gather(std::mem::take(&mut discovery.modules)).map_err(usage)?;
        Ok(Self {
            root: root.to_owned(),
            config,
            discovery,
            catalogue,
            document: Document::parse("", "").map_err(usage)?,
            bundled: None,
        })
    }

    /// The project that was bundled; its files are not needed any more.
    pub fn unpack(bundle: Bundle) -> Result<Self, Failure> {
        let usage = |faults| Failure::all(Kind::Usage, faults);
        let Bundle { config, release: _, lock, modules, snapshots } = bundle;
        Ok(Self {
            root: PathBuf::new(),
            discovery: Discovery::default(),
            catalogue: Catalogue::gather(modules).map_err(usage)?,
            document: Document::parse(&config.lock, &lock).map_err(usage)?,
            config,
            bundled: Some(snapshots),
        })
    }

    /// The same project with other texts; nothing is written.
    pub fn with_catalogue(&self, catalogue: Catalogue) -> Result<Self, Failure> {
        Ok(Self {
            root: self.root.clone(),
            config: self.config.clone(),
            discovery: self.discovery.clone(),
            catalogue,
            document: Document::parse(&self.config.lock, self.document.text())
                .map_err(|faults| Failure::all(Kind::Usage, faults))?,
            bundled: self.bundled.clone(),
        })
    }

    /// Everything that a run of this project needs.
    pub fn bundle(&self, dialects: &[Dialect]) -> Result<Bundle, Failure> {
        let mut snapshots = BTreeMap::new();
        for dialect in dialects {
            let text = lockfile::read(&self.snapshot_path(*dialect));
            let text = text.map_err(|fault| Failure::new(Kind::Usage, fault))?;
            snapshots.extend(text.map(|text| (*dialect, text)));
        }
        Ok(Bundle {
            config: self.config.clone(),
            release: None,
            lock: self.document.text().to_owned(),
            modules: self.catalogue.modules().to_vec(),
            snapshots,
        })
    }

    /// Whether all of it comes from a bundle: then nothing is written beside the database.
    pub fn is_bundled(&self) -> bool {
        self.bundled.is_some()
    }

    /// Reads the lock again; whether it has another text now.
    pub fn read_lock(&mut self) -> Result<bool, Failure> {
        if self.is_bundled() {
            return Ok(false);
        }
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
        self.config.snapshot_name(dialect)
    }

    /// The committed snapshot, if there is one.
    pub fn snapshot(&self, dialect: Dialect) -> Result<Option<Unread>, Diagnostic> {
        let text = match &self.bundled {
            Some(snapshots) => snapshots.get(&dialect).cloned(),
            None => lockfile::read(&self.snapshot_path(dialect))?,
        };
        let Some(text) = text else { return Ok(None) };
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
