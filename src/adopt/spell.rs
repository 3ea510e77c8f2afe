//! A migration of ours as another tool would have written it down.

use std::collections::HashMap;

use sha2::{Digest, Sha384};

use crate::dialect::Dialect;
use crate::id::{MigrationId, Version};
use crate::migration::Migration;

use super::proof::{hex, sip};
use super::{Ran, Tool};

/// Version, name and checksum, as the tool spells them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spelled {
    /// The version.
    pub version: String,
    /// What it calls the migration.
    pub name: String,
    /// Its checksum; empty where it keeps none.
    pub checksum: String,
}

/// How a tool writes a migration down; `None` where its name does not fit the tool, or it has no text here.
/// `wide` is refinery's feature `int8-versions`.
pub fn spell(tool: Tool, migration: &Migration, dialect: Dialect, wide: bool) -> Option<Spelled> {
    let text = migration.up.choose(dialect)?.original();
    let (version, name) = parts(tool, migration.id.name())?;
    let checksum = match tool {
        Tool::Sqlx => hex(&Sha384::digest(text.as_bytes())),
        Tool::Refinery => {
            let sums: Vec<u64> = sip(text, &name, &version).collect();
            (if wide { sums.last() } else { sums.first() })?.to_string()
        }
        _ => String::new(),
    };
    Some(Spelled { version, name, checksum })
}

/// The version that a tool knows a migration by, whose files are gone; `None` where its name does not fit the tool.
pub fn spell_version(tool: Tool, id: &MigrationId) -> Option<String> {
    parts(tool, id.name()).map(|(version, _)| version)
}

/// Version and name, out of the name of a file or folder.
fn parts(tool: Tool, name: &str) -> Option<(String, String)> {
    let (version, rest) = match tool {
        Tool::Refinery => name.split_once("__")?,
        _ => name.split_once('_').unwrap_or((name, "")),
    };
    let version = match tool {
        Tool::Diesel => version.replace('-', ""),
        Tool::Refinery => version.trim_start_matches(['V', 'U']).to_owned(),
        _ => version.to_owned(),
    };
    let number = version.bytes().all(|byte| byte.is_ascii_digit()) && !version.is_empty();
    let rest = if tool == Tool::Sqlx { rest.replace('_', " ") } else { rest.to_owned() };
    (number || tool == Tool::Diesel).then_some((version, rest))
}

/// The versions that a table has, in the form in which ours are compared.
pub fn versions(tool: Tool, ran: &[Ran]) -> Vec<String> {
    let number = |text: &str| Version::number(text).unwrap_or_else(|| Version::text(text));
    let canonical = |one: &Ran| match tool {
        Tool::Diesel => Version::text(&one.version).canonical(),
        _ => number(&one.version).canonical(),
    };
    ran.iter().map(canonical).collect()
}

/// Whether refinery's versions have eight bytes: a version asks for it, or a row proves it.
pub fn is_wide(migrations: &[Migration], dialect: Dialect, ran: &[Ran]) -> bool {
    let spelled = |wide| migrations.iter().filter_map(move |m| spell(Tool::Refinery, m, dialect, wide));
    let long = |one: &super::Spelled| {
        one.version.parse::<i64>().is_ok_and(|version| i32::try_from(version).is_err())
    };
    let wide: HashMap<String, String> = spelled(true).map(|one| (one.version, one.checksum)).collect();
    let proves =
        |one: &Ran| matches!(&one.proof, super::Proof::Sip(sum) if wide.get(&one.version) == Some(sum));
    spelled(false).any(|one| long(&one)) || ran.iter().any(proves)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_each_tool_spells_them() {
        let parts = |tool, name| parts(tool, name).map(|(version, name)| format!("{version}|{name}"));
        assert_eq!(parts(Tool::Sqlx, "0001_create_users").as_deref(), Some("0001|create users"));
        assert_eq!(parts(Tool::Refinery, "V12__create_users").as_deref(), Some("12|create_users"));
        assert_eq!(parts(Tool::Diesel, "2024-01-02-030405_users").as_deref(), Some("20240102030405|users"));
        assert_eq!(parts(Tool::Sqlx, "users"), None);
        assert_eq!(parts(Tool::Refinery, "V1_users"), None);
    }
}
