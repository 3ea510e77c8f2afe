//! The shape of the file, and serde's errors as diagnostics.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, de};
use serde_saphyr::{Error, Location, MessageFormatter, Spanned, UserMessageFormatter};

use super::Source;
use crate::diagnostic::{Diagnostic, Frame, nearest};
use crate::secret;

pub(super) type Text = Spanned<String>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Config {
    pub(super) application: Option<Text>,
    pub(super) namespace: Option<Text>,
    pub(super) path: Option<Text>,
    pub(super) format: Option<Text>,
    pub(super) lock: Option<Spanned<Lock>>,
    pub(super) snapshot: Option<Text>,
    pub(super) checks: Option<Text>,
    pub(super) session: Option<BTreeMap<String, Text>>,
    pub(super) database: Option<Database>,
    pub(super) dialects: Option<Vec<Text>>,
    pub(super) cargo: Option<Cargo>,
    pub(super) modules: Option<Modules>,
    pub(super) schema: Option<Schema>,
    pub(super) schema_check: Option<SchemaCheck>,
    pub(super) policy: Option<Policy>,
    pub(super) adopt: Option<Vec<Adopt>>,
    pub(super) mirror: Option<Text>,
    pub(super) mirror_table: Option<Text>,
    pub(super) lint: Option<Lint>,
    pub(super) maintenance: Option<Maintenance>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Adopt {
    pub(super) from: Text,
    pub(super) module: Text,
    pub(super) table: Option<Text>,
    pub(super) schema: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Tls {
    pub(super) mode: Option<Text>,
    pub(super) ca: Option<Text>,
    pub(super) cert: Option<Text>,
    pub(super) key: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Database {
    pub(super) url: Option<Text>,
    pub(super) scratch_url: Option<Text>,
    pub(super) password_file: Option<Text>,
    pub(super) password_command: Option<Spanned<Vec<Text>>>,
    pub(super) tls: Option<Tls>,
    pub(super) history_table: Option<Text>,
    pub(super) history_schema: Option<Text>,
    pub(super) guard_wait: Option<Text>,
    pub(super) lock_timeout: Option<Text>,
    pub(super) statement_timeout: Option<Text>,
    pub(super) lock_retries: Option<Text>,
}

/// `lock: FILE`, or a map.
#[derive(Debug)]
pub(super) enum Lock {
    File(String),
    Table(LockTable),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct LockTable {
    pub(super) file: Option<Text>,
    pub(super) review: Option<Text>,
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
    pub(super) session: Option<BTreeMap<String, Text>>,
    pub(super) mirror: Option<Text>,
    pub(super) mirror_table: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct SchemaCheck {
    pub(super) mode: Option<Text>,
    pub(super) source: Option<Text>,
    pub(super) ignore: Option<Vec<Text>>,
    pub(super) filter: Option<Vec<Text>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Schema {
    pub(super) path: Option<Text>,
    pub(super) command: Option<Spanned<Vec<Text>>>,
    pub(super) command_timeout: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Policy {
    pub(super) out_of_order: Option<Text>,
    pub(super) unknown_executed: Option<Text>,
    pub(super) allow_split: Option<bool>,
    pub(super) rehearsal: Option<Text>,
    pub(super) phase: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Lint {
    pub(super) rules: Option<Pairs>,
    pub(super) small_table: Option<Text>,
}

/// Names and words in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Pairs(pub(super) Vec<(Text, Text)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> de::Visitor<'de> for PairsVisitor {
    type Value = Pairs;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a map from name to word")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Pairs(pairs))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Maintenance {
    pub(super) file: Option<Text>,
    pub(super) redis: Option<Spanned<Redis>>,
    pub(super) command: Option<Spanned<MaintenanceCommand>>,
    pub(super) on_failure: Option<Text>,
    pub(super) heartbeat: Option<Text>,
    pub(super) retry_after: Option<Text>,
    pub(super) message: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Redis {
    pub(super) url: Option<Text>,
    pub(super) key: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct MaintenanceCommand {
    pub(super) on: Option<Vec<Text>>,
    pub(super) off: Option<Vec<Text>>,
    pub(super) timeout: Option<Text>,
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

impl<'de> Deserialize<'de> for Lock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LockVisitor)
    }
}

struct LockVisitor;

impl<'de> de::Visitor<'de> for LockVisitor {
    type Value = Lock;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a file, or a map of `file`, `review`")
    }

    fn visit_str<E: de::Error>(self, file: &str) -> Result<Lock, E> {
        Ok(Lock::File(file.to_owned()))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Lock, A::Error> {
        LockTable::deserialize(MapAccessDeserializer::new(map)).map(Lock::Table)
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

/// Reads the text that the source shows.
pub(super) fn read(source: &Source, text: &str) -> Result<Config, Diagnostic> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
        merge_keys: serde_saphyr::options::MergeKeyPolicy::Error,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| fault(source, &error))
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
            Diagnostic::new(format!("duplicate key `{key}`")).help("keep one of the two")
        }
        other => Diagnostic::new(UserMessageFormatter.format_message(other).escape_debug().to_string())
            .help("docs/configuration.md says what each key takes"),
    };
    let span = error.location().map_or(0..0, |location| span(&source.text, location));
    // it may hold the value that does not fit
    let message = secret::masked_source(&diagnostic.message);
    Diagnostic { message, ..diagnostic }.frame(Frame::new(source.path.clone(), source.text.clone(), span))
}

fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
