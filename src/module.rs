//! A module: one origin of migrations, as discovery found it.

use std::collections::BTreeSet;
use std::fmt;

use crate::id::Namespace;
use crate::migration::Migration;

/// Where a module comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The application itself.
    Application,
    /// A package of the application's Cargo graph.
    Crate {
        /// Its name.
        name: String,
        /// Its version.
        version: String,
        /// Whether it comes from a registry or git (not a path inside or beside the workspace).
        external: bool,
    },
    /// A plugin folder.
    Folder,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Application => f.write_str("application"),
            Self::Crate { name, version, .. } => write!(f, "crate {name} {version}"),
            Self::Folder => f.write_str("plugin folder"),
        }
    }
}

/// How a folder names and lays out its migrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// `VERSION_name.sql`, or `.up.sql` and `.down.sql` (sqlx's layout, our own).
    Native,
    /// `V1__name.sql` with an `i32`/`i64` version (refinery).
    Refinery,
    /// `V1_2__name.sql` with numeric parts (Flyway).
    Flyway,
    /// One folder per migration with `up.sql` and `down.sql`.
    Diesel,
    /// `-- migrate:up` and `-- migrate:down` sections.
    Dbmate,
    /// `-- +goose Up` and `-- +goose Down` sections.
    Goose,
    /// `VERSION_name.up.sql` and `VERSION_name.down.sql`.
    GolangMigrate,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Native,
        Self::Refinery,
        Self::Flyway,
        Self::Diesel,
        Self::Dbmate,
        Self::Goose,
        Self::GolangMigrate,
    ];

    /// The name in configuration and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Refinery => "refinery",
            Self::Flyway => "flyway",
            Self::Diesel => "diesel",
            Self::Dbmate => "dbmate",
            Self::Goose => "goose",
            Self::GolangMigrate => "golang-migrate",
        }
    }

    /// The format of that name; `sqlx` is another word for `native`.
    pub fn from_name(name: &str) -> Option<Self> {
        if name == "sqlx" {
            return Some(Self::Native);
        }
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A query of a module that must return no row after a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckQuery {
    /// The file as it is shown.
    pub path: String,
    /// The normalised text.
    pub text: String,
    /// The dialect it is for, when its folder or name says so.
    pub dialect: Option<crate::dialect::Dialect>,
}

/// One origin of migrations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// The first part of its migrations' ids.
    pub namespace: Namespace,
    /// Where it comes from.
    pub origin: Origin,
    /// Its folder of migrations, as it is shown.
    pub folder: String,
    /// The format in which they were read.
    pub format: Format,
    /// Every module that it depends on, directly or through other crates.
    pub depends_on: BTreeSet<Namespace>,
    /// Its migrations, in any order.
    pub migrations: Vec<Migration>,
    /// Its checks.
    pub checks: Vec<CheckQuery>,
}
