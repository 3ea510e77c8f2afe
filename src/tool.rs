//! Other migration tools, by name.
//!
//! How their tables look and what their rows mean is `adopt`'s.

/// A tool whose history can be taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// sqlx's `Migrator`.
    Sqlx,
    /// refinery.
    Refinery,
    /// `diesel_migrations`.
    Diesel,
    /// sea-orm-migration.
    SeaOrm,
    /// dbmate.
    Dbmate,
    /// goose.
    Goose,
    /// golang-migrate.
    GolangMigrate,
    /// Flyway.
    Flyway,
    /// Doctrine Migrations.
    Doctrine,
}

impl Tool {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Sqlx,
        Self::Refinery,
        Self::Diesel,
        Self::SeaOrm,
        Self::Dbmate,
        Self::Goose,
        Self::GolangMigrate,
        Self::Flyway,
        Self::Doctrine,
    ];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlx => "sqlx",
            Self::Refinery => "refinery",
            Self::Diesel => "diesel",
            Self::SeaOrm => "sea-orm",
            Self::Dbmate => "dbmate",
            Self::Goose => "goose",
            Self::GolangMigrate => "golang-migrate",
            Self::Flyway => "flyway",
            Self::Doctrine => "doctrine",
        }
    }

    /// The tool of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    /// Its table, where nobody has named it otherwise.
    pub const fn table(self) -> &'static str {
        match self {
            Self::Sqlx => "_sqlx_migrations",
            Self::Refinery => "refinery_schema_history",
            Self::Diesel => "__diesel_schema_migrations",
            Self::SeaOrm => "seaql_migrations",
            Self::Dbmate | Self::GolangMigrate => "schema_migrations",
            Self::Goose => "goose_db_version",
            Self::Flyway => "flyway_schema_history",
            Self::Doctrine => "doctrine_migration_versions",
        }
    }

    /// Whether its table can be kept up to date beside ours.
    pub const fn can_be_mirrored(self) -> bool {
        matches!(self, Self::Sqlx | Self::Refinery | Self::Diesel)
    }
}
