//! Changes that old and new code live through: rename a column or a table, change a type, set `NOT NULL`.
//!
//! Each becomes several migrations: *expand* makes room for the new code, *fill* and *catch-up* copy what is
//! there, *contract* takes the old side away. Everything is made of two schemas that a database has described:
//! what there is, and what the plain change would make of it; that is what the last step must end in. What a
//! step leaves to do for that is not known here: whoever has a scratch database adds the rest.

mod facts;
mod guards;
mod mysql;
mod names;
mod others;
mod page;
mod postgres;
mod sqlite;
mod text;
mod wanted;

use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::diff::rename::{self, Rename};
use crate::migration::Phase;
use crate::schema::Schema;

use facts::{Columns, Target};
pub use names::{identifier, path};
pub use others::of_table;
pub use page::page;
pub use text::{down, up};
pub use wanted::Wanted;

/// What is wanted. Names are as the schemas spell them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A column gets another name.
    RenameColumn {
        /// Its table.
        table: String,
        /// Its name.
        from: String,
        /// The name that it gets.
        to: String,
    },
    /// A table gets another name.
    RenameTable {
        /// Its name.
        from: String,
        /// The name that it gets.
        to: String,
    },
    /// A column is followed by one of another type.
    ChangeType {
        /// Its table.
        table: String,
        /// Its name.
        from: String,
        /// The name of the one that follows.
        to: String,
        /// The type of the one that follows.
        kind: String,
        /// What makes a new value of an old one; a cast, where nothing is said.
        using: Option<String>,
        /// What makes an old value of a new one; a cast, where nothing is said.
        back: Option<String>,
    },
    /// A column must have a value.
    SetNotNull {
        /// Its table.
        table: String,
        /// Its name.
        column: String,
        /// What a row gets that has none.
        fill: Option<String>,
    },
}

/// One direction of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// The statements.
    pub statements: Vec<String>,
    /// They run outside of a transaction.
    pub alone: bool,
    /// They run with foreign keys off.
    pub keys_off: bool,
    /// A setting for its statements: how long they wait for a table at most.
    pub session: Option<&'static str>,
}

impl Side {
    /// Statements in a transaction, where there is one.
    pub fn of(statements: Vec<String>) -> Self {
        Self { statements, ..Self::default() }
    }

    /// Statements outside of a transaction.
    pub fn alone(statements: Vec<String>) -> Self {
        Self { statements, alone: true, ..Self::default() }
    }
}

/// A migration to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// A word for its name.
    pub word: &'static str,
    /// What it does, in a line.
    pub title: String,
    /// When it runs in a deploy.
    pub phase: Phase,
    /// It runs again when the contract phase begins.
    pub catch_up: bool,
    /// What applies it.
    pub up: Side,
    /// What undoes it.
    pub down: Side,
}

impl Step {
    fn expand(word: &'static str, title: impl Into<String>, up: Side, down: Side) -> Self {
        Self { word, title: title.into(), phase: Phase::Expand, catch_up: false, up, down }
    }

    /// A step of the contract phase.
    pub fn contract(word: &'static str, title: impl Into<String>, up: Side, down: Side) -> Self {
        Self { phase: Phase::Contract, ..Self::expand(word, title, up, down) }
    }

    /// A step for what has nothing to do before the new code, so that the contract step waits for a release.
    fn nothing(title: impl Into<String>) -> Self {
        Self::expand("expand", title, Side::of(vec!["SELECT 1;".to_owned()]), Side::default())
    }

    fn catch_up(statement: String) -> Self {
        let title = "catch up: copy what is not the same yet; it runs again when the contract phase begins";
        Self { catch_up: true, ..Self::expand("catch_up", title, Side::of(vec![statement]), Side::default()) }
    }
}

/// All steps, and what a person should know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// The migrations, in order; the last one ends in what the plain change would make.
    pub steps: Vec<Step>,
    /// What is not as one would expect, one line each.
    pub limits: Vec<String>,
}

impl Steps {
    /// Whether a run of them is split: something in them stands outside of a transaction.
    pub fn is_split(&self) -> bool {
        self.steps.iter().any(|step| step.up.alone)
    }
}

/// The statements of the plain change, for a scratch database without rows.
pub fn plain(dialect: Dialect, before: &Schema, change: &Change) -> Result<Vec<String>, Box<Diagnostic>> {
    match change {
        Change::RenameColumn { table, from, to } => {
            let rename = Rename::Column { table: table.clone(), from: from.clone(), to: to.clone() };
            Ok(rename::statements(dialect, &rename))
        }
        Change::RenameTable { from, to } => {
            Ok(rename::statements(dialect, &Rename::Table { from: from.clone(), to: to.clone() }))
        }
        Change::ChangeType { table, from, to, kind, using, .. } => {
            let target = Target::new(table, from);
            // a database would refuse it, and say less
            if facts::is_key(dialect, before, &target) {
                return Err(Box::new(facts::of_key(&target)));
            }
            if let Some(fault) = facts::views_of(dialect, before, &target).pop() {
                return Err(Box::new(fault));
            }
            match dialect {
                Dialect::Postgres => Ok(postgres::plain_type(&target, to, kind, using.as_deref())),
                Dialect::MariaDb | Dialect::MySql => mysql::plain_type(dialect, before, &target, to, kind),
                Dialect::Sqlite => sqlite::plain_type(before, &target, to, kind),
            }
        }
        Change::SetNotNull { table, column, .. } => {
            let target = Target::new(table, column);
            if let Some(fault) = facts::may_be_set(dialect, before, &target) {
                return Err(Box::new(fault));
            }
            match dialect {
                Dialect::Postgres => {
                    Ok(vec![format!("ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL;")])
                }
                Dialect::MariaDb | Dialect::MySql => mysql::plain_not_null(dialect, before, &target),
                Dialect::Sqlite => sqlite::plain_not_null(before, &target),
            }
        }
    }
}

/// The steps. `after` is what the plain change makes of `before`; whatever speaks against it is said at once.
pub fn steps(
    dialect: Dialect,
    before: &Schema,
    after: &Schema,
    change: &Change,
) -> Result<Steps, Vec<Diagnostic>> {
    match change {
        Change::RenameColumn { table, from, .. } | Change::ChangeType { table, from, .. } => {
            let columns = Columns::new(dialect, before, after, &Target::new(table, from), change)
                .map_err(|fault| vec![*fault])?;
            let mut faults = facts::refusals(&columns, change);
            faults.extend(others::bodies(&columns));
            faults.extend(others::hidden(before, &Target::new(table, from)));
            if !faults.is_empty() {
                return Err(faults);
            }
            Ok(match dialect {
                Dialect::Postgres => postgres::column(&columns),
                Dialect::MariaDb | Dialect::MySql => mysql::column(&columns),
                Dialect::Sqlite => sqlite::column(&columns),
            })
        }
        Change::RenameTable { from, .. } => {
            let table = facts::renamed(dialect, before, after, from).map_err(|fault| vec![*fault])?;
            let faults = others::of_renamed(before, &table);
            if !faults.is_empty() {
                return Err(faults);
            }
            match dialect {
                Dialect::Postgres => Ok(postgres::table(before, &table)),
                Dialect::MariaDb | Dialect::MySql => Ok(mysql::table(&table)),
                Dialect::Sqlite => Ok(sqlite::table(&table)),
            }
        }
        Change::SetNotNull { table, column, fill } => {
            let target = Target::new(table, column);
            let fill = fill.as_deref();
            if let Some(fault) = fill.and_then(|_| others::hidden(before, &target)) {
                return Err(vec![fault]);
            }
            match dialect {
                Dialect::Postgres => Ok(postgres::not_null(before, &target, fill)),
                Dialect::MariaDb | Dialect::MySql => mysql::not_null(dialect, before, &target, fill),
                Dialect::Sqlite => Ok(sqlite::not_null(before, &target, fill)),
            }
        }
    }
}
