//! The shape of the document. Keys stand in the order in which they are written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the digest is over.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Content {
    pub(super) tool: String,
    /// Absent where nobody named it, and no revision is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) release: Option<String>,
    pub(super) settings: Settings,
    pub(super) lock: File,
    pub(super) snapshots: BTreeMap<String, File>,
    pub(super) modules: Vec<Module>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) path: String,
    pub(super) sha256: String,
    pub(super) text: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    pub(super) history_table: String,
    pub(super) history_schema: String,
    /// Absent where no review is demanded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) review: Option<String>,
    pub(super) guard_wait: u64,
    pub(super) lock_timeout: u64,
    pub(super) statement_timeout: u64,
    pub(super) lock_retries: u32,
    pub(super) dialects: Vec<String>,
    pub(super) schema_check: SchemaCheck,
    pub(super) policy: Policy,
    /// By namespace.
    pub(super) foreign_keys: BTreeMap<String, bool>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) adopt: Vec<Adopt>,
    /// The application's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mirror: Option<Mirror>,
    /// By namespace.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) mirrors: BTreeMap<String, Mirror>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Adopt {
    pub(super) from: String,
    pub(super) module: String,
    pub(super) table: Option<String>,
    pub(super) schema: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mirror {
    pub(super) tool: String,
    pub(super) table: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SchemaCheck {
    pub(super) mode: String,
    pub(super) source: String,
    pub(super) ignore: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) filter: Vec<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Policy {
    pub(super) out_of_order: String,
    pub(super) unknown_executed: String,
    pub(super) allow_split: bool,
    pub(super) rehearsal: String,
    /// Absent where it is `all`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) phase: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Module {
    pub(super) namespace: String,
    pub(super) origin: Origin,
    pub(super) folder: String,
    pub(super) format: String,
    pub(super) depends_on: Vec<String>,
    pub(super) migrations: Vec<Migration>,
    pub(super) checks: Vec<Check>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(super) enum Origin {
    Application,
    Crate { name: String, version: String, external: bool },
    Folder,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Migration {
    pub(super) id: String,
    pub(super) version: Version,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) depends_on: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) replaces: Vec<String>,
    pub(super) phase: Phase,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) contract_of: Vec<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) catch_up: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) allow: Vec<Allow>,
    pub(super) up: Scripts,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) down: Scripts,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Allow {
    pub(super) rule: String,
    pub(super) reason: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(super) enum Version {
    Number(String),
    Parts(Vec<String>),
    Text(String),
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    Expand,
    Contract,
}

/// By dialect; `any` is the text for those without one of their own.
pub(super) type Scripts = BTreeMap<String, Script>;

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Script {
    pub(super) path: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) lines_before: usize,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) no_transaction: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) foreign_keys: Option<bool>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) session: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) raw: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) replaces: Vec<String>,
    pub(super) sha256: String,
    pub(super) text: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Check {
    pub(super) path: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) dialect: Option<String>,
    pub(super) sha256: String,
    pub(super) text: String,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
