//! The rules: one file each, with the rule's name in it and nowhere else, and one page, `docs/lint/NAME.md`.
//!
//! A rule finds; what a finding weighs is said by the configuration, else by the rule's usual severity. What
//! relaxes a rule for everybody alike (a table that is new, a contract step) is asked of the look; what excuses a
//! single file (`allow`), and small tables, are dealt with behind the rules.

mod add_not_null;
mod allows;
mod cascade;
mod change_type;
mod constraint_not_valid;
mod copy_alter;
mod data_beside_schema;
mod drop_column;
mod drop_table;
mod enum_value_used;
mod foreign_table;
mod index_not_concurrent;
mod irreversible_down;
mod needs_privilege;
mod no_down;
mod no_where;
mod not_idempotent;
mod rebuild_with_foreign_keys;
mod rename_column;
mod rename_table;
mod unread;
mod volatile_default;

use super::draft::Draft;
use super::look::Look;
use crate::config::Severity;
use crate::dialect::Dialect;

const EVERY: &[Dialect] = &Dialect::ALL;
const POSTGRES: &[Dialect] = &[Dialect::Postgres];
const MYSQL: &[Dialect] = &[Dialect::MariaDb, Dialect::MySql];
const SQLITE: &[Dialect] = &[Dialect::Sqlite];
const SERVERS: &[Dialect] = &[Dialect::Postgres, Dialect::MariaDb, Dialect::MySql];

/// One rule.
pub struct Rule {
    /// Its name in files, the configuration, reports and docs.
    pub name: &'static str,
    /// What it finds, in one line.
    pub about: &'static str,
    /// What its findings weigh where nothing else is said.
    pub severity: Severity,
    /// Where it applies.
    pub dialects: &'static [Dialect],
    /// Squawk's rules of which one must say the same on PostgreSQL; none = ours alone.
    pub(super) squawk: &'static [&'static str],
    /// It is about how long something lasts: small tables do not count.
    pub timed: bool,
    pub(super) find: fn(&Look<'_>) -> Vec<Draft>,
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rule({})", self.name)
    }
}

/// All of them, in the order of the docs.
pub const RULES: &[&Rule] = &[
    &drop_table::RULE,
    &drop_column::RULE,
    &rename_table::RULE,
    &rename_column::RULE,
    &change_type::RULE,
    &add_not_null::RULE,
    &constraint_not_valid::RULE,
    &index_not_concurrent::RULE,
    &volatile_default::RULE,
    &copy_alter::RULE,
    &rebuild_with_foreign_keys::RULE,
    &data_beside_schema::RULE,
    &no_where::RULE,
    &cascade::RULE,
    &enum_value_used::RULE,
    &not_idempotent::RULE,
    &no_down::RULE,
    &irreversible_down::RULE,
    &foreign_table::RULE,
    &needs_privilege::RULE,
    &unread::RULE,
    &allows::UNKNOWN,
    &allows::UNUSED,
];

/// The rule of that name.
pub fn rule(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name).copied()
}
