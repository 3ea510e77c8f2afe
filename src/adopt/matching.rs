//! What ran × a module → its migrations, proved. All faults at once.

use std::collections::{HashMap, HashSet};

use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::id::{Checksum, MigrationId, Version};
use crate::migration::Migration;
use crate::module::Module;

use super::{Ran, Spelling, Tool};

/// A migration that another tool has run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Which.
    pub id: MigrationId,
    /// The hash of its text.
    pub checksum: Checksum,
    /// When, in RFC 3339, where the tool says so.
    pub at: Option<String>,
    /// How long, in milliseconds, where the tool says so.
    pub milliseconds: Option<i64>,
    /// How its file was spelt then.
    pub spelling: Spelling,
}

/// Finds each version's migration and proves its text; `table` is where the rows stand.
pub fn match_rows(
    tool: Tool,
    module: &Module,
    dialect: Dialect,
    ran: &[Ran],
    table: &str,
) -> Result<Vec<Imported>, Vec<Diagnostic>> {
    let mut faults = Vec::new();
    let mut imported: Vec<Imported> = Vec::new();
    let known = Known::new(module);
    for one in ran {
        let name = one.name.as_ref().map(|name| format!(" (`{name}`)")).unwrap_or_default();
        let named = format!("version {}{name} of `{table}`", one.version);
        let found = known.of(tool, one);
        if one.and_lower {
            imported.extend(lower(tool, module, dialect, one));
        }
        let Some((migration, script)) = found.and_then(|found| Some((found, found.up.choose(dialect)?)))
        else {
            if !(one.and_lower && tool == Tool::Flyway) {
                faults.push(
                    Diagnostic::new(format!("{named} has no migration in module `{}`", module.namespace))
                        .help("enable the version of the crate that ran here, or name another module"),
                );
            }
            continue;
        };
        let name = one.name.as_deref().unwrap_or_default();
        let proved = |text: &str| one.proof.spelling(text, name, &one.version);
        match proved(script.original()).or_else(|| proved(&script.text)) {
            Some(spelling) => imported.push(Imported {
                id: migration.id.clone(),
                checksum: script.hash,
                at: one.at.clone(),
                milliseconds: one.milliseconds,
                spelling,
            }),
            None => faults.push(
                Diagnostic::new(format!("{named} ran with another text than `{}` has now", script.path))
                    .note(format!("its {} fits neither with LF nor with CRLF line ends", one.proof.name()))
                    .help("bring back the text that ran, or the version of the crate that had it"),
            ),
        }
    }
    faults.extend(repeated(&imported, table));
    if faults.is_empty() { Ok(imported) } else { Err(faults) }
}

/// Rows that mean a migration which another row means, too.
fn repeated(imported: &[Imported], table: &str) -> Vec<Diagnostic> {
    let mut seen = HashSet::new();
    let again = imported.iter().filter(|one| !seen.insert(&one.id));
    let fault = |one: &Imported| {
        Diagnostic::new(format!("more than one row of `{table}` means `{}`", one.id))
            .help("name another module, or bring back the file of the other row")
    };
    again.map(fault).collect()
}

/// What a row means that stands for lower versions, too, without the version itself.
fn lower(tool: Tool, module: &Module, dialect: Dialect, one: &Ran) -> Vec<Imported> {
    let Some(limit) = version(tool, one) else { return Vec::new() };
    let mut below: Vec<&Migration> = module.migrations.iter().filter(|m| m.version < limit).collect();
    below.sort_by(|a, b| a.version.cmp(&b.version));
    let import = |migration: &Migration| {
        Some(Imported {
            id: migration.id.clone(),
            checksum: migration.up.choose(dialect)?.hash,
            at: None,
            milliseconds: None,
            spelling: Spelling::Same,
        })
    };
    below.into_iter().filter_map(import).collect()
}

/// The version that a row names, where it is a number.
fn version(tool: Tool, one: &Ran) -> Option<Version> {
    if tool == Tool::Flyway { Version::parts(&one.version) } else { Version::number(&one.version) }
}

/// The migrations of a module, as rows name them.
struct Known<'a> {
    versions: HashMap<String, &'a Migration>,
    spellings: HashMap<&'a str, &'a Migration>,
    names: HashMap<&'a str, &'a Migration>,
}

impl<'a> Known<'a> {
    fn new(module: &'a Module) -> Self {
        let all = || module.migrations.iter().rev(); // of two with one version, the first counts
        Self {
            versions: all().map(|migration| (migration.version.canonical(), migration)).collect(),
            spellings: all().filter_map(|migration| Some((spelt(&migration.version)?, migration))).collect(),
            names: all().map(|migration| (migration.id.name(), migration)).collect(),
        }
    }

    /// The migration that a row means.
    fn of(&self, tool: Tool, one: &Ran) -> Option<&'a Migration> {
        let by_version = |version: Version| self.versions.get(&version.canonical()).copied();
        match tool {
            Tool::SeaOrm | Tool::Doctrine => {
                let name = one.version.rsplit('\\').next().unwrap_or_default();
                let digits = || digits_of(name).and_then(|digits| by_version(Version::text(&digits)));
                self.names.get(name).copied().or_else(digits)
            }
            // to these tools `1` and `01` are two versions
            Tool::Diesel | Tool::Dbmate => self.spellings.get(one.version.as_str()).copied(),
            _ => version(tool, one).and_then(by_version),
        }
    }
}

/// A version as its file has it.
fn spelt(version: &Version) -> Option<&str> {
    match version {
        Version::Number(text) | Version::Text(text) => Some(text),
        Version::Parts(_) => None,
    }
}

/// Migrations in code have names: the digits in it are the version.
fn digits_of(name: &str) -> Option<String> {
    let digits: String = match name.strip_prefix("Version") {
        Some(digits) => digits.to_owned(),
        None => name.trim_start_matches('m').split('_').take_while(|part| is_digits(part)).collect(),
    };
    is_digits(&digits).then_some(digits)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::adopt::read;
    use crate::id::Namespace;
    use crate::migration::{Script, Scripts};
    use crate::module::{Format, Origin};

    fn module(names: &[&str]) -> Module {
        let migration = |name: &&str| {
            let id: MigrationId = format!("app::{name}").parse().unwrap();
            let version = Version::text(name.split('_').next().unwrap());
            let up = Scripts { plain: Some(Script::new(*name, "x.sql")), ..Scripts::default() };
            Migration::new(id, version, up)
        };
        Module {
            namespace: Namespace::new("app").unwrap(),
            origin: Origin::Application,
            folder: "migrations".to_owned(),
            format: Format::Diesel,
            depends_on: BTreeSet::new(),
            migrations: names.iter().map(migration).collect(),
            checks: Vec::new(),
        }
    }

    /// What these rows mean, or the first fault.
    fn meaning(tool: Tool, versions: &[&str], names: &[&str]) -> Result<Vec<String>, String> {
        let rows: Vec<Vec<Option<String>>> =
            versions.iter().map(|version| vec![Some((*version).to_owned())]).collect();
        let ran = read(tool, &rows).unwrap();
        match match_rows(tool, &module(names), Dialect::Sqlite, &ran, "t") {
            Ok(imported) => Ok(imported.iter().map(|one| one.id.name().to_owned()).collect()),
            Err(faults) => Err(faults[0].message.clone()),
        }
    }

    #[test]
    fn zeros_in_front_count_where_the_version_is_a_text() {
        for tool in [Tool::Diesel, Tool::Dbmate] {
            let both = meaning(tool, &["010", "10"], &["10_ten", "010_eleven"]);
            assert_eq!(both.unwrap(), ["010_eleven", "10_ten"], "{tool:?}");
            let other = meaning(tool, &["010"], &["10_ten"]).unwrap_err();
            assert_eq!(other, "version 010 of `t` has no migration in module `app`", "{tool:?}");
        }
        assert_eq!(meaning(Tool::GolangMigrate, &["10"], &["010_ten"]).unwrap(), ["010_ten"]);
    }

    #[test]
    fn two_rows_of_one_migration_are_refused() {
        let rows = ["m20240101_000000_users", "20240101000000_users"];
        let fault = meaning(Tool::SeaOrm, &rows, &["20240101000000_users"]).unwrap_err();
        assert_eq!(fault, "more than one row of `t` means `app::20240101000000_users`");
    }
}
