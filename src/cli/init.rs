//! `init`: the files that a project begins with.

use std::path::Path;

use serde_json::json;

use super::context::CONFIG;
use super::{Done, Exit, Format, Global};
use crate::diagnostic::Diagnostic;
use crate::engine::{Failure, FailureKind};
use crate::lockfile;
use crate::report::human;

/// Write a commented configuration, the migrations folder, and the `.gitattributes` lines
///
/// Files that exist are left alone. Zero configuration works, too: `init` is a convenience.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

const TEMPLATE: &str = "\
# Configuration of db-migrations. Every key is optional; docs/configuration.md lists them all.

# database:
#   url: ${DATABASE_URL}          # the environment and `.env` are read; --url wins
#   history-table: db_migrations

# dialects: [sqlite]              # snapshots that `lock --check` demands; default: the URL's

# modules:
#   enable:
#     some-crate: { path: migrations }   # `db-migrations modules` lists candidates
#   paths: [\"plugins/*\"]                 # plugin folders

# schema:
#   path: schema.sql              # the declared schema, for `db-migrations diff`; or command: [PROGRAM, ARGUMENT]

# schema-check:
#   mode: superset                # or strict: extra objects count, too
#   source: replay                # or declared

# policy:
#   out-of-order: warn            # allow | warn | deny
#   unknown-executed: warn        # allow | warn | deny
";

const ATTRIBUTES: &str = "\
migrations-lock.yml text eol=lf
migrations-schema.*.sql text eol=lf linguist-generated
";

pub(super) fn run(global: &Global, _: &Args) -> Result<Done, Failure> {
    let usage = |fault: Diagnostic| Failure::new(FailureKind::Usage, fault);
    let root = std::env::current_dir()
        .map_err(|e| usage(Diagnostic::new("the current folder cannot be read").cause(e)))?;
    let config = global.config.clone().map_or_else(|| root.join(CONFIG), |path| root.join(path));
    let mut written = Vec::new();
    if lockfile::read(&config).map_err(usage)?.is_none() {
        lockfile::write(&config, TEMPLATE).map_err(usage)?;
        written.push(config.strip_prefix(&root).unwrap_or(&config).display().to_string());
    }
    let folder = root.join("migrations");
    if !folder.exists() {
        let keep = folder.join(".gitkeep");
        lockfile::write(&keep, "").map_err(usage)?;
        fs_err::create_dir_all(&folder)
            .map_err(|e| usage(Diagnostic::new("cannot make `migrations`").cause(e)))?;
        written.push("migrations/".to_owned());
    }
    if attributes(&root).map_err(usage)? {
        written.push(".gitattributes".to_owned());
    }
    if global.format == Format::Human {
        for path in &written {
            human::line(&format!("wrote {path}"));
        }
        if written.is_empty() {
            human::line("everything is there already");
        }
        human::note("next: `db-migrations generate NAME`, then `db-migrations migrate`");
    }
    Ok(Done::new(
        Exit::Done,
        if written.is_empty() { "unchanged" } else { "written" },
        json!({ "written": written }),
    ))
}

/// Adds the lines that are not there; whether any were missing.
fn attributes(root: &Path) -> Result<bool, Diagnostic> {
    let path = root.join(".gitattributes");
    let mut text = lockfile::read(&path)?.unwrap_or_default();
    let missing: Vec<&str> = ATTRIBUTES
        .lines()
        .filter(|line| {
            let name = line.split(' ').next();
            text.lines().all(|have| have.split_whitespace().next() != name)
        })
        .collect();
    if missing.is_empty() {
        return Ok(false);
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(&missing.join("\n"));
    text.push('\n');
    lockfile::write(&path, &text)?;
    Ok(true)
}
