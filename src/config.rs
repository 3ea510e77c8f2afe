//! `db-migrations.yml` as a value.
//!
//! Every key is optional: without a file everything has its default. Read with serde-saphyr, since
//! the file is small and serde's words are enough; unknown keys, duplicate keys and wrong types are
//! errors with a code frame and the nearest known key. Finding the file, the environment and `.env`
//! belong to the command line; here a text and a look-up of variables become a value.
//!
//! serde stops at the first fault of *shape*; faults of *values* (an unknown format, a variable that
//! is not set) are collected and reported together.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

use crate::diagnostic::{Diagnostic, Frame};
use crate::dialect::Dialect;
use crate::id::Namespace;
use crate::module::Format;

pub use edit::{disable_in_text, enable_in_text};

/// The configuration of one database.
#[derive(Clone, Debug)]
pub struct Config {
    /// The text it was read from, for code frames; empty without a file.
    pub source: Source,
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
    /// The snapshot is `PREFIX.<dialect>.sql`.
    pub snapshot: String,
    /// The folder of the application's checks.
    pub checks: String,
    /// The database and the tables of the history.
    pub database: Database,
    /// The dialects for which a snapshot is kept; empty = the URL's.
    pub dialects: Vec<Dialect>,
    /// How Cargo is asked for the crate graph.
    pub cargo: Cargo,
    /// What is a module beside the crates that say so themselves.
    pub modules: Modules,
    /// How the resulting schema is checked.
    pub schema_check: SchemaCheck,
    /// What a run may do.
    pub policy: Policy,
}

/// The text of the configuration, to point into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The file as it is shown.
    pub path: String,
    /// The whole text.
    pub text: Arc<str>,
}

/// `database:`.
#[derive(Clone, PartialEq, Eq)]
pub struct Database {
    /// `None` also when a variable in it is not set.
    pub url: Option<String>,
    /// Where scratch databases are made.
    pub scratch_url: Option<String>,
    /// The table of the history.
    pub history_table: String,
    /// Its schema.
    pub history_schema: String,
    /// How long to wait for another run.
    pub guard_wait: Duration,
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

/// `schema-check:`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaCheck {
    /// How exactly the schema must fit.
    pub mode: SchemaCheckMode,
    /// Where the expected schema comes from.
    pub source: SchemaSource,
    /// Patterns of objects that never count.
    pub ignore: Vec<String>,
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
    /// There is none.
    Off,
}

/// `policy:`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// A locked migration that stands before ones that have run.
    pub out_of_order: OutOfOrder,
    /// Whether a run may need more than one transaction.
    pub allow_split: bool,
}

/// What to do with a migration that runs late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutOfOrder {
    /// Run it.
    Allow,
    /// Run it and say so.
    #[default]
    Warn,
    /// Refuse before anything runs.
    Deny,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            source: Source::default(),
            application: None,
            namespace: None,
            path: None,
            format: None,
            lock: "migrations-lock.yml".to_owned(),
            snapshot: "migrations-schema".to_owned(),
            checks: "checks".to_owned(),
            database: Database::default(),
            dialects: Vec::new(),
            cargo: Cargo::default(),
            modules: Modules::default(),
            schema_check: SchemaCheck::default(),
            policy: Policy::default(),
        }
    }
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: None,
            scratch_url: None,
            history_table: "db_migrations".to_owned(),
            history_schema: "public".to_owned(),
            guard_wait: Duration::from_mins(5),
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
            .finish_non_exhaustive()
    }
}

impl Config {
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
    let source = Source { path: path.to_owned(), text: text.into() };
    let wire = wire::read(&source).map_err(|fault| vec![fault])?;
    let mut reader = values::Reader::new(source, variables);
    let config = reader.config(wire);
    if reader.faults.is_empty() { Ok(config) } else { Err(reader.faults) }
}

mod wire {
    //! The shape of the file, and serde's errors as diagnostics.

    use std::ops::Range;

    use serde::de::value::MapAccessDeserializer;
    use serde::{Deserialize, Deserializer, de};
    use serde_saphyr::{Error, Location, MessageFormatter, Spanned, UserMessageFormatter};

    use super::Source;
    use crate::diagnostic::{Diagnostic, Frame, nearest};

    pub(super) type Text = Spanned<String>;

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
    pub(super) struct Config {
        pub(super) application: Option<Text>,
        pub(super) namespace: Option<Text>,
        pub(super) path: Option<Text>,
        pub(super) format: Option<Text>,
        pub(super) lock: Option<Text>,
        pub(super) snapshot: Option<Text>,
        pub(super) checks: Option<Text>,
        pub(super) database: Option<Database>,
        pub(super) dialects: Option<Vec<Text>>,
        pub(super) cargo: Option<Cargo>,
        pub(super) modules: Option<Modules>,
        pub(super) schema_check: Option<SchemaCheck>,
        pub(super) policy: Option<Policy>,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
    pub(super) struct Database {
        pub(super) url: Option<Text>,
        pub(super) scratch_url: Option<Text>,
        pub(super) history_table: Option<Text>,
        pub(super) history_schema: Option<Text>,
        pub(super) guard_wait: Option<u64>,
    }

    #[derive(Debug)]
    pub(super) enum Cargo {
        Off,
        On(CargoTable),
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
    pub(super) struct CargoTable {
        pub(super) features: Option<Vec<Text>>,
        pub(super) all_features: Option<bool>,
        pub(super) default_features: Option<bool>,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
    pub(super) struct Modules {
        pub(super) enable: Option<Entries>,
        pub(super) disable: Option<Vec<Text>>,
        pub(super) paths: Option<Vec<Text>>,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
    pub(super) struct Enable {
        pub(super) path: Option<Text>,
        pub(super) format: Option<Text>,
        pub(super) version: Option<Text>,
        pub(super) namespace: Option<Text>,
        pub(super) depends_on: Option<Vec<Text>>,
        pub(super) foreign_keys: Option<Text>,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
    pub(super) struct SchemaCheck {
        pub(super) mode: Option<Text>,
        pub(super) source: Option<Text>,
        pub(super) ignore: Option<Vec<Text>>,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
    pub(super) struct Policy {
        pub(super) out_of_order: Option<Text>,
        pub(super) allow_split: Option<bool>,
    }

    /// The entries in the order of the file.
    #[derive(Debug, Default)]
    pub(super) struct Entries(pub(super) Vec<(Text, Option<Enable>)>);

    impl<'de> Deserialize<'de> for Entries {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_map(EntriesVisitor)
        }
    }

    struct EntriesVisitor;

    impl<'de> de::Visitor<'de> for EntriesVisitor {
        type Value = Entries;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a map from crate to entry")
        }

        fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
            let mut entries = Vec::new();
            while let Some(entry) = map.next_entry()? {
                entries.push(entry);
            }
            Ok(Entries(entries))
        }
    }

    impl<'de> Deserialize<'de> for Cargo {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(CargoVisitor)
        }
    }

    struct CargoVisitor;

    impl<'de> de::Visitor<'de> for CargoVisitor {
        type Value = Cargo;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("`off`, or a map of `features`, `all-features`, `default-features`")
        }

        fn visit_bool<E: de::Error>(self, on: bool) -> Result<Cargo, E> {
            Ok(if on { Cargo::On(CargoTable::default()) } else { Cargo::Off })
        }

        fn visit_str<E: de::Error>(self, word: &str) -> Result<Cargo, E> {
            match word {
                "off" => Ok(Cargo::Off),
                "on" => Ok(Cargo::On(CargoTable::default())),
                _ => Err(E::invalid_value(de::Unexpected::Str(word), &self)),
            }
        }

        fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Cargo, A::Error> {
            CargoTable::deserialize(MapAccessDeserializer::new(map)).map(Cargo::On)
        }
    }

    pub(super) fn read(source: &Source) -> Result<Config, Diagnostic> {
        let options = serde_saphyr::options! {
            strict_booleans: true,
            with_snippet: false,
            merge_keys: serde_saphyr::options::MergeKeyPolicy::Error,
        };
        serde_saphyr::from_str_with_options(&source.text, options).map_err(|error| fault(source, &error))
    }

    /// The bytes that a location means; an empty span where it is not known.
    pub(super) fn span(text: &str, location: Location) -> Range<usize> {
        let start = location.span().byte_offset().and_then(|at| usize::try_from(at).ok());
        let start = start.unwrap_or_else(|| offset_of(text, location)).min(text.len());
        let length = location.span().byte_len().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
        start..(start + length).min(text.len())
    }

    fn offset_of(text: &str, location: Location) -> usize {
        let line = usize::try_from(location.line()).unwrap_or(0).saturating_sub(1);
        let column = usize::try_from(location.column()).unwrap_or(0).saturating_sub(1);
        let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
        start + text[start..].chars().take(column).map(char::len_utf8).sum::<usize>()
    }

    fn fault(source: &Source, error: &Error) -> Diagnostic {
        let diagnostic = match error {
            Error::SerdeUnknownField { field, expected, .. } => {
                let known = Diagnostic::new(format!("unknown key `{field}`"));
                match nearest(field, expected.iter().copied()) {
                    Some(key) => known.help(format!("did you mean `{key}`?")),
                    None => known.help(format!("known keys here: {}", list(expected))),
                }
            }
            Error::DuplicateMappingKey { key: Some(key), .. } => {
                Diagnostic::new(format!("duplicate key `{key}`"))
            }
            other => Diagnostic::new(UserMessageFormatter.format_message(other).escape_debug().to_string()),
        };
        let span = error.location().map_or(0..0, |location| span(&source.text, location));
        diagnostic.frame(Frame::new(source.path.clone(), source.text.clone(), span))
    }

    fn list(words: &[&str]) -> String {
        words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
    }
}

mod values {
    //! From the shape to values: variables, names, defaults. Collects every fault.

    use std::ops::Range;
    use std::time::Duration;

    use super::wire::{self, Text};
    use super::{
        Cargo, Config, Database, Enable, Modules, Named, OutOfOrder, Policy, SchemaCheck, SchemaCheckMode,
        SchemaSource, Source,
    };
    use crate::diagnostic::{Diagnostic, Frame, nearest};
    use crate::dialect::Dialect;
    use crate::id::Namespace;
    use crate::module::Format;

    pub(super) struct Reader<'a> {
        source: Source,
        variables: &'a dyn Fn(&str) -> Option<String>,
        pub(super) faults: Vec<Diagnostic>,
    }

    /// Why a text with variables has no value.
    enum Unexpanded {
        Unset(String),
        Unclosed,
    }

    impl<'a> Reader<'a> {
        pub(super) fn new(source: Source, variables: &'a dyn Fn(&str) -> Option<String>) -> Self {
            Self { source, variables, faults: Vec::new() }
        }

        pub(super) fn config(&mut self, wire: wire::Config) -> Config {
            let zero = Config::default();
            Config {
                source: self.source.clone(),
                application: self.optional(wire.application),
                namespace: self.namespace(wire.namespace),
                path: self.optional(wire.path),
                format: self.format(wire.format),
                lock: self.or(wire.lock, zero.lock),
                snapshot: self.or(wire.snapshot, zero.snapshot),
                checks: self.or(wire.checks, zero.checks),
                database: self.database(wire.database.unwrap_or_default()),
                dialects: self.dialects(wire.dialects.unwrap_or_default()),
                cargo: self.cargo(wire.cargo),
                modules: self.modules(wire.modules.unwrap_or_default()),
                schema_check: self.schema_check(wire.schema_check.unwrap_or_default()),
                policy: self.policy(wire.policy.unwrap_or_default()),
            }
        }

        fn database(&mut self, wire: wire::Database) -> Database {
            let zero = Database::default();
            Database {
                url: self.url(wire.url),
                scratch_url: self.url(wire.scratch_url),
                history_table: self.or(wire.history_table, zero.history_table),
                history_schema: self.or(wire.history_schema, zero.history_schema),
                guard_wait: wire.guard_wait.map_or(zero.guard_wait, Duration::from_secs),
            }
        }

        fn cargo(&mut self, wire: Option<wire::Cargo>) -> Cargo {
            match wire {
                None => Cargo::default(),
                Some(wire::Cargo::Off) => Cargo { off: true, ..Cargo::default() },
                Some(wire::Cargo::On(table)) => Cargo {
                    off: false,
                    features: self.texts(table.features),
                    all_features: table.all_features.unwrap_or(false),
                    default_features: table.default_features.unwrap_or(true),
                },
            }
        }

        fn modules(&mut self, wire: wire::Modules) -> Modules {
            let mut modules = Modules::default();
            for (name, entry) in wire.enable.unwrap_or_default().0 {
                let span = self.span(&name);
                let entry = self.enable(entry.unwrap_or_default(), span);
                modules.enable.insert(name.value, entry);
            }
            modules.disable = self.named(wire.disable);
            modules.paths = self.named(wire.paths);
            let both: Vec<_> = modules
                .disable
                .iter()
                .filter(|named| modules.enable.contains_key(&named.name))
                .cloned()
                .collect();
            for named in both {
                let message = format!("`{}` is enabled and disabled", named.name);
                self.fault(Diagnostic::new(message).help("name it in one of the two lists"), named.span);
            }
            modules
        }

        fn enable(&mut self, wire: wire::Enable, span: Range<usize>) -> Enable {
            let depends_on = wire.depends_on.unwrap_or_default();
            Enable {
                path: self.optional(wire.path),
                format: self.format(wire.format),
                version: self.optional(wire.version),
                namespace: self.namespace(wire.namespace),
                depends_on: depends_on.into_iter().filter_map(|text| self.namespace(Some(text))).collect(),
                foreign_keys: self.foreign_keys(wire.foreign_keys),
                span,
            }
        }

        fn schema_check(&mut self, wire: wire::SchemaCheck) -> SchemaCheck {
            let modes = [
                ("superset", SchemaCheckMode::Superset),
                ("strict", SchemaCheckMode::Strict),
                ("off", SchemaCheckMode::Off),
                ("false", SchemaCheckMode::Off),
            ];
            let sources = [
                ("replay", Some(SchemaSource::Replay)),
                ("off", Some(SchemaSource::Off)),
                ("false", Some(SchemaSource::Off)),
                ("declared", None),
            ];
            let span = wire.source.as_ref().map(|text| self.span(text));
            let source = self.word(wire.source, "source", &sources);
            if let (Some(None), Some(span)) = (source, span) {
                let fault = Diagnostic::new("`source: declared` is not in this version");
                self.fault(fault.help("use `replay`, or `off`"), span);
            }
            SchemaCheck {
                mode: self.word(wire.mode, "mode", &modes).unwrap_or_default(),
                source: source.flatten().unwrap_or_default(),
                ignore: self.texts(wire.ignore),
            }
        }

        fn policy(&mut self, wire: wire::Policy) -> Policy {
            let words =
                [("allow", OutOfOrder::Allow), ("warn", OutOfOrder::Warn), ("deny", OutOfOrder::Deny)];
            Policy {
                out_of_order: self.word(wire.out_of_order, "out-of-order", &words).unwrap_or_default(),
                allow_split: wire.allow_split.unwrap_or(false),
            }
        }

        fn foreign_keys(&mut self, text: Option<Text>) -> Option<bool> {
            self.word(text, "foreign-keys", &[("on", true), ("off", false), ("true", true), ("false", false)])
        }

        fn format(&mut self, text: Option<Text>) -> Option<Format> {
            let mut words: Vec<_> = Format::ALL.into_iter().map(|format| (format.name(), format)).collect();
            words.push(("sqlx", Format::Native));
            self.word(text, "format", &words)
        }

        fn dialects(&mut self, texts: Vec<Text>) -> Vec<Dialect> {
            let aliases =
                |dialect: Dialect| dialect.facts().aliases.iter().map(move |alias| (*alias, dialect));
            let words: Vec<_> = Dialect::ALL.into_iter().flat_map(aliases).collect();
            let mut dialects = Vec::new();
            for text in texts {
                let dialect = self.word(Some(text), "dialect", &words);
                dialects.extend(dialect.filter(|dialect| !dialects.contains(dialect)));
            }
            dialects
        }

        /// A word of a closed list.
        fn word<T: Copy>(&mut self, text: Option<Text>, what: &str, words: &[(&str, T)]) -> Option<T> {
            let text = text?;
            let span = self.span(&text);
            let word = self.text(&text)?;
            if let Some((_, value)) = words.iter().find(|(known, _)| *known == word) {
                return Some(*value);
            }
            let known =
                words.iter().map(|(known, _)| *known).filter(|known| !matches!(*known, "true" | "false"));
            let help = match nearest(&word, known.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    format!("one of {}", known.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "))
                }
            };
            self.fault(Diagnostic::new(format!("unknown {what} `{word}`")).help(help), span);
            None
        }

        fn namespace(&mut self, text: Option<Text>) -> Option<Namespace> {
            let text = text?;
            let span = self.span(&text);
            let text = self.text(&text)?;
            match Namespace::new(&text) {
                Ok(namespace) => Some(namespace),
                Err(error) => {
                    self.fault(Diagnostic::new(format!("{text:?} is no namespace")).cause(error), span);
                    None
                }
            }
        }

        fn named(&mut self, texts: Option<Vec<Text>>) -> Vec<Named> {
            let named = |text: Text| {
                let span = self.span(&text);
                Some(Named { name: self.text(&text)?, span })
            };
            texts.unwrap_or_default().into_iter().filter_map(named).collect()
        }

        fn texts(&mut self, texts: Option<Vec<Text>>) -> Vec<String> {
            texts.unwrap_or_default().into_iter().filter_map(|text| self.text(&text)).collect()
        }

        fn or(&mut self, text: Option<Text>, default: String) -> String {
            self.optional(text).unwrap_or(default)
        }

        fn optional(&mut self, text: Option<Text>) -> Option<String> {
            text.and_then(|text| self.text(&text))
        }

        /// A URL whose variable is not set is no URL: the file is committed, the variable is not.
        fn url(&mut self, text: Option<Text>) -> Option<String> {
            let text = text?;
            match self.expand(&text.value) {
                Err(Unexpanded::Unset(_)) => None,
                _ => self.text(&text),
            }
        }

        fn text(&mut self, text: &Text) -> Option<String> {
            let fault = match self.expand(&text.value) {
                Ok(value) => return Some(value),
                Err(Unexpanded::Unset(name)) => Diagnostic::new(format!("the variable `{name}` is not set"))
                    .help(format!(
                        "set it in the environment or in `.env`; `$${{{name}}}` is the text itself"
                    )),
                Err(Unexpanded::Unclosed) => Diagnostic::new("`${` is never closed")
                    .help("write `${NAME}` for a variable, `$${` for the text itself"),
            };
            let span = self.span(text);
            self.fault(fault, span);
            None
        }

        fn expand(&self, text: &str) -> Result<String, Unexpanded> {
            let mut value = String::with_capacity(text.len());
            let mut rest = text;
            while let Some(at) = rest.find("${") {
                if let Some(literal) = rest[..at].strip_suffix('$') {
                    value.push_str(literal);
                    value.push_str("${");
                    rest = &rest[at + 2..];
                    continue;
                }
                value.push_str(&rest[..at]);
                let (name, after) = rest[at + 2..].split_once('}').ok_or(Unexpanded::Unclosed)?;
                value.push_str(&(self.variables)(name).ok_or_else(|| Unexpanded::Unset(name.to_owned()))?);
                rest = after;
            }
            value.push_str(rest);
            Ok(value)
        }

        fn span(&self, text: &Text) -> Range<usize> {
            wire::span(&self.source.text, text.referenced)
        }

        fn fault(&mut self, diagnostic: Diagnostic, span: Range<usize>) {
            let frame = Frame::new(self.source.path.clone(), self.source.text.clone(), span);
            self.faults.push(diagnostic.frame(frame));
        }
    }
}

mod edit {
    //! `modules enable|disable` as an edit of the text: by line, so that comments, order and spelling
    //! of a person survive. The result is read again and compared with the wanted value; a text that
    //! is laid out in a way the edit does not understand is refused, never damaged.

    use serde_json::{Map, Value};

    use crate::diagnostic::Diagnostic;

    /// The text in which `krate` is enabled with the entry (one line of YAML; may be empty).
    pub fn enable_in_text(text: &str, krate: &str, entry_yaml: &str) -> Result<String, Diagnostic> {
        let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
        let entry: Value = serde_saphyr::from_str_with_options(entry_yaml, options)
            .map_err(|error| Diagnostic::new(format!("`{entry_yaml}` is not an entry")).cause(error))?;
        let by_hand = || by_hand(krate, "enable", entry_yaml);
        let mut lines = Lines::new(text);
        lines.remove_item(krate);
        let enable = lines.child("modules", "enable").ok_or_else(by_hand)?;
        lines.put_entry(enable, krate, entry_yaml.trim());
        let wanted = |enable: &mut Map<String, Value>, disable: &mut Vec<Value>| {
            disable.retain(|name| name.as_str() != Some(krate));
            enable.insert(krate.to_owned(), entry.clone());
        };
        proved(text, lines.text(), &wanted).ok_or_else(by_hand)
    }

    /// The text in which `krate` is disabled.
    pub fn disable_in_text(text: &str, krate: &str) -> Result<String, Diagnostic> {
        let by_hand = || by_hand(krate, "disable", "");
        let mut lines = Lines::new(text);
        lines.remove_entry(krate);
        lines.add_item(krate).ok_or_else(by_hand)?;
        let wanted = |enable: &mut Map<String, Value>, disable: &mut Vec<Value>| {
            enable.remove(krate);
            if !disable.iter().any(|name| name.as_str() == Some(krate)) {
                disable.push(krate.into());
            }
        };
        proved(text, lines.text(), &wanted).ok_or_else(by_hand)
    }

    fn by_hand(krate: &str, key: &str, entry: &str) -> Diagnostic {
        let line = if key == "enable" { format!("{krate}: {entry}") } else { format!("- {krate}") };
        Diagnostic::new("`modules` is written in a way that cannot be edited safely")
            .help(format!("add `{}` under `modules: {key}:` by hand", line.trim_end()))
    }

    type Change<'a> = &'a dyn Fn(&mut Map<String, Value>, &mut Vec<Value>);

    /// The new text, if it says what the old one said with the change and nothing else.
    fn proved(old: &str, new: String, change: Change<'_>) -> Option<String> {
        let mut wanted = parts(old)?;
        change(&mut wanted.enable, &mut wanted.disable);
        (parts(&new)? == wanted).then_some(new)
    }

    /// What a text says; what is empty counts as absent.
    #[derive(PartialEq)]
    struct Parts {
        /// All but the two lists.
        rest: Map<String, Value>,
        enable: Map<String, Value>,
        disable: Vec<Value>,
    }

    fn parts(text: &str) -> Option<Parts> {
        let options = serde_saphyr::options! { strict_booleans: true };
        let root: Option<Map<String, Value>> = serde_saphyr::from_str_with_options(text, options).ok()?;
        let mut rest = root.unwrap_or_default();
        rest.retain(|_, value| !value.is_null());
        let mut modules = match rest.remove("modules") {
            None => Map::new(),
            Some(Value::Object(modules)) => modules,
            Some(_) => return None,
        };
        let enable = match modules.remove("enable") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(enable)) => enable,
            Some(_) => return None,
        };
        let disable = match modules.remove("disable") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(disable)) => disable,
            Some(_) => return None,
        };
        if !modules.is_empty() {
            rest.insert("modules".to_owned(), Value::Object(modules));
        }
        Some(Parts { rest, enable, disable })
    }

    /// The lines of the file, without their ends.
    struct Lines {
        lines: Vec<String>,
        end: &'static str,
    }

    impl Lines {
        fn new(text: &str) -> Self {
            let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
            Self { lines: text.lines().map(str::to_owned).collect(), end }
        }

        fn text(self) -> String {
            self.lines.into_iter().flat_map(|line| [line, self.end.to_owned()]).collect()
        }

        /// The line of a key among the lines from `start`, while they are indented by `indent` or more.
        fn find(&self, start: usize, indent: usize, key: &str) -> Option<usize> {
            let end = self.end_of(start, indent);
            (start..end)
                .find(|at| indent_of(&self.lines[*at]) == Some(indent) && is_key(&self.lines[*at], key))
        }

        /// The first line after `start` that is content with less indentation.
        fn end_of(&self, start: usize, indent: usize) -> usize {
            let less = |line: &String| indent_of(line).is_some_and(|found| found < indent);
            self.lines[start..].iter().position(less).map_or(self.lines.len(), |at| start + at)
        }

        /// The end of the block under the key at `at`, without the blank and comment lines after it.
        fn block_end(&self, at: usize) -> usize {
            let indent = indent_of(&self.lines[at]).unwrap_or(0);
            let mut end = self.end_of(at + 1, indent + 1);
            // a block list may stand at the indentation of its key
            while end < self.lines.len()
                && indent_of(&self.lines[end]) == Some(indent)
                && self.lines[end].trim_start().starts_with("- ")
            {
                end += 1;
            }
            while end > at + 1 && indent_of(&self.lines[end - 1]).is_none() {
                end -= 1;
            }
            end
        }

        /// The indentation of what stands under the key at `at`.
        fn child_indent(&self, at: usize) -> usize {
            let block = &self.lines[at + 1..self.block_end(at)];
            block
                .iter()
                .find_map(|line| indent_of(line))
                .unwrap_or(indent_of(&self.lines[at]).unwrap_or(0) + 2)
        }

        /// The line of `parent: child:`; both are made where they are missing. `None` = flow style.
        fn child(&mut self, parent: &str, child: &str) -> Option<usize> {
            let at = self.find(0, 0, parent).unwrap_or_else(|| {
                self.lines.push(format!("{parent}:"));
                self.lines.len() - 1
            });
            self.open(at)?;
            let indent = self.child_indent(at);
            let at = self.find(at + 1, indent, child).unwrap_or_else(|| {
                let end = self.block_end(at);
                self.lines.insert(end, format!("{}{child}:", " ".repeat(indent)));
                end
            });
            self.open(at)?;
            Some(at)
        }

        /// Makes `key:` of `key: {}`, `key: []` and `key: null`; `None` when the key has another value.
        fn open(&mut self, at: usize) -> Option<()> {
            let (key, rest) = self.lines[at].split_once(':')?;
            let (value, comment) =
                rest.split_once(" #").map_or((rest, None), |(value, rest)| (value, Some(rest)));
            match value.trim() {
                "" => {}
                "{}" | "[]" | "null" | "~" => {
                    let comment = comment.map(|comment| format!(" #{comment}")).unwrap_or_default();
                    self.lines[at] = format!("{key}:{comment}");
                }
                _ => return None,
            }
            Some(())
        }

        fn put_entry(&mut self, enable: usize, krate: &str, entry: &str) {
            let indent = self.child_indent(enable);
            let line = format!("{}{}: {entry}", " ".repeat(indent), quoted(krate)).trim_end().to_owned();
            if let Some(at) = self.find(enable + 1, indent, krate) {
                let end = self.block_end(at);
                self.lines.splice(at..end, [line]);
            } else {
                let end = self.block_end(enable);
                self.lines.insert(end, line);
            }
        }

        fn remove_entry(&mut self, krate: &str) {
            let Some(modules) = self.find(0, 0, "modules") else { return };
            let Some(enable) = self.find(modules + 1, self.child_indent(modules), "enable") else { return };
            let Some(at) = self.find(enable + 1, self.child_indent(enable), krate) else { return };
            let end = self.block_end(at);
            self.lines.drain(at..end);
        }

        fn remove_item(&mut self, krate: &str) {
            let Some(modules) = self.find(0, 0, "modules") else { return };
            let Some(disable) = self.find(modules + 1, self.child_indent(modules), "disable") else { return };
            if let Some((before, items, after)) = flow(&self.lines[disable]) {
                let kept: Vec<_> = items.into_iter().filter(|item| unquoted(item) != krate).collect();
                self.lines[disable] = format!("{before}[{}]{after}", kept.join(", "));
                return;
            }
            let end = self.block_end(disable);
            let item = (disable + 1..end).find(|at| is_item(&self.lines[*at], krate));
            if let Some(at) = item {
                self.lines.remove(at);
            }
        }

        fn add_item(&mut self, krate: &str) -> Option<()> {
            let modules = self.find(0, 0, "modules");
            let disable =
                modules.and_then(|modules| self.find(modules + 1, self.child_indent(modules), "disable"));
            if let Some((at, (before, mut items, after))) =
                disable.and_then(|at| Some((at, flow(&self.lines[at])?)))
            {
                if !items.iter().any(|item| unquoted(item) == krate) {
                    items.push(quoted(krate));
                    self.lines[at] = format!("{before}[{}]{after}", items.join(", "));
                }
                return Some(());
            }
            let at = self.child("modules", "disable")?;
            let end = self.block_end(at);
            if !(at + 1..end).any(|line| is_item(&self.lines[line], krate)) {
                let indent = self.child_indent(at);
                self.lines.insert(end, format!("{}- {}", " ".repeat(indent), quoted(krate)));
            }
            Some(())
        }
    }

    /// The indentation of a line with content.
    fn indent_of(line: &str) -> Option<usize> {
        let content = line.trim_start_matches(' ');
        (!content.trim().is_empty() && !content.starts_with('#')).then(|| line.len() - content.len())
    }

    fn is_key(line: &str, key: &str) -> bool {
        let name = line.split_once(": ").map(|(name, _)| name).or_else(|| line.trim_end().strip_suffix(':'));
        name.is_some_and(|name| unquoted(name) == key)
    }

    fn is_item(line: &str, name: &str) -> bool {
        let item = line.trim_start().strip_prefix("- ").map(|item| item.split(" #").next().unwrap_or(item));
        item.is_some_and(|item| unquoted(item) == name)
    }

    /// A one-line flow list: what stands before it, its items, what stands after it.
    fn flow(line: &str) -> Option<(String, Vec<String>, String)> {
        let (before, rest) = line.split_once('[')?;
        let (items, after) = rest.split_once(']')?;
        let items = items.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty());
        before.trim_end().ends_with(':').then(|| (before.to_owned(), items.collect(), after.to_owned()))
    }

    fn unquoted(text: &str) -> &str {
        let text = text.trim();
        let inner = |quote| text.strip_prefix(quote).and_then(|rest: &str| rest.strip_suffix(quote));
        inner('"').or_else(|| inner('\'')).unwrap_or(text)
    }

    fn quoted(name: &str) -> String {
        let plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
            && !matches!(name, "null" | "true" | "false" | "yes" | "no" | "on" | "off");
        if plain { name.to_owned() } else { Value::from(name).to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(name: &str) -> Option<String> {
        (name == "HOME_OF_X").then(|| "value".to_owned())
    }

    fn read(text: &str) -> Result<Config, Vec<Diagnostic>> {
        parse("db-migrations.yml", text, &variables)
    }

    /// Message, what is marked, help.
    fn faults(text: &str) -> Vec<(String, String, String)> {
        let tell = |fault: Diagnostic| {
            let frame = &fault.frames[0];
            (fault.message.clone(), frame.source[frame.span.clone()].to_owned(), fault.help.join("; "))
        };
        read(text).unwrap_err().into_iter().map(tell).collect()
    }

    #[test]
    fn nothing_is_the_zero_config() {
        for text in ["", "# only a comment\n", "\n", "modules:\n", "cargo:\nmodules: { enable: }\n"] {
            let config = read(text).unwrap_or_else(|faults| panic!("{text:?}: {faults:?}"));
            assert_eq!(config.lock, "migrations-lock.yml");
            assert!(config.modules.enable.is_empty() && config.cargo.default_features && !config.cargo.off);
        }
    }

    #[test]
    fn every_key() {
        let config = read(EVERY_KEY).unwrap();
        assert_eq!(config.application.as_deref(), Some("my-app"));
        assert_eq!(config.namespace.as_ref().map(Namespace::as_str), Some("app"));
        assert_eq!(config.format, Some(Format::Native));
        assert_eq!(config.database.url.as_deref(), Some("sqlite:value"));
        assert_eq!(config.database.scratch_url, None, "an unset variable in a URL is no URL");
        assert_eq!(config.database.guard_wait, Duration::from_secs(5));
        assert_eq!(config.dialects, [Dialect::Sqlite, Dialect::Postgres]);
        assert_eq!(
            (config.cargo.features.as_slice(), config.cargo.default_features),
            (&["a".to_owned()][..], false)
        );
        let entry = &config.modules.enable["some-crate"];
        assert_eq!((entry.format, entry.foreign_keys), (Some(Format::Native), Some(false)));
        assert_eq!(entry.version.as_deref(), Some("=1.2.3"));
        assert_eq!(entry.depends_on[0].as_str(), "other");
        assert_eq!(&EVERY_KEY[entry.span.clone()], "some-crate");
        assert!(config.modules.enable.contains_key("empty"));
        assert_eq!(config.modules.disable[0].name, "crate-a");
        assert_eq!(config.modules.paths[0].name, "plugins/*");
        assert_eq!(config.schema_check.mode, SchemaCheckMode::Strict);
        assert_eq!(config.schema_check.ignore, ["table public.tmp_*"]);
        assert_eq!((config.policy.out_of_order, config.policy.allow_split), (OutOfOrder::Deny, true));
        assert!(!format!("{config:?}").contains("sqlite:value\""), "the URL holds a password");
    }

    const EVERY_KEY: &str = r#"
application: my-app
namespace: app
path: migrations
format: native
lock: migrations-lock.yml
snapshot: migrations-schema
checks: checks
database:
  url: sqlite:${HOME_OF_X}
  scratch-url: ${UNSET}
  history-table: db_migrations
  history-schema: public
  guard-wait: 5
dialects: [sqlite, postgresql, pg]
cargo: { features: [a], all-features: false, default-features: false }
modules:
  enable:
    some-crate: { path: migrations, format: sqlx, version: "=1.2.3", namespace: x, depends-on: [other], foreign-keys: off }
    empty:
  disable: [crate-a]
  paths: ["plugins/*"]
schema-check: { mode: strict, source: replay, ignore: ["table public.tmp_*"] }
policy: { out-of-order: deny, allow-split: true }
"#;

    #[test]
    fn cargo_can_be_off() {
        assert!(read("cargo: off\n").unwrap().cargo.off);
        assert!(read("cargo: false\n").unwrap().cargo.off);
        assert!(read("cargo: maybe\n").is_err());
    }

    #[test]
    fn faults_of_shape_are_marked() {
        let cases = [
            ("locks: x\n", "unknown key `locks`", "locks", "did you mean `lock`?"),
            ("modules:\n  enable:\n    ä: { pth: y }\n", "unknown key `pth`", "pth", "did you mean `path`?"),
            ("cargo: { feature: [a] }\n", "unknown key `feature`", "feature", "did you mean `features`?"),
            ("lock: a\nlock: b\n", "duplicate key `lock`", "lock", ""),
        ];
        for (text, message, marked, help) in cases {
            assert_eq!(faults(text), [(message.to_owned(), marked.to_owned(), help.to_owned())], "{text}");
        }
        for text in [
            "lock: [\n",
            "lock: [a]\n",
            "- a\n",
            "a: b: c\n",
            "modules:\n\tpaths: []\n",
            "database: { guard-wait: x }\n",
        ] {
            assert_eq!(read(text).unwrap_err().len(), 1, "{text}");
        }
    }

    #[test]
    fn faults_of_values_come_together() {
        let text =
            "format: dbmat\nlock: ${NOPE}\npath: ${\nnamespace: a b\nschema-check: { source: declared }\n";
        let messages: Vec<_> =
            faults(text).into_iter().map(|(message, marked, _)| (message, marked)).collect();
        let expected = [
            ("\"a b\" is no namespace", "a b"),
            ("`${` is never closed", "${"),
            ("unknown format `dbmat`", "dbmat"),
            ("the variable `NOPE` is not set", "${NOPE}"),
            ("`source: declared` is not in this version", "declared"),
        ];
        assert_eq!(messages, expected.map(|(message, marked)| (message.to_owned(), marked.to_owned())));
        assert_eq!(faults("format: dbmat\n")[0].2, "did you mean `dbmate`?");
        let both = "modules: { enable: { a: }, disable: [a] }\n";
        assert_eq!(faults(both)[0].0, "`a` is enabled and disabled");
    }

    #[test]
    fn a_variable_can_be_escaped() {
        assert_eq!(read("lock: a-$${X}-${HOME_OF_X}-$1\n").unwrap().lock, "a-${X}-value-$1");
    }

    #[test]
    fn enabling_edits_by_line() {
        let cases = [
            ("", "modules:\n  enable:\n    job:\n"),
            ("lock: x # mine\n", "lock: x # mine\nmodules:\n  enable:\n    job:\n"),
            (
                "modules:\n    disable: [job, b] # no\nlock: x\n",
                "modules:\n    disable: [b] # no\n    enable:\n      job:\nlock: x\n",
            ),
            ("modules:\n  enable: {}\n", "modules:\n  enable:\n    job:\n"),
            (
                "modules:\n  # those\n  enable:\n    a: # first\n      path: p\n\n    # last\n  paths: [x]\n",
                "modules:\n  # those\n  enable:\n    a: # first\n      path: p\n    job:\n\n    # last\n  paths: [x]\n",
            ),
            (
                "modules:\n  enable:\n    job: { path: x }\n    z:\n",
                "modules:\n  enable:\n    job:\n    z:\n",
            ),
            ("modules:\r\n  disable:\r\n  - job\r\n", "modules:\r\n  disable:\r\n  enable:\r\n    job:\r\n"),
        ];
        for (text, wanted) in cases {
            assert_eq!(enable_in_text(text, "job", "").as_deref(), Ok(wanted), "{text}");
        }
        let edited = enable_in_text("", "job", "{ path: src/migrations, format: refinery }").unwrap();
        assert_eq!(read(&edited).unwrap().modules.enable["job"].format, Some(Format::Refinery));
    }

    #[test]
    fn disabling_edits_by_line() {
        let cases = [
            ("", "modules:\n  disable:\n    - job\n"),
            ("modules:\n  enable:\n    job: { path: x }\n", "modules:\n  enable:\n  disable:\n    - job\n"),
            ("modules:\n  disable: [a]\n", "modules:\n  disable: [a, job]\n"),
            ("modules:\n  disable:\n  - a\nlock: x\n", "modules:\n  disable:\n  - a\n  - job\nlock: x\n"),
        ];
        for (text, wanted) in cases {
            assert_eq!(disable_in_text(text, "job").as_deref(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_edited_safely_is_refused() {
        for text in [
            "modules: { enable: { a: } }\n",
            "modules:\n  enable: { a: }\n",
            "? modules\n: enable:\n    a:\n",
            "a: |\n  x\n- b\n",
        ] {
            assert!(enable_in_text(text, "job", "").is_err(), "{text}");
        }
    }
}
