//! The databases, and what is true of each, as a table of facts.
//!
//! Everything above asks the table (`facts().transactional_ddl`) and never the name: a database is
//! added by a row here and a folder under `backend/`, not by an `if` in the engine.

use std::fmt;

/// A database engine, as far as its SQL differs. The order of the variants is the order in which
/// the texts of a migration enter its checksum: never change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// MariaDB.
    MariaDb,
    /// MySQL proper.
    MySql,
    /// PostgreSQL 13 or newer.
    Postgres,
    /// SQLite 3.
    Sqlite,
}

/// What the planner and the engine must know of a database.
#[derive(Debug)]
pub struct Facts {
    /// The one name used in files, JSON and messages.
    pub name: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// Other names by which folders and file names call it.
    pub aliases: &'static [&'static str],
    /// URL schemes that mean it.
    pub schemes: &'static [&'static str],
    /// DDL takes part in a transaction and is rolled back with it.
    pub transactional_ddl: bool,
    /// Settings are pragmas; whether foreign keys are enforced is one of them, set per connection and only
    /// outside of a transaction.
    pub settings_by_pragma: bool,
    /// A scratch database can be had in memory, without any server or right.
    pub scratch_in_memory: bool,
    /// What stands before the objects of a dump.
    pub dump_prologue: &'static str,
    /// What stands behind them, and belongs to none.
    pub dump_epilogue: &'static str,
    /// What a `DELIMITER` line must make of the `;` around a body, since the database's client cuts at
    /// each one.
    pub body_delimiter: Option<&'static str>,
    /// How its own client carries out a file and stops at the first error.
    pub client: &'static str,
}

/// The text is UTF-8, and tables with foreign keys load in any order.
const MYSQL_PROLOGUE: &str = "SET NAMES utf8mb4;\nSET foreign_key_checks = 0;";
const MYSQL_EPILOGUE: &str = "SET foreign_key_checks = 1;";

const MARIADB: Facts = Facts {
    name: "mariadb",
    title: "MariaDB",
    aliases: &["mariadb"],
    schemes: &["mariadb"],
    transactional_ddl: false,
    settings_by_pragma: false,
    scratch_in_memory: false,
    dump_prologue: MYSQL_PROLOGUE,
    dump_epilogue: MYSQL_EPILOGUE,
    body_delimiter: Some(";;"),
    client: "mariadb DATABASE < FILE",
};

const MYSQL: Facts = Facts {
    name: "mysql",
    title: "MySQL",
    aliases: &["mysql"],
    schemes: &["mysql"],
    transactional_ddl: false,
    settings_by_pragma: false,
    scratch_in_memory: false,
    dump_prologue: MYSQL_PROLOGUE,
    dump_epilogue: MYSQL_EPILOGUE,
    body_delimiter: Some(";;"),
    client: "mysql DATABASE < FILE",
};

const POSTGRES: Facts = Facts {
    name: "postgres",
    title: "PostgreSQL",
    aliases: &["postgres", "postgresql", "pg"],
    schemes: &["postgres", "postgresql"],
    transactional_ddl: true,
    settings_by_pragma: false,
    scratch_in_memory: false,
    // the search path is left alone: bodies of inlined SQL functions may need `public`
    dump_prologue: "SET check_function_bodies = off;",
    dump_epilogue: "",
    body_delimiter: None,
    client: "psql -v ON_ERROR_STOP=1 -f FILE",
};

const SQLITE: Facts = Facts {
    name: "sqlite",
    title: "SQLite",
    aliases: &["sqlite", "sqlite3"],
    schemes: &["sqlite"],
    transactional_ddl: true,
    settings_by_pragma: true,
    scratch_in_memory: true,
    dump_prologue: "",
    dump_epilogue: "",
    body_delimiter: None,
    client: "sqlite3 -bail DATABASE < FILE",
};

impl Dialect {
    /// All of them, in checksum order.
    pub const ALL: [Self; 4] = [Self::MariaDb, Self::MySql, Self::Postgres, Self::Sqlite];

    /// The row of the table.
    pub const fn facts(self) -> &'static Facts {
        match self {
            Self::MariaDb => &MARIADB,
            Self::MySql => &MYSQL,
            Self::Postgres => &POSTGRES,
            Self::Sqlite => &SQLITE,
        }
    }

    /// The one name used in files, JSON and messages.
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// The dialect that a folder or a part of a file name speaks of.
    pub fn from_alias(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.facts().aliases.contains(&word))
    }

    /// The dialect of a URL's scheme.
    pub fn from_scheme(scheme: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.facts().schemes.contains(&scheme))
    }

    /// Whose variants this database runs, best first: MariaDB takes its own, then MySQL's.
    pub const fn variants(self) -> &'static [Self] {
        match self {
            Self::MariaDb => &[Self::MariaDb, Self::MySql],
            Self::MySql => &[Self::MySql],
            Self::Postgres => &[Self::Postgres],
            Self::Sqlite => &[Self::Sqlite],
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
