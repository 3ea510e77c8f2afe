//! What ran × a module → its migrations, proved. All faults at once.

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
    for one in ran {
        let name = one.name.as_ref().map(|name| format!(" (`{name}`)")).unwrap_or_default();
        let named = format!("version {}{name} of `{table}`", one.version);
        let found = module.migrations.iter().find(|migration| fits(tool, one, migration));
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
        match one.proof.spelling(&script.text, one.name.as_deref().unwrap_or_default(), &one.version) {
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
    if faults.is_empty() { Ok(imported) } else { Err(faults) }
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

/// Whether a row means a migration.
fn fits(tool: Tool, one: &Ran, migration: &Migration) -> bool {
    match tool {
        Tool::SeaOrm | Tool::Doctrine => fits_code(one, migration),
        Tool::Diesel => migration.version.canonical() == Version::text(&one.version).canonical(),
        _ => version(tool, one).is_some_and(|version| migration.version.canonical() == version.canonical()),
    }
}

/// Migrations in code have names: the whole name, or the digits in it, which are the version.
fn fits_code(one: &Ran, migration: &Migration) -> bool {
    let name = one.version.rsplit('\\').next().unwrap_or_default();
    let digits: String = match name.strip_prefix("Version") {
        Some(digits) => digits.to_owned(),
        None => name.trim_start_matches('m').split('_').take_while(|part| is_digits(part)).collect(),
    };
    name == migration.id.name()
        || (is_digits(&digits) && migration.version.canonical() == Version::text(&digits).canonical())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
