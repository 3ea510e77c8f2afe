//! One migration as a value: its texts, one per dialect where they differ, and what they ask for.
//!
//! Texts are *normalised* (no byte order mark, CRLF → LF, a lone CR kept): that text is what is
//! hashed, split and executed, so a checkout with other line ends is the same migration. Where the
//! text came from is remembered for messages only.

mod former;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::dialect::Dialect;
use crate::id::{Checksum, MigrationId, Version};

pub use former::Former;

/// Drops a byte order mark and turns CRLF into LF; a lone CR stays (in SQLite `-- a<CR>DROP TABLE t`
/// is a comment: were the CR a line break, the rest would run).
///
/// ```
/// assert_eq!(db_migrations::migration::normalise("\u{feff}a\r\nb\rc\n"), "a\nb\rc\n");
/// ```
pub fn normalise(text: &str) -> String {
    text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n")
}

/// A normalised SQL text and where it stands.
#[derive(Clone, PartialEq, Eq)]
pub struct Script {
    /// The normalised text.
    pub text: Arc<str>,
    /// The file as it is shown in messages.
    pub path: Arc<str>,
    /// How many lines of the file stand before the text (formats with several sections in a file).
    pub lines_before: usize,
    /// SHA-256 of the text.
    pub hash: Checksum,
    /// The text must run outside of a transaction.
    pub no_transaction: bool,
    /// The foreign key mode that the text asks for (SQLite).
    pub foreign_keys: Option<bool>,
    /// Settings of the session that it runs in: name → value.
    pub session: BTreeMap<String, String>,
    /// The file as it stands, where normalising changed it: other tools hash that.
    pub raw: Option<Arc<str>>,
    /// What this text itself says that it stands for.
    pub replaces: Vec<Former>,
}

impl Script {
    /// A script over an already normalised text.
    pub fn new(text: impl Into<Arc<str>>, path: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        let hash = Checksum::of(text.as_bytes());
        Self {
            text,
            path: path.into(),
            lines_before: 0,
            hash,
            no_transaction: false,
            foreign_keys: None,
            session: BTreeMap::new(),
            raw: None,
            replaces: Vec::new(),
        }
    }

    /// The file as it stands.
    pub fn original(&self) -> &str {
        self.raw.as_deref().unwrap_or(&self.text)
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Script({}, {} bytes)", self.path, self.text.len())
    }
}

/// The texts of one direction: a plain one, variants by dialect, or both (the plain one then serves
/// the dialects without a variant).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scripts {
    /// The text for every dialect without a variant.
    pub plain: Option<Script>,
    /// The texts for one dialect each.
    pub variants: BTreeMap<Dialect, Script>,
}

impl Scripts {
    /// The text that a database runs, with the dialect it was written for; `None` = not applicable.
    pub fn choose(&self, dialect: Dialect) -> Option<&Script> {
        dialect.variants().iter().find_map(|variant| self.variants.get(variant)).or(self.plain.as_ref())
    }

    /// Every text.
    pub fn iter(&self) -> impl Iterator<Item = &Script> {
        self.plain.iter().chain(self.variants.values())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.plain.is_none() && self.variants.is_empty()
    }

    /// The checksum of the lock. A lone plain text has its own SHA-256, as `sha256sum` prints it of
    /// an LF file. With variants it is the SHA-256 over `dialect:length:text` (length in bytes),
    /// first the plain text as dialect `any`, then mariadb, mysql, postgres, sqlite.
    pub fn checksum(&self) -> Checksum {
        if let (Some(plain), true) = (&self.plain, self.variants.is_empty()) {
            return plain.hash;
        }
        let mut hasher = Sha256::new();
        let named = self.variants.iter().map(|(dialect, script)| (dialect.name(), script));
        for (name, script) in self.plain.iter().map(|script| ("any", script)).chain(named) {
            hasher.update(format!("{name}:{}:", script.text.len()));
            hasher.update(script.text.as_bytes());
        }
        Checksum::from_bytes(hasher.finalize().into())
    }
}

/// Before or after the new code is deployed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Compatible with the old code.
    #[default]
    Expand,
    /// Only once no old code runs any more.
    Contract,
}

/// A lint rule that a migration is excused from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    /// Its name.
    pub rule: String,
    /// Why it does not count here.
    pub reason: String,
}

/// One unit of change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// `namespace::name`.
    pub id: MigrationId,
    /// What orders it inside its module.
    pub version: Version,
    /// The texts that apply it.
    pub up: Scripts,
    /// The texts that undo it; often none.
    pub down: Scripts,
    /// Migrations of other modules that must come first (`depends-on`).
    pub depends_on: Vec<MigrationId>,
    /// Migrations that it stands for (`replaces`): its older names, or those that were put together into it.
    pub replaces: Vec<Former>,
    /// When it may run in a deploy.
    pub phase: Phase,
    /// Migrations whose old side it takes away (`contract-of`).
    pub contract_of: Vec<MigrationId>,
    /// It may run again, for rows that old code has changed in between (`catch-up`).
    pub catch_up: bool,
    /// Lint rules that it is excused from.
    pub allow: Vec<Allow>,
}

impl Migration {
    /// A migration with these up texts and nothing else.
    pub fn new(id: MigrationId, version: Version, up: Scripts) -> Self {
        Self {
            id,
            version,
            up,
            down: Scripts::default(),
            depends_on: Vec::new(),
            replaces: Vec::new(),
            phase: Phase::default(),
            contract_of: Vec::new(),
            catch_up: false,
            allow: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str) -> Script {
        Script::new(text, "x.sql")
    }

    #[test]
    fn a_lone_plain_text_has_the_checksum_that_sha256sum_prints() {
        let scripts = Scripts { plain: Some(script("SELECT 1;\n")), ..Scripts::default() };
        assert_eq!(
            scripts.checksum().to_string(),
            "b4e0497804e46e0a0b0b8c31975b062152d551bac49c3c2e80932567b4085dcd"
        );
    }

    #[test]
    fn variants_enter_by_name_and_length() {
        let mut scripts = Scripts { plain: Some(script("p")), ..Scripts::default() };
        scripts.variants.insert(Dialect::Sqlite, script("ss"));
        scripts.variants.insert(Dialect::Postgres, script(""));
        assert_eq!(scripts.checksum(), Checksum::of(b"any:1:ppostgres:0:sqlite:2:ss"));
        assert_eq!(scripts.choose(Dialect::MariaDb).unwrap().text.as_ref(), "p");
        scripts.plain = None;
        assert!(scripts.choose(Dialect::MariaDb).is_none());
    }
}
