//! `db-migrations.yml` as a value.
//!
//! Every key is optional: without a file everything has its default. Read with serde-saphyr, since
//! the file is small and serde's words are enough; unknown keys, duplicate keys and wrong types are
//! errors with a code frame and the nearest known key. Finding the file, the environment and `.env`
//! belong to the command line; here a text and a look-up of variables become a value.
//!
//! serde stops at the first fault of *shape*; faults of *values* (an unknown format, a variable that
//! is not set) are collected and reported together.

mod edit;
mod maintenance;
#[cfg(test)]
mod tests;
mod values;
mod wire;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use secrecy::SecretString;

use crate::diagnostic::{Diagnostic, Frame};
use crate::dialect::Dialect;
use crate::id::Namespace;
use crate::module::Format;
use crate::secret;
use crate::tls;
use crate::tool::Tool;

pub use edit::{disable_in_text, enable_in_text};
pub use maintenance::{Maintenance, MaintenanceWay, OnFailure};

/// The configuration of one database.
#[derive(Clone, Debug)]
pub struct Config {
    /// The text it was read from, for code frames; empty without a file.
    pub source: Source,
    /// The variables in it, outside of URLs.
    pub variables: Vec<Named>,
    /// The application's package, needed in a virtual workspace.
    pub application: Option<String>,
    /// The application's namespace; `None` = what its own metadata says, else `app`.
    pub namespace: Option<Namespace>,
    /// The application's migrations; `None` = what its own metadata says, else `migrations`.
    pub path: Option<String>,
    /// The format of the application's migrations; `None` = detected.
    pub format: Option<Format>,
    /// The lock file.
    pub lock: String,
    /// Whose migrations a person must have looked at.
    pub review: Review,
    /// The snapshot is `PREFIX.<dialect>.sql`.
    pub snapshot: String,
    /// The folder of the application's checks.
    pub checks: String,
    /// Session settings of the application's migrations.
    pub session: BTreeMap<String, String>,
    /// The database and the tables of the history.
    pub database: Database,
    /// The dialects for which a snapshot is kept; empty = the URL's.
    pub dialects: Vec<Dialect>,
    /// How Cargo is asked for the crate graph.
    pub cargo: Cargo,
    /// What is a module beside the crates that say so themselves.
    pub modules: Modules,
    /// The schema that the application declares.
    pub schema: SchemaText,
    /// How the resulting schema is checked.
    pub schema_check: SchemaCheck,
    /// What a run may do.
    pub policy: Policy,
    /// Other tools' histories that are taken over where ours is empty.
    pub adopt: Vec<Adopt>,
    /// The tool whose table is kept up to date for the application's migrations.
    pub mirror: Option<Mirror>,
    /// What the linter says of what.
    pub lint: Lint,
    /// How an application is told that it must not work now.
    pub maintenance: Maintenance,
}

/// `lock.review`: whose destructive migrations need `reviewed: true` in the lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Review {
    /// Nobody's.
    #[default]
    Off,
    /// Those of crates that come from a registry or from git.
    External,
}

impl Review {
    /// The words of the configuration.
    pub const WORDS: [(&'static str, Self); 2] = [("off", Self::Off), ("external", Self::External)];
}

/// One of `adopt:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adopt {
    /// Whose history.
    pub tool: Tool,
    /// Of which module.
    pub module: String,
    /// Its table, where it is not the usual one.
    pub table: Option<String>,
    /// Its schema, where it is not the usual one.
    pub schema: Option<String>,
}

/// `mirror:` of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// Whose table.
    pub tool: Tool,
    /// Its name, where it is not the usual one.
    pub table: Option<String>,
}

/// The text of the configuration, to point into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The file as it is shown.
    pub path: String,
    /// The whole text.
    pub text: Arc<str>,
}

/// Where the password stands that a URL does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Password {
    /// In the first line of a file.
    File(String),
    /// In the first line that a program prints: its name and its arguments.
    Command(Vec<String>),
}

/// `database:`.
#[derive(Clone)]
pub struct Database {
    /// `None` also when a variable in it is not set.
    pub url: Option<SecretString>,
    /// Whether a password is written out in one of the two URLs.
    pub is_password_written: bool,
    /// The password of URLs without one.
    pub password: Option<Password>,
    /// How connections are encrypted.
    pub tls: tls::Settings,
    /// The variable in `url` that is not set.
    pub url_variable: Option<String>,
    /// Where scratch databases are made.
    pub scratch_url: Option<SecretString>,
    /// The table of the history.
    pub history_table: String,
    /// Its schema.
    pub history_schema: String,
    /// How long to wait for another run.
    pub guard_wait: Duration,
    /// How long a statement waits for a lock that somebody else holds; zero = as long as it takes.
    pub lock_timeout: Duration,
    /// How long a statement in a transaction may run (PostgreSQL, MariaDB); zero = as long as it takes.
    pub statement_timeout: Duration,
    /// How often a transaction is tried again in whose way another session was.
    pub lock_retries: u32,
}

/// `cargo:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cargo {
    /// `cargo: off`: only folders and plugins count.
    pub off: bool,
    /// Features of the application.
    pub features: Vec<String>,
    /// All of them.
    pub all_features: bool,
    /// Whether the default features are on.
    pub default_features: bool,
}

/// `modules:`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Modules {
    /// Crates and plugins by name, with what is said about them.
    pub enable: IndexMap<String, Enable>,
    /// Crates and plugins that shall not count.
    pub disable: Vec<Named>,
    /// Globs of plugin folders.
    pub paths: Vec<Named>,
}

/// What the configuration says about one module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enable {
    /// Its folder of migrations, inside its package.
    pub path: Option<String>,
    /// Its format; `None` = detected.
    pub format: Option<Format>,
    /// Which version, when the graph holds several.
    pub version: Option<String>,
    /// Its namespace; `None` = the package name.
    pub namespace: Option<Namespace>,
    /// Modules that come before it, beside those that the crate graph knows.
    pub depends_on: Vec<Namespace>,
    /// The foreign key mode of its migrations (SQLite).
    pub foreign_keys: Option<bool>,
    /// Session settings of its migrations: name → value.
    pub session: BTreeMap<String, String>,
    /// The tool whose table is kept up to date for its migrations.
    pub mirror: Option<Mirror>,
    /// Where its name stands in the file.
    pub span: Range<usize>,
}

/// A name and where it stands in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// The name.
    pub name: String,
    /// Its bytes.
    pub span: Range<usize>,
}

/// `schema:`: where the schema stands that the application declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SchemaText {
    /// In `schema.sql` or the folder `schema`, if there is one.
    #[default]
    Usual,
    /// In this file or folder.
    Path(Named),
    /// A program prints it.
    Command(SchemaCommand),
}

/// A program that prints DDL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaCommand {
    /// Its name and its arguments.
    pub words: Vec<String>,
    /// How long it may take.
    pub timeout: Duration,
    /// Its bytes in the file.
    pub span: Range<usize>,
}

/// `schema-check:`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaCheck {
    /// How exactly the schema must fit.
    pub mode: SchemaCheckMode,
    /// Where the expected schema comes from.
    pub source: SchemaSource,
    /// Patterns of objects that never count.
    pub ignore: Vec<String>,
    /// Patterns of the objects that count, or with `!` do not; empty = all of them.
    pub filter: Vec<String>,
}

/// How exactly the schema must fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SchemaCheckMode {
    /// All that is expected is there and equal; more is a note.
    #[default]
    Superset,
    /// Nothing else may be there.
    Strict,
    /// Not compared.
    Off,
}

/// Where the expected schema comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SchemaSource {
    /// What the lock makes of an empty database.
    #[default]
    Replay,
    /// What people declare.
    Declared,
    /// There is none.
    Off,
}

/// `policy:`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// A locked migration that stands before ones that have run.
    pub out_of_order: Reaction,
    /// A migration that has run here and is neither locked nor found.
    pub unknown_executed: Reaction,
    /// Whether a run may need more than one transaction.
    pub allow_split: bool,
    /// Whether a run that cannot be one transaction is tried on a scratch database first.
    pub rehearsal: Rehearsal,
    /// Which steps of a deploy a run means that does not say so itself.
    pub phase: Phases,
}

/// Which steps of a deploy a run means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phases {
    /// All that may run now: a contract step that must wait is left out.
    #[default]
    All,
    /// What must run before the new code.
    Expand,
    /// What may run once no old code is left.
    Contract,
}

impl Phases {
    /// The words of configuration and command line.
    pub const WORDS: [(&'static str, Self); 3] =
        [("all", Self::All), ("expand", Self::Expand), ("contract", Self::Contract)];
}

/// Whether a run that the database commits bit by bit is rehearsed on a scratch database first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rehearsal {
    /// Where it can be; else it is said why not.
    #[default]
    Try,
    /// Without one nothing runs.
    Require,
    /// Never.
    Off,
}

impl Rehearsal {
    /// The words of configuration and command line.
    pub const WORDS: [(&'static str, Self); 3] =
        [("try", Self::Try), ("require", Self::Require), ("off", Self::Off)];
}

/// What is done about something unusual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reaction {
    /// Nothing.
    Allow,
    /// It is said.
    #[default]
    Warn,
    /// The run is refused before anything runs.
    Deny,
}

/// `lint:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    /// What rules weigh, where it is not the usual; whether they exist is not known here.
    pub rules: Vec<(Named, Severity)>,
    /// Tables of up to so many rows are small: rules that are about time do not count there.
    pub small_table: u32,
}

impl Default for Lint {
    fn default() -> Self {
        Self { rules: Vec::new(), small_table: 10_000 }
    }
}

/// What a finding of the linter weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is said.
    Off,
    /// It is said.
    Warn,
    /// The command fails.
    Error,
}

impl Severity {
    /// The words of the configuration.
    pub const WORDS: [(&'static str, Self); 3] =
        [("off", Self::Off), ("warn", Self::Warn), ("error", Self::Error)];

    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

impl Config {
    /// The tool whose table is kept up to date for a module.
    pub fn mirror_of(&self, namespace: &Namespace, is_application: bool) -> Option<&Mirror> {
        if is_application {
            return self.mirror.as_ref();
        }
        let named = |(name, enable): &(&String, &Enable)| {
            enable.namespace.as_ref().map_or(name.as_str(), Namespace::as_str) == namespace.as_str()
        };
        self.modules.enable.iter().find(named).and_then(|(_, enable)| enable.mirror.as_ref())
    }

    /// Whether another tool's checksums of a module's files are needed: then line ends count.
    pub fn hashes_files(&self, namespace: &Namespace, is_application: bool) -> bool {
        let adopted = self.adopt.iter().any(|adopt| adopt.module == namespace.as_str());
        adopted || self.mirror_of(namespace, is_application).is_some()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            source: Source::default(),
            variables: Vec::new(),
            application: None,
            namespace: None,
            path: None,
            format: None,
            lock: "migrations-lock.yml".to_owned(),
            review: Review::default(),
            snapshot: "migrations-schema".to_owned(),
            checks: "checks".to_owned(),
            session: BTreeMap::new(),
            database: Database::default(),
            dialects: Vec::new(),
            cargo: Cargo::default(),
            modules: Modules::default(),
            schema: SchemaText::default(),
            schema_check: SchemaCheck::default(),
            policy: Policy::default(),
            adopt: Vec::new(),
            mirror: None,
            lint: Lint::default(),
            maintenance: Maintenance::default(),
        }
    }
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: None,
            is_password_written: false,
            password: None,
            tls: tls::Settings::default(),
            url_variable: None,
            scratch_url: None,
            history_table: "db_migrations".to_owned(),
            history_schema: "public".to_owned(),
            guard_wait: Duration::from_mins(5),
            lock_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_hours(1),
            lock_retries: 10,
        }
    }
}

impl Default for Cargo {
    fn default() -> Self {
        Self { off: false, features: Vec::new(), all_features: false, default_features: true }
    }
}

impl fmt::Debug for Database {
    /// Without the URLs: they hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("history_table", &self.history_table)
            .field("history_schema", &self.history_schema)
            .field("guard_wait", &self.guard_wait)
            .field("lock_timeout", &self.lock_timeout)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// The name of a dialect's snapshot.
    pub fn snapshot_name(&self, dialect: Dialect) -> String {
        format!("{}.{dialect}.sql", self.snapshot)
    }

    /// A code frame over bytes of the file; `None` without a file.
    pub fn frame(&self, span: &Range<usize>) -> Option<Frame> {
        (!self.source.text.is_empty())
            .then(|| Frame::new(self.source.path.clone(), self.source.text.clone(), span.clone()))
    }
}

/// Reads the text of the file; `variables` looks up `${VAR}`.
pub fn parse(
    path: &str,
    text: &str,
    variables: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, Vec<Diagnostic>> {
    // what is kept for code frames holds no passwords
    let source = Source { path: path.to_owned(), text: secret::masked_source(text).into() };
    let wire = wire::read(&source, text).map_err(|fault| vec![fault])?;
    let mut reader = values::Reader::new(source, variables);
    let config = reader.config(wire);
    if reader.faults.is_empty() { Ok(config) } else { Err(reader.faults) }
}
