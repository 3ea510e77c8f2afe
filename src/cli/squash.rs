//! `squash`: many migrations of a module become one, which is proved to make the same.

mod archive;
mod say;

use super::context::Context;
use super::generate::{choose, file_slug, shown, write_new};
use super::import::application;
use super::schema::scratch_connector;
use super::watch::reporter;
use super::{Done, Global};
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::engine::squash::{self as engine, Request, Squashed};
use crate::engine::{Failure, FailureKind, Project, checks_schema};
use crate::generate::{NewFile, of_dialect};
use crate::id::{Checksum, MigrationId};
use crate::lock::{Merged, merge};
use crate::lockfile;
use crate::migration::Former;
use crate::module::Module;
use crate::squash::{Choice, choose as choose_range, in_format, with_base};

/// Put migrations of a module together into one
///
/// The base makes the schema that they made, and keeps their statements that change rows, in order. It is proved on
/// scratch databases: with it the lock makes the same schema and the same rows as before. Then it takes their place in
/// the lock, and their files go to `archive`. A database that ran all of them does not run it. No database is touched.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The module whose migrations they are [default: the application]
    #[arg(long, value_name = "NAMESPACE")]
    module: Option<String>,
    /// The last one of them, in the order of the lock [default: all that are locked and not skipped]
    #[arg(long, value_name = "ID")]
    up_to: Option<String>,
    /// What the base is called
    #[arg(long, value_name = "NAME", default_value = "base")]
    name: String,
    /// Print it, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Write it although it does not make the same: what it lacks is done by hand
    #[arg(long)]
    by_hand: bool,
    /// Move files to `archive` that an interrupted squash has left, and nothing else
    #[arg(long, conflicts_with_all = ["up_to", "dry_run", "by_hand"])]
    finish: bool,
}

fn usage(fault: Diagnostic) -> Failure {
    Failure::new(FailureKind::Usage, fault)
}

fn refused(faults: Vec<Diagnostic>) -> Failure {
    Failure::all(FailureKind::Refused, faults)
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Done, Failure> {
    let context = Context::read(global)?;
    let project = context.project()?;
    let slug = file_slug(&args.name)?;
    let wanted = args.module.clone().map_or_else(|| application(&project), Ok)?;
    let module = choose(global, &project, Some(&wanted))?;
    if args.finish {
        return finish(global, &context, &project, module);
    }
    let merged = fresh(&project)?;
    let range = choose_range(&merged.lock, &project.catalogue, module, args.up_to.as_deref(), &slug);
    let Some(choice) = range.map_err(refused)? else { return Ok(say::nothing(global, module)) };
    let dialects = dialects(&context, &project, &choice)?;
    let plan = Plan { project: &project, module, choice: &choice, slug: &slug, merged: &merged };
    let old = plan.moves()?;
    let bases = plan.bases(global, &context, args, &dialects).await?;
    let files = plan.files(&bases)?;
    if args.dry_run {
        return Ok(say::printed(global, module, &choice, &bases, &files));
    }
    let written = plan.write(&context, &files, &old, &bases)?;
    Ok(say::done(global, module, &choice, &bases, &written))
}

/// The merged lock, which must be what the file says.
fn fresh(project: &Project) -> Result<Merged, Failure> {
    let merged = merge(project.document.lock(), &project.catalogue, None).map_err(usage)?;
    let mut misfits: Vec<Diagnostic> = merged.misfits().map(|finding| finding.diagnostic.clone()).collect();
    if misfits.is_empty() {
        return Ok(merged);
    }
    misfits.push(
        Diagnostic::new("the lock is not up to date, so nothing can be put together")
            .help("run `db-migrations lock` first"),
    );
    Err(refused(misfits))
}

/// Every database for which the base is made: those that the project has, as far as the migrations have texts for it.
fn dialects(context: &Context, project: &Project, choice: &Choice) -> Result<Vec<Dialect>, Failure> {
    let dialects = context.dialects()?;
    if dialects.is_empty() {
        context.needed_url()?;
    }
    let own = choice.ids.iter().filter_map(|id| project.catalogue.get(id));
    for (migration, variant) in own.flat_map(|one| one.up.variants.keys().map(move |variant| (one, variant)))
    {
        if !dialects.iter().any(|dialect| dialect.variants().contains(variant)) {
            let fault =
                format!("`{}` has a text for {variant}, for which no base would be made", migration.id);
            let fault =
                Diagnostic::new(fault).note("the base is made and proved for each database of the project");
            let all = dialects.iter().chain([variant]).map(|one| one.name()).collect::<Vec<_>>().join(", ");
            return Err(refused(vec![
                fault.help(format!("name all of them in `db-migrations.yml`: `dialects: [{all}]`")),
            ]));
        }
    }
    Ok(dialects)
}

/// What is done, and for what.
struct Plan<'a> {
    project: &'a Project,
    module: &'a Module,
    choice: &'a Choice,
    slug: &'a str,
    merged: &'a Merged,
}

/// What was written.
struct Written {
    /// Files, as they are shown.
    files: Vec<String>,
    /// How many files or folders were moved, and where to.
    moved: Vec<String>,
    archive: String,
}

impl Plan<'_> {
    /// What goes to the archive; refused where something is there already.
    fn moves(&self) -> Result<archive::Moves, Failure> {
        let source = self.project.discovery.sources.get(&self.module.namespace);
        let source = source
            .ok_or_else(|| usage(Diagnostic::new(format!("`{}` has no folder", self.module.namespace))))?;
        let own = self.choice.ids.iter().filter_map(|id| self.project.catalogue.get(id));
        archive::Moves::of(self.module, &source.folder, own)
    }

    /// Whether the file says which database it is for.
    fn is_variant(&self) -> bool {
        let own = self.choice.ids.iter().filter_map(|id| self.project.catalogue.get(id));
        self.project.config.dialects.len() > 1 || own.into_iter().any(|one| !one.up.variants.is_empty())
    }

    fn file(&self, dialect: Dialect, text: &str) -> Result<NewFile, Failure> {
        let file = in_format(self.module.format, &self.choice.version_text, self.slug, text);
        let mut file = file.ok_or_else(|| {
            let fault = format!("a base cannot be written in the format {}", self.module.format);
            let fault = Diagnostic::new(fault).note("a dump cannot be cut into statements as it wants them");
            usage(fault.help("give the folder another format first"))
        })?;
        if self.is_variant() {
            file.path = of_dialect(&file.path, dialect.name());
        }
        Ok(file)
    }

    async fn bases(
        &self,
        global: &Global,
        context: &Context,
        args: &Args,
        dialects: &[Dialect],
    ) -> Result<Vec<Squashed>, Failure> {
        let mut sink = reporter(global);
        let mut bases = Vec::new();
        for dialect in dialects {
            let path = format!("{}/{}", self.module.folder, self.file(*dialect, "")?.path);
            let scratch = scratch_connector(context, *dialect)?;
            let request =
                Request { choice: self.choice, path: &path, scratch: &*scratch, by_hand: args.by_hand };
            bases.extend(engine::squash(self.project, &self.merged.lock, &request, &mut *sink).await?);
        }
        if bases.is_empty() {
            let names: Vec<&str> = dialects.iter().map(|dialect| dialect.name()).collect();
            let fault = format!("none of the migrations has a text for {}", names.join(", "));
            return Err(refused(vec![Diagnostic::new(fault).help("pass the `--url` of their database")]));
        }
        Ok(bases)
    }

    fn files(&self, bases: &[Squashed]) -> Result<Vec<NewFile>, Failure> {
        bases.iter().map(|base| self.file(base.dialect, &base.text)).collect()
    }

    /// Base, lock, archive, snapshots: killed in between, `lock` says what to do.
    fn write(
        &self,
        context: &Context,
        files: &[NewFile],
        old: &archive::Moves,
        bases: &[Squashed],
    ) -> Result<Written, Failure> {
        self.unchanged(context)?;
        let mut written = write_new(files, &old.folder, &context.root)?;
        let checksum = match self.found(context) {
            Ok(checksum) => checksum,
            Err(failure) => {
                remove(files, &old.folder);
                return Err(failure);
            }
        };
        let wanted = with_base(&self.merged.lock, self.choice, checksum);
        let text =
            self.project.document.edit(&wanted).map_err(|fault| Failure::new(FailureKind::Bug, fault))?;
        if let Err(failure) = self.write_lock(&text) {
            remove(files, &old.folder);
            return Err(failure);
        }
        written.push(self.project.config.lock.clone());
        let moved = old.carry_out().map_err(|failure| half_done(failure, &written))?;
        let snapshots = snapshots(context, bases).map_err(|failure| half_done(failure, &written));
        written.extend(snapshots?);
        Ok(Written { files: written, moved, archive: shown(&old.archive(), &context.root) })
    }

    /// Writes the lock, if it is still the text that was read.
    fn write_lock(&self, text: &str) -> Result<(), Failure> {
        let path = self.project.lock_path();
        let found = lockfile::read(&path).map_err(usage)?.unwrap_or_default();
        if found != self.project.document.text() {
            return Err(meanwhile(&format!("`{}` was changed", self.project.config.lock)));
        }
        lockfile::write(&path, text).map_err(|fault| usage(fault.note("nothing was written")))?;
        Ok(())
    }

    /// Refuses where lock or migrations are others than those that were read and proved.
    fn unchanged(&self, context: &Context) -> Result<(), Failure> {
        let now = context.project()?;
        if now.document.text() != self.project.document.text() {
            return Err(meanwhile(&format!("`{}` was changed", self.project.config.lock)));
        }
        let all = self.project.catalogue.iter().chain(now.catalogue.iter());
        let changed = |id: &MigrationId| self.project.catalogue.get(id) != now.catalogue.get(id);
        match all.map(|one| &one.id).find(|id| changed(id)) {
            Some(id) => Err(meanwhile(&format!("`{id}` was changed, or came or went,"))),
            None => Ok(()),
        }
    }

    /// The checksum of the base as it is read from its files.
    fn found(&self, context: &Context) -> Result<Checksum, Failure> {
        let project = context.project()?;
        project.catalogue.get(&self.choice.base).map(|base| base.up.checksum()).ok_or_else(|| {
            let fault = format!("the base is not read as `{}`; nothing was written", self.choice.base);
            Failure::new(FailureKind::Bug, Diagnostic::new(fault))
        })
    }
}

/// Writes what the proofs have made of the new lock.
fn snapshots(context: &Context, bases: &[Squashed]) -> Result<Vec<String>, Failure> {
    let after = context.project()?;
    let merged = fresh(&after)?;
    let mut written = Vec::new();
    for base in bases.iter().filter(|base| base.proof.holds() && checks_schema(&after)) {
        written.extend(base.snapshot(&after, &merged).map_err(usage)?);
    }
    Ok(written)
}

/// Somebody else was at work.
fn meanwhile(what: &str) -> Failure {
    let fault = Diagnostic::new(format!("{what} while `squash` ran"));
    refused(vec![fault.note("nothing was written").help("run it again")])
}

fn remove(files: &[NewFile], folder: &std::path::Path) {
    for file in files {
        let _ = std::fs::remove_file(folder.join(&file.path));
    }
}

/// What went wrong once base and lock were written: a finding, since both stay.
fn half_done(failure: Failure, written: &[String]) -> Failure {
    let mut faults = failure.diagnostics;
    let files: Vec<String> = written.iter().map(|path| format!("`{path}`")).collect();
    let fault =
        Diagnostic::new(format!("the base is made, but not all is done: {} are written", files.join(", ")));
    let finish = "`db-migrations squash --finish` moves old files that are left; `db-migrations schema snapshot` writes the snapshot";
    faults.push(fault.help(finish));
    Failure::all(FailureKind::Findings, faults)
}

/// A base whose file was written, and the lock was not.
fn unlocked(project: &Project, module: &Module) -> Option<Diagnostic> {
    let lock = project.document.lock();
    let locked = |former: &Former| former.names().any(|name| lock.entries.contains_key(name));
    let mut own = module.migrations.iter().filter(|one| !lock.entries.contains_key(&one.id));
    let base = own.find(|one| one.replaces.len() > 1 && one.replaces.iter().any(locked))?;
    let fault = Diagnostic::new(format!("`{}` is not in the lock, and what it replaces is", base.id))
        .note("an interrupted squash wrote its file, and nothing else");
    Some(fault.help("remove its file, then run `db-migrations squash` again"))
}

/// Moves what a base replaces and an interrupted squash has left.
fn finish(global: &Global, context: &Context, project: &Project, module: &Module) -> Result<Done, Failure> {
    let source = project.discovery.sources.get(&module.namespace);
    let source =
        source.ok_or_else(|| usage(Diagnostic::new(format!("`{}` has no folder", module.namespace))))?;
    if let Some(fault) = unlocked(project, module) {
        return Err(refused(vec![fault]));
    }
    let lock = project.document.lock();
    let found = |(id, _): &(&MigrationId, &crate::lock::Entry)| project.catalogue.get(id).is_some();
    let bases = lock.entries.iter().filter(|(_, entry)| entry.is_base()).filter(found);
    let formers = bases.flat_map(|(_, entry)| entry.former_names());
    let left = formers
        .filter(|id| id.namespace() == module.namespace.as_str() && !lock.entries.contains_key(*id))
        .filter_map(|id| project.catalogue.get(id));
    let old = archive::Moves::of(module, &source.folder, left)?;
    let moved = old.carry_out()?;
    Ok(say::finished(global, module, &moved, &shown(&old.archive(), &context.root)))
}
