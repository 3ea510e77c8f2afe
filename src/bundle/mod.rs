//! A bundle: everything that a run needs, as one text.
//!
//! It holds the lock, the migrations with all their texts, the checks, the snapshots and the settings
//! that a run uses; never a URL, a password or anything else of one machine. One JSON document: the
//! same project gives the same bytes, and `jq` looks inside. Its first lines are
//!
//! ```text
//! {
//!   "format": "db-migrations-bundle",
//!   "format_version": 1,
//!   "sha256": "SHA-256 of all bytes behind this line",
//! ```
//!
//! They are compared literally and the rest by its digest, so no byte can change unseen. That is a
//! seal against damage, not a signature: who can write the file can write its digest. Knows no files.

mod read;
mod settings;
mod wire;
mod write;

use std::collections::BTreeMap;

use crate::config::Config;
use crate::dialect::Dialect;
use crate::module::Module;

pub use read::parse;
pub use write::{Unfit, render};

/// The version of the format that this version writes and reads.
pub const FORMAT_VERSION: u32 = 1;

const FORMAT: &str = "db-migrations-bundle";

/// What a run needs.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// Of the configuration only what a run uses has a meaning here; all else has its default.
    pub config: Config,
    /// What the release is called that it is part of, if that was known when it was made.
    pub release: Option<String>,
    /// The text of the lock.
    pub lock: String,
    /// The modules with their migrations and checks, dependencies first.
    pub modules: Vec<Module>,
    /// The texts of the snapshots.
    pub snapshots: BTreeMap<Dialect, String>,
}

/// The first lines, up to the digest's.
fn head(digest: &crate::id::Checksum) -> String {
    format!(
        "{{\n  \"format\": \"{FORMAT}\",\n  \"format_version\": {FORMAT_VERSION},\n  \"sha256\": \"{digest}\",\n"
    )
}
