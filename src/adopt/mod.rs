//! Other tools' histories: how their tables look, and what their rows say.
//!
//! A row becomes a [`Ran`] here: a version that ran, when, and what proves its text. Which migration of a
//! module that is, is `matching`'s; `proof` knows the checksums. Pure: the rows come as text, from a port.
//!
//! The tables and rules are those that the tools document or write: sqlx 0.9, refinery 0.10, diesel 2,
//! sea-orm-migration, dbmate 2, goose 3, golang-migrate 4, Flyway, Doctrine Migrations 3.

mod matching;
mod proof;
mod rows;
mod spell;

pub use crate::tool::Tool;

use crate::database::{ForeignColumn, ForeignColumnKind as Kind};

pub use matching::{Imported, match_rows};
pub use proof::{Proof, Spelling};
pub use rows::{Ran, read};
pub use spell::{Spelled, is_wide, spell, spell_version, versions};

const fn column(name: &'static str, kind: Kind) -> ForeignColumn {
    ForeignColumn { name, kind }
}

impl Tool {
    /// The columns that are read.
    pub const fn columns(self) -> &'static [ForeignColumn] {
        match self {
            Self::Sqlx => {
                const {
                    &[
                        column("version", Kind::Text),
                        column("description", Kind::Text),
                        column("installed_on", Kind::Time),
                        column("success", Kind::Text),
                        column("checksum", Kind::Bytes),
                        column("execution_time", Kind::Text),
                    ]
                }
            }
            Self::Refinery => {
                const {
                    &[
                        column("version", Kind::Text),
                        column("name", Kind::Text),
                        column("applied_on", Kind::Text),
                        column("checksum", Kind::Text),
                    ]
                }
            }
            Self::Diesel => const { &[column("version", Kind::Text), column("run_on", Kind::Time)] },
            Self::SeaOrm => const { &[column("version", Kind::Text), column("applied_at", Kind::Text)] },
            Self::Dbmate => const { &[column("version", Kind::Text)] },
            Self::Goose => {
                const {
                    &[
                        column("version_id", Kind::Text),
                        column("is_applied", Kind::Text),
                        column("tstamp", Kind::Time),
                    ]
                }
            }
            Self::GolangMigrate => const { &[column("version", Kind::Text), column("dirty", Kind::Text)] },
            Self::Flyway => {
                const {
                    &[
                        column("version", Kind::Text),
                        column("description", Kind::Text),
                        column("type", Kind::Text),
                        column("checksum", Kind::Text),
                        column("installed_on", Kind::Time),
                        column("execution_time", Kind::Text),
                        column("success", Kind::Text),
                    ]
                }
            }
            Self::Doctrine => {
                const {
                    &[
                        column("version", Kind::Text),
                        column("executed_at", Kind::Time),
                        column("execution_time", Kind::Text),
                    ]
                }
            }
        }
    }

    /// The column by which the rows come in the order in which they were written.
    pub const fn order(self) -> &'static str {
        match self {
            Self::Sqlx | Self::Refinery | Self::Dbmate | Self::GolangMigrate => "version",
            Self::Diesel => "run_on, version",
            Self::SeaOrm => "applied_at, version",
            Self::Goose => "id",
            Self::Flyway => "installed_rank",
            Self::Doctrine => "executed_at, version",
        }
    }
}
