//! The files of the new migrations: their names, their texts, and what of them runs.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp, civil};

use super::usage;
use crate::cli::generate::{last_of_dependencies, next_number, published, write_new};
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::diff::Loss;
use crate::engine::diff::{Change, ToProve, Way, loss_line};
use crate::engine::{Failure, Project};
use crate::generate::{NewFile, files, filled_both, of_dialect};
use crate::id::{MigrationId, Version};
use crate::migration::{Migration, Script};
use crate::module::Module;

/// All of them.
pub(super) struct Files {
    /// In the order in which they run.
    pub(super) migrations: Vec<New>,
    folder: PathBuf,
}

/// One migration.
pub(super) struct New {
    pub(super) files: Vec<NewFile>,
    proof: ToProve,
}

impl Files {
    /// What is tried.
    pub(super) fn to_prove(&self) -> Vec<ToProve> {
        self.migrations.iter().map(|migration| migration.proof.clone()).collect()
    }

    /// Every file.
    pub(super) fn all(&self) -> Vec<NewFile> {
        self.migrations.iter().flat_map(|migration| &migration.files).cloned().collect()
    }

    /// Writes them; their paths as they are shown.
    pub(super) fn write(&self, root: &Path) -> Result<Vec<String>, Failure> {
        write_new(&self.all(), &self.folder, root)
    }
}

/// Gives the changes of a way their files in a module.
pub(super) fn name(
    project: &Project,
    module: &Module,
    slug: &str,
    way: &Way,
    dialect: Dialect,
) -> Result<Files, Failure> {
    let source = project.discovery.sources.get(&module.namespace);
    let source =
        source.ok_or_else(|| usage(Diagnostic::new(format!("`{}` has no folder", module.namespace))))?;
    let depends_on = if published(module) { last_of_dependencies(project, module) } else { Vec::new() };
    let is_variant = project.config.dialects.len() > 1
        || module.migrations.iter().any(|migration| !migration.up.variants.is_empty());
    let empty = [Change::default()];
    let changes = if way.changes.is_empty() { &empty[..] } else { &way.changes };
    let naming = Naming { module, depends_on, variant: is_variant.then(|| dialect.name()) };
    let first = first_stamp(module);
    let number = next_number(module);
    let mut migrations = Vec::new();
    for (at, change) in changes.iter().enumerate() {
        let seconds = i64::try_from(at).unwrap_or(0);
        let stamp = (first + SignedDuration::from_secs(seconds)).strftime("%Y%m%d%H%M%S").to_string();
        let number = number.as_ref().map(|first| counted(first, at));
        let slug = if at == 0 { slug.to_owned() } else { format!("{slug}_{}", at + 1) };
        migrations.push(naming.migration(&stamp, number.as_deref(), &slug, change));
    }
    Ok(Files { migrations, folder: source.folder.clone() })
}

/// The first stamp: now, and behind the last one of the module.
pub(in crate::cli) fn first_stamp(module: &Module) -> Timestamp {
    let now = Timestamp::now();
    let last = module.migrations.last().and_then(|last| stamp_of(&last.version));
    let next = last.map(|last| last + SignedDuration::from_secs(1));
    // one that is far ahead was written by hand
    let next = next.filter(|next| next.duration_since(now) < SignedDuration::from_mins(10));
    next.map_or(now, |next| next.max(now))
}

fn stamp_of(version: &Version) -> Option<Timestamp> {
    version.timestamp()?;
    let (Version::Number(digits) | Version::Text(digits)) = version else { return None };
    let time = civil::DateTime::strptime("%Y%m%d%H%M%S", digits).ok()?;
    time.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|time| time.timestamp())
}

/// So many numbers later, as wide.
pub(in crate::cli) fn counted(first: &str, more: usize) -> String {
    let number = first.parse::<u64>().map_or(0, |number| number + u64::try_from(more).unwrap_or(0));
    format!("{number:0width$}", width = first.len())
}

/// What the names of all files share.
struct Naming<'a> {
    module: &'a Module,
    depends_on: Vec<MigrationId>,
    variant: Option<&'static str>,
}

impl Naming<'_> {
    fn migration(&self, stamp: &str, number: Option<&str>, slug: &str, change: &Change) -> New {
        let format = self.module.format;
        let (up, down) = (change.up.text(), change.down.text());
        let empty = files(format, stamp, number, slug, &self.depends_on, true);
        let alone = (change.up.alone, change.down.alone);
        let mut both = filled_both(format, empty, &up, &down, alone);
        if let Some(dialect) = self.variant {
            for file in &mut both.files {
                file.path = of_dialect(&file.path, dialect);
            }
        }
        let script =
            |place: Option<(usize, usize)>, text: &str, direction: &crate::engine::diff::Direction| {
                let (file, lines) = place.unwrap_or((0, 0));
                let path = both.files.get(file).map_or("down", |file| file.path.as_str());
                let shown = format!("{}/{path}", self.module.folder);
                Script {
                    lines_before: lines,
                    no_transaction: direction.alone,
                    foreign_keys: direction.keys_off.then_some(false),
                    ..Script::new(text, shown)
                }
            };
        let proof = ToProve {
            up: script(Some(both.up), &up, &change.up),
            down: script(both.down, &down, &change.down),
        };
        New { files: both.files, proof }
    }
}

/// The migration of the module that says last what is not done, where nothing else is to be said: somebody has
/// left it as a comment.
pub(super) fn stands_there<'a>(module: &'a Module, way: &Way, dialect: Dialect) -> Option<&'a MigrationId> {
    let [only] = &way.changes[..] else { return None };
    if !only.up.statements.is_empty() || !way.not_generated.is_empty() {
        return None;
    }
    let says = |migration: &&Migration, loss: &Loss| {
        let script = migration.up.choose(dialect);
        script.is_some_and(|script| script.text.contains(&format!("-- {}\n", loss_line(loss))))
    };
    let all = way.kept.iter().map(|loss| module.migrations.iter().rfind(|migration| says(migration, loss)));
    let found: Option<Vec<&Migration>> = all.collect();
    found?.into_iter().map(|migration| &migration.id).next_back()
}
