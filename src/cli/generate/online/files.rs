//! The files of the steps: their names, their texts with the ids in them, and what of them is tried.

use std::path::{Path, PathBuf};

use jiff::SignedDuration;

use super::super::{last_of_dependencies, next_number, published, write_new};
use crate::cli::diff::{counted, first_stamp};
use crate::diagnostic::Diagnostic;
use crate::engine::diff::ToProve;
use crate::engine::online::Planned;
use crate::engine::{Failure, FailureKind, Project};
use crate::generate::online::{self, Side, Step};
use crate::generate::{Both, NewFile, files, filled_both, of_dialect};
use crate::id::MigrationId;
use crate::migration::{Phase, Script};
use crate::module::{Format, Module};

/// All of them.
pub(super) struct Files {
    /// The migrations, in the order in which they run.
    pub(super) ids: Vec<MigrationId>,
    texts: Vec<NewFile>,
    proofs: Vec<ToProve>,
    folder: PathBuf,
    /// The format has no place for what undoes a step.
    pub(super) without_down: bool,
}

impl Files {
    /// What is tried.
    pub(super) fn to_prove(&self) -> Vec<ToProve> {
        self.proofs.clone()
    }

    /// Every file.
    pub(super) fn all(&self) -> &[NewFile] {
        &self.texts
    }

    /// Writes them; their paths as they are shown.
    pub(super) fn write(&self, root: &Path) -> Result<Vec<String>, Failure> {
        write_new(&self.texts, &self.folder, root)
    }
}

/// A version and a slug.
struct Name {
    stamp: String,
    number: Option<String>,
    slug: String,
}

/// Gives the steps their files in a module.
pub(super) fn name(
    project: &Project,
    module: &Module,
    slug: &str,
    planned: &Planned,
) -> Result<Files, Failure> {
    let usage = |fault: Diagnostic| Failure::new(FailureKind::Usage, fault);
    let source = project.discovery.sources.get(&module.namespace);
    let source =
        source.ok_or_else(|| usage(Diagnostic::new(format!("`{}` has no folder", module.namespace))))?;
    let (steps, dialect) = (&planned.steps.steps, planned.sides.dialect);
    let names = names(module, slug, steps);
    let ids = names.iter().map(|name| id(module, name)).collect::<Result<Vec<_>, _>>().map_err(usage)?;
    let expands = ids.iter().zip(steps).filter(|(_, step)| step.phase == Phase::Expand);
    let expands: Vec<MigrationId> = expands.map(|(id, _)| id.clone()).collect();
    let depends_on = if published(module) { last_of_dependencies(project, module) } else { Vec::new() };
    let is_variant = project.config.dialects.len() > 1
        || module.migrations.iter().any(|migration| !migration.up.variants.is_empty());
    let shown: Vec<String> = ids.iter().map(|id| id.as_str().to_owned()).collect();
    let page = online::page(dialect, &planned.change, &planned.steps, &shown);
    let mut all = Files {
        ids,
        texts: Vec::new(),
        proofs: Vec::new(),
        folder: source.folder.clone(),
        without_down: false,
    };
    for (at, (step, name)) in steps.iter().zip(&names).enumerate() {
        let about = if at == 0 { page.clone() } else { short(at, steps, &shown[0]) };
        let (up, down) = (online::up(step, &about, &expands), online::down(step));
        let empty = files(module.format, &name.stamp, name.number.as_deref(), &name.slug, &depends_on, true);
        let mut both = filled_both(module.format, empty, &up, &down, (step.up.alone, step.down.alone));
        for file in both.files.iter_mut().filter(|_| is_variant) {
            file.path = of_dialect(&file.path, dialect.name());
        }
        all.without_down |= both.down.is_none();
        all.proofs.push(to_prove(module, &both, (&up, &step.up), (&down, &step.down)));
        all.texts.extend(both.files);
    }
    Ok(all)
}

/// What a later step says of itself.
fn short(at: usize, steps: &[Step], first: &str) -> String {
    let title = &steps[at].title;
    format!("Step {} of {}: {title}.\nThe page of explanation is in {first}.", at + 1, steps.len())
}

fn names(module: &Module, slug: &str, steps: &[Step]) -> Vec<Name> {
    let (first, number) = (first_stamp(module), next_number(module));
    let name = |(at, step): (usize, &Step)| {
        let seconds = SignedDuration::from_secs(i64::try_from(at).unwrap_or(0));
        Name {
            stamp: (first + seconds).strftime("%Y%m%d%H%M%S").to_string(),
            number: number.as_ref().map(|first| counted(first, at)),
            slug: format!("{slug}_{}_{}", at + 1, step.word),
        }
    };
    steps.iter().enumerate().map(name).collect()
}

/// The id under which a file will be found.
fn id(module: &Module, name: &Name) -> Result<MigrationId, Diagnostic> {
    let files = files(module.format, &name.stamp, name.number.as_deref(), &name.slug, &[], true);
    let path = files.first().map_or("", |file| file.path.as_str());
    let path = if module.format == Format::Diesel { path.trim_end_matches("/up.sql") } else { path };
    let stem = path.trim_end_matches(".sql").trim_end_matches(".up");
    MigrationId::new(&module.namespace, stem)
        .map_err(|error| Diagnostic::new(format!("`{stem}` is no name of a migration")).cause(error))
}

fn to_prove(module: &Module, both: &Both, up: (&str, &Side), down: (&str, &Side)) -> ToProve {
    let script = |place: Option<(usize, usize)>, (text, side): (&str, &Side)| {
        let (file, lines) = place.unwrap_or((0, 0));
        let path = both.files.get(file).map_or("down", |file| file.path.as_str());
        Script {
            lines_before: lines,
            no_transaction: side.alone,
            foreign_keys: side.keys_off.then_some(false),
            ..Script::new(text, format!("{}/{path}", module.folder))
        }
    };
    ToProve { up: script(Some(both.up), up), down: script(both.down, down) }
}
