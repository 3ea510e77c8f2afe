//! `bundle`: everything that a run needs, in one file.

use std::path::PathBuf;

use serde_json::json;

use super::context::{Context, MAINTENANCE};
use super::deploy::Named;
use super::{Done, Exit, Format, Global, lock};
use crate::bundle;
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::engine::{self, Failure, FailureKind, Project, SnapshotState};
use crate::id::Checksum;
use crate::lock::{Merged, merge};
use crate::lockfile::{self, Written};
use crate::report::{count, human};
use crate::snapshot::Fingerprint;

/// Write lock, migrations, checks, snapshots and settings into one file, for `--bundle`
///
/// The same project gives the same bytes everywhere. No URL, password or variable of the environment is in it.
/// Refused (7) where `lock --check` fails: a bundle is what was consented. No database is needed.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file to write
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    named: Named,
}

pub(super) fn run(global: &Global, args: &Args) -> Result<Done, Failure> {
    let context = Context::read(global)?;
    let release = args.named.built(&context)?;
    let project = context.project()?;
    let merged = merge(project.document.lock(), &project.catalogue, None)
        .map_err(|fault| Failure::new(FailureKind::Usage, fault))?;
    let dialects = consented(&context, &project, &merged)?;
    let mut bundle = project.bundle(&dialects)?;
    bundle.release = release;
    let text = bundle::render(&bundle).map_err(|unfit| Failure::all(FailureKind::Refused, unfit))?;
    let written =
        lockfile::write(&args.output, &text).map_err(|fault| Failure::new(FailureKind::Usage, fault))?;
    if context.config.maintenance.way.is_some() {
        human::note(&format!(
            "note: the bundle holds nothing of `maintenance`: set `{MAINTENANCE}` where it is run"
        ));
    }
    let digest = Checksum::of(text.as_bytes());
    let file = args.output.display().to_string();
    let names: Vec<&str> = dialects.iter().map(|dialect| dialect.name()).collect();
    let (migrations, modules) = (project.catalogue.len(), project.catalogue.modules().len());
    if global.format == Format::Human {
        let migrations = count(migrations, "migration", "migrations");
        let modules = count(modules, "module", "modules");
        let snapshots = if names.is_empty() { "no snapshot".to_owned() } else { names.join(", ") };
        let verb = if written == Written::Changed { "wrote" } else { "unchanged:" };
        human::line(&format!("{verb} {file} ({migrations} of {modules}; snapshots: {snapshots})"));
        human::line(&format!("sha256 {digest}"));
    }
    let json = json!({
        "file": file,
        "sha256": digest.to_string(),
        "bytes": text.len(),
        "modules": modules,
        "migrations": migrations,
        "snapshots": names,
    });
    let outcome = if written == Written::Changed { "written" } else { "unchanged" };
    Ok(Done::new(Exit::Done, outcome, json))
}

/// The dialects whose snapshots are bundled; refused where `lock --check` would find something.
fn consented(context: &Context, project: &Project, merged: &Merged) -> Result<Vec<Dialect>, Failure> {
    let mut wrong = lock::not_up_to_date(project, &lock::findings(project, merged));
    if let Some(last) = wrong.last_mut() {
        last.notes.push("a bundle is what was consented".to_owned());
        return Err(Failure::all(FailureKind::Refused, wrong));
    }
    if !engine::checks_schema(project) {
        return Ok(Vec::new());
    }
    let there = |dialect: &Dialect| project.snapshot_path(*dialect).exists();
    let bundled: Vec<Dialect> = match project.config.dialects.as_slice() {
        [] => Dialect::ALL.into_iter().filter(there).collect(),
        wanted => wanted.to_vec(),
    };
    // the URL's is checked, as `lock --check` does, but never decides what is in the file
    let also = context.dialects()?.into_iter().filter(|dialect| !bundled.contains(dialect));
    for dialect in bundled.iter().copied().chain(also) {
        let now = Fingerprint::of(&merged.lock, &project.catalogue, dialect);
        let state: SnapshotState = engine::snapshot_state(project, &now, dialect);
        wrong.extend(state.diagnostic(project, dialect));
    }
    if bundled.is_empty() && wrong.is_empty() && !merged.lock.entries.is_empty() {
        wrong.push(
            Diagnostic::new("there is no snapshot, so every run from the bundle would be refused")
                .help("write `dialects: [postgres]` (or yours) into the configuration and run `db-migrations schema snapshot`"),
        );
    }
    if wrong.is_empty() { Ok(bundled) } else { Err(Failure::all(FailureKind::Refused, wrong)) }
}
