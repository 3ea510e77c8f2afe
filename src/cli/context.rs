//! The one place that reads the environment: where the project is, its configuration, its database.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::Global;
use crate::backend::{self, Options, Tables};
use crate::config::{self, Config};
use crate::database::Connect;
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::engine::{Failure, FailureKind, Project};
use crate::lockfile;

/// The name of the configuration file.
pub(super) const CONFIG: &str = "db-migrations.yml";

/// What the command line, the environment and the configuration say together.
pub(super) struct Context {
    pub(super) root: PathBuf,
    pub(super) config_path: PathBuf,
    pub(super) config: Config,
    environment: Environment,
    url: Option<String>,
}

/// Variables of the process, then of `.env`.
struct Environment {
    dotenv: HashMap<String, String>,
}

impl Environment {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().or_else(|| self.dotenv.get(name).cloned()).filter(|value| !value.is_empty())
    }
}

fn usage(diagnostic: Diagnostic) -> Failure {
    Failure::new(FailureKind::Usage, diagnostic)
}

impl Context {
    /// Finds and reads the configuration.
    pub(super) fn read(global: &Global) -> Result<Self, Failure> {
        let here = std::env::current_dir()
            .map_err(|error| usage(Diagnostic::new("the current folder cannot be read").cause(error)))?;
        let config_path = match &global.config {
            Some(path) => here.join(path),
            None => find_root(&here).join(CONFIG),
        };
        let root = config_path.parent().unwrap_or(&here).to_owned();
        let environment = Environment { dotenv: dotenv(&root) };
        let text = lockfile::read(&config_path).map_err(usage)?;
        if text.is_none() && global.config.is_some() {
            return Err(usage(Diagnostic::new(format!("`{}` does not exist", config_path.display()))));
        }
        let shown = config_path.file_name().map_or(CONFIG.into(), |name| name.to_string_lossy());
        let config = match &text {
            Some(text) => config::parse(&shown, text, &|name| environment.get(name))
                .map_err(|faults| Failure::all(FailureKind::Usage, faults))?,
            None => Config::default(),
        };
        Ok(Self { root, config_path, config, environment, url: global.url.clone() })
    }

    /// A variable of the process or of `.env`.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        self.environment.get(name)
    }

    /// The URL by flag, environment, file.
    pub(super) fn url(&self) -> Option<String> {
        self.url.clone().or_else(|| self.environment.get("DATABASE_URL")).or_else(|| {
            let url = self.config.database.url.as_deref()?;
            Some(below(url, &self.root))
        })
    }

    /// The same, or how to give one.
    pub(super) fn needed_url(&self) -> Result<String, Failure> {
        self.url().ok_or_else(|| {
            let mut fault = Diagnostic::new("no database is named");
            let unset = self.config.database.url_variable.as_ref();
            fault.notes.extend(unset.map(|name| format!("`database.url` needs the variable `{name}`, which is not set")));
            usage(
                fault
                    .help("set `DATABASE_URL`, pass `--url`, or write `database: { url: sqlite://app.db }` into `db-migrations.yml`"),
            )
        })
    }

    /// The dialects for which snapshots are kept.
    pub(super) fn dialects(&self) -> Result<Vec<Dialect>, Failure> {
        if !self.config.dialects.is_empty() {
            return Ok(self.config.dialects.clone());
        }
        self.url().map_or(Ok(Vec::new()), |url| {
            backend::dialect_of(&url, &[]).map(|dialect| vec![dialect]).map_err(usage)
        })
    }

    /// Connections to the database; `create` makes an absent database file.
    pub(super) fn connector(&self, create: bool) -> Result<Box<dyn Connect>, Failure> {
        self.connector_to(self.needed_url()?, create)
    }

    /// Connections to some other URL.
    pub(super) fn connector_to(&self, url: String, create: bool) -> Result<Box<dyn Connect>, Failure> {
        let database = &self.config.database;
        let tables = Tables::new(Some(&database.history_schema), &database.history_table)
            .map_err(|error| usage(Diagnostic::new(format!("the name of the history table: {error}"))))?;
        let scratch_url = database.scratch_url.clone();
        let (lock_wait, dialects) = (database.lock_wait, self.config.dialects.clone());
        backend::connector(&Options { url, scratch_url, tables, create, lock_wait, dialects }).map_err(usage)
    }

    /// Discovers, and reads the lock.
    pub(super) fn project(&self) -> Result<Project, Failure> {
        Project::open(&self.root, self.config.clone())
    }
}

/// The nearest folder above with a configuration, else with a `Cargo.toml`, else here.
fn find_root(here: &Path) -> PathBuf {
    let with = |name: &str| here.ancestors().find(|folder| folder.join(name).is_file());
    with(CONFIG).or_else(|| with("Cargo.toml")).unwrap_or(here).to_owned()
}

fn dotenv(root: &Path) -> HashMap<String, String> {
    dotenvy::from_path_iter(root.join(".env")).map(|pairs| pairs.flatten().collect()).unwrap_or_default()
}

/// A relative SQLite file of the configuration is relative to the configuration.
fn below(url: &str, root: &Path) -> String {
    match url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")) {
        Some(path) if !path.starts_with('/') && !path.starts_with(':') => {
            format!("sqlite://{}", root.join(path).display())
        }
        _ => url.to_owned(),
    }
}

/// Who runs this, for the history.
pub(super) fn user() -> String {
    let variable = |name| std::env::var(name).ok();
    let user = variable("USER").or_else(|| variable("LOGNAME")).or_else(|| variable("USERNAME"));
    let host = variable("HOSTNAME")
        .or_else(|| variable("COMPUTERNAME"))
        .or_else(|| fs_err::read_to_string("/etc/hostname").ok().map(|name| name.trim().to_owned()));
    format!(
        "{}@{}",
        user.unwrap_or_else(|| "unknown".to_owned()),
        host.unwrap_or_else(|| "unknown".to_owned())
    )
}
