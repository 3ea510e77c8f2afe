//! The one place that reads the environment: where the project is, its configuration, its database.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::{Global, password};
use crate::backend::{self, Limits, Options, Tables};
use crate::bundle::{self, Bundle};
use crate::config::{self, Config, MaintenanceWay, Password};
use crate::database::Connect;
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::engine::{Failure, FailureKind, Project};
use crate::id::Checksum;
use crate::lockfile;
use crate::report::human::{self, Weight};
use crate::tls::{Pem, Settings};

/// The name of the configuration file.
pub(super) const CONFIG: &str = "db-migrations.yml";

/// The variable that stands in for `database.scratch-url` where a bundle has none.
const SCRATCH_URL: &str = "DB_MIGRATIONS_SCRATCH_URL";

/// The variable that stands in for `database.password-file`.
const PASSWORD_FILE: &str = "DB_MIGRATIONS_PASSWORD_FILE";

/// The variable that stands in for `maintenance`.
pub(super) const MAINTENANCE: &str = "DB_MIGRATIONS_MAINTENANCE";

/// What the command line, the environment and the configuration say together.
pub(super) struct Context {
    pub(super) root: PathBuf,
    pub(super) config_path: PathBuf,
    pub(super) config: Config,
    environment: Environment,
    url: Option<SecretString>,
    bundle: Option<Box<Bundle>>,
    /// What stands elsewhere than in a URL, once it was asked for.
    password: OnceCell<SecretString>,
    has_warned: Cell<bool>,
}

/// Where a command that only needs what was consented gets it from.
#[derive(Debug, Default, clap::Args)]
pub(super) struct From {
    /// Work from a bundle: no sources, no Cargo and no configuration are needed
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// The SHA-256 that the bundle must have, as `bundle` and `sha256sum` print it
    #[arg(long, value_name = "HEX", requires = "bundle")]
    bundle_digest: Option<Checksum>,
}

impl From {
    /// Whether it is a bundle.
    pub(super) fn is_bundle(&self) -> bool {
        self.bundle.is_some()
    }

    /// Reads the bundle, if it is one.
    fn read(&self) -> Result<Option<Bundle>, Failure> {
        let Some(path) = &self.bundle else { return Ok(None) };
        let bytes = lockfile::read_shipped(path).map_err(usage)?;
        let shown = path.display().to_string();
        let found = Checksum::of(&bytes);
        if let Some(wanted) = self.bundle_digest.filter(|wanted| *wanted != found) {
            let fault = Diagnostic::new(format!("`{shown}` is not the bundle of `--bundle-digest`"));
            return Err(usage(fault.note(format!("wanted {wanted}, found {found}"))));
        }
        bundle::parse(&shown, &bytes).map(Some).map_err(usage)
    }
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
    /// Finds and reads the configuration, or what a bundle says in its place.
    pub(super) fn open(global: &Global, from: &From) -> Result<Self, Failure> {
        let Some(bundle) = from.read()? else { return Self::read(global) };
        if global.config.is_some() {
            return Err(usage(
                Diagnostic::new("`--config` and `--bundle` do not go together: a bundle holds its settings")
                    .help("leave `--config` out; the URL comes from `--url` or `DATABASE_URL`"),
            ));
        }
        let root = std::env::current_dir()
            .map_err(|error| usage(Diagnostic::new("the current folder cannot be read").cause(error)))?;
        let environment = Environment { dotenv: dotenv(&root) };
        let mut config = bundle.config.clone();
        config.database.scratch_url = environment.get(SCRATCH_URL).map(Into::into);
        let (url, config_path) = (global.url.clone(), root.join(CONFIG));
        Ok(Self::of(root, config_path, config, environment, url, Some(Box::new(bundle))))
    }

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
            let fault = Diagnostic::new(format!("`{}` does not exist", config_path.display()));
            return Err(usage(fault.help("name a file that does, or leave `--config` out")));
        }
        let shown = config_path.file_name().map_or(CONFIG.into(), |name| name.to_string_lossy());
        let config = match &text {
            Some(text) => config::parse(&shown, text, &|name| environment.get(name))
                .map_err(|faults| Failure::all(FailureKind::Usage, faults))?,
            None => Config::default(),
        };
        Ok(Self::of(root, config_path, config, environment, global.url.clone(), None))
    }

    fn of(
        root: PathBuf,
        config_path: PathBuf,
        config: Config,
        environment: Environment,
        url: Option<SecretString>,
        bundle: Option<Box<Bundle>>,
    ) -> Self {
        let (password, has_warned) = (OnceCell::new(), Cell::new(false));
        Self { root, config_path, config, environment, url, bundle, password, has_warned }
    }

    /// A variable of the process or of `.env`.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        self.environment.get(name)
    }

    /// The bundle that takes the place of the configuration, if one does.
    pub(super) fn bundle(&self) -> Option<&Bundle> {
        self.bundle.as_deref()
    }

    /// The URL by flag, environment, file.
    pub(super) fn url(&self) -> Option<SecretString> {
        let variable = || self.environment.get("DATABASE_URL").map(SecretString::from);
        self.url.clone().or_else(variable).or_else(|| {
            let url = self.config.database.url.as_ref()?;
            Some(below(url.expose_secret(), &self.root).into())
        })
    }

    /// The same, or how to give one.
    pub(super) fn needed_url(&self) -> Result<SecretString, Failure> {
        self.url().ok_or_else(|| {
            let mut fault = Diagnostic::new("no database is named");
            let unset = self.config.database.url_variable.as_ref();
            fault.notes.extend(unset.map(|name| format!("`database.url` needs the variable `{name}`, which is not set")));
            if self.bundle.is_some() {
                return usage(fault.help("set `DATABASE_URL`, or pass `--url`: a bundle holds none"));
            }
            usage(
                fault
                    .help("set `DATABASE_URL`, pass `--url`, or write `database: { url: sqlite://app.db }` into `db-migrations.yml`"),
            )
        })
    }

    /// Where the URL for scratch databases is set.
    pub(super) fn scratch_setting(&self) -> &'static str {
        if self.bundle.is_some() { SCRATCH_URL } else { "database.scratch-url" }
    }

    /// The dialects for which snapshots are kept.
    pub(super) fn dialects(&self) -> Result<Vec<Dialect>, Failure> {
        if !self.config.dialects.is_empty() {
            return Ok(self.config.dialects.clone());
        }
        let mut dialects: Vec<Dialect> =
            self.bundle.iter().flat_map(|bundle| bundle.snapshots.keys().copied()).collect();
        if let Some(url) = self.url() {
            let dialect = backend::dialect_of(url.expose_secret(), &[]).map_err(usage)?;
            dialects.extend((!dialects.contains(&dialect)).then_some(dialect));
        }
        Ok(dialects)
    }

    /// Connections to the database; `create` makes an absent database file.
    pub(super) fn connector(&self, create: bool) -> Result<Box<dyn Connect>, Failure> {
        self.connector_to(self.needed_url()?, create)
    }

    /// Connections to some other URL.
    pub(super) fn connector_to(&self, url: SecretString, create: bool) -> Result<Box<dyn Connect>, Failure> {
        let database = &self.config.database;
        let tables = Tables::new(Some(&database.history_schema), &database.history_table)
            .map_err(|error| usage(Diagnostic::new(format!("the name of the history table: {error}"))))?;
        let scratch_url = database.scratch_url.clone();
        let limits = Limits { lock: database.lock_timeout, statement: database.statement_timeout };
        let dialects = self.config.dialects.clone();
        let urls = std::iter::once(&url).chain(&scratch_url);
        let password = self.password(urls.map(ExposeSecret::expose_secret).any(backend::lacks_password))?;
        let below = |pem: &Pem| {
            let is_path = !pem.is_inline() && pem.text != "system";
            let path = is_path.then(|| self.root.join(&pem.text).display().to_string());
            Pem { text: path.unwrap_or_else(|| pem.text.clone()), setting: pem.setting }
        };
        let tls = Settings {
            mode: database.tls.mode,
            ca: database.tls.ca.as_ref().map(below),
            cert: database.tls.cert.as_ref().map(below),
            key: database.tls.key.as_ref().map(below),
        };
        let options = Options { url, scratch_url, password, tls, tables, create, limits, dialects };
        let connect = backend::connector(&options).map_err(usage)?;
        self.warn(connect.warnings());
        Ok(connect)
    }

    /// What stands elsewhere than in a URL, if it is needed.
    fn password(&self, is_needed: bool) -> Result<Option<SecretString>, Failure> {
        if !is_needed {
            return Ok(None);
        }
        if let Some(password) = self.password.get() {
            return Ok(Some(password.clone()));
        }
        let found = match (self.environment.get(PASSWORD_FILE), &self.config.database.password) {
            (Some(path), _) => password::of_file(&self.root.join(path), PASSWORD_FILE),
            (None, Some(Password::File(path))) => {
                password::of_file(&self.root.join(path), "database.password-file")
            }
            (None, Some(Password::Command(words))) => password::of_command(words, &self.root),
            (None, None) => return Ok(None),
        };
        let found = found.map_err(usage)?;
        Ok(Some(self.password.get_or_init(|| found).clone()))
    }

    /// Says once what is weak about how the database is reached, and about where its password stands.
    fn warn(&self, weak: &[String]) {
        if self.has_warned.replace(true) {
            return;
        }
        let better = "a file (`database.password-file`), a command (`database.password-command`) or a variable \
                      (`DATABASE_URL`, `PGPASSWORD`) holds it better";
        let is_shown = self.url.as_ref().is_some_and(|url| backend::holds_password(url.expose_secret()));
        let shown = is_shown.then(|| {
            format!("`--url` holds a password, which `ps` shows to everybody on this machine: {better}")
        });
        let written = self.config.database.is_password_written.then(|| {
            let shown = self.config_path.file_name().unwrap_or_default().display();
            format!("`{shown}` holds a password, which whoever reads the repository reads: {better}")
        });
        for text in weak.iter().cloned().chain(shown).chain(written) {
            human::print(&Diagnostic::new(text), Weight::Warning);
        }
    }

    /// How maintenance mode is switched: the variable goes before the configuration, and a bundle holds nothing of it.
    pub(super) fn maintenance(&self) -> Result<Cow<'_, config::Maintenance>, Failure> {
        let Some(text) = self.environment.get(MAINTENANCE) else {
            return Ok(Cow::Borrowed(&self.config.maintenance));
        };
        let config =
            config::parse(MAINTENANCE, &format!("maintenance: {text}\n"), &|name| self.variable(name))
                .map_err(|faults| Failure::all(FailureKind::Usage, faults))?;
        let mut maintenance = config.maintenance;
        // the same place for every command, wherever its configuration is
        if let Some(MaintenanceWay::File(path)) = &mut maintenance.way
            && let Ok(here) = std::env::current_dir()
        {
            *path = here.join(&*path).to_string_lossy().into_owned();
        }
        Ok(Cow::Owned(maintenance))
    }

    /// Discovers, and reads the lock; or unpacks the bundle.
    pub(super) fn project(&self) -> Result<Project, Failure> {
        if let Some(bundle) = &self.bundle {
            return Project::unpack(Bundle::clone(bundle));
        }
        Project::open(&self.root, self.config.clone())
    }
}

/// The nearest folder above with a configuration, else with a `Cargo.toml`, else here.
fn find_root(here: &Path) -> PathBuf {
    let with = |name: &str| here.ancestors().find(|folder| folder.join(name).is_file());
    with(CONFIG).or_else(|| with("Cargo.toml")).unwrap_or(here).to_owned()
}

/// Larger than any `.env`.
const DOTENV_LIMIT: u64 = 1024 * 1024;

/// Only a regular file is read: a FIFO would hang, a device never end.
fn dotenv(root: &Path) -> HashMap<String, String> {
    let path = root.join(".env");
    if !path.metadata().is_ok_and(|file| file.is_file() && file.len() <= DOTENV_LIMIT) {
        return HashMap::new();
    }
    dotenvy::from_path_iter(path).map(|pairs| pairs.flatten().collect()).unwrap_or_default()
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
