//! `squash`: the base of a range of migrations, and the proof that it makes the same.
//!
//! - `chain`: a lock on a scratch database, with a look at what it made
//! - `trial`: which statements still run on the schema of the base
//! - `prove`: the old chain and the new one, compared
//!
//! What the range made is what is there with it and not before it, without the migrations of other modules
//! that stand in between: the base takes the place of its first one, so it must do without them. Whether they
//! can do with the base at that place, the proof says. Files are the caller's.

mod chain;
mod prove;
mod trial;

use std::collections::HashSet;

use crate::catalogue::Catalogue;
use crate::database::Connect;
use crate::diagnostic::{Diagnostic, count};
use crate::dialect::Dialect;
use crate::diff::{Style, script};
use crate::event::Sink;
use crate::id::MigrationId;
use crate::lock::{Lock, Merged};
use crate::migration::{Migration, Script, Scripts};
use crate::snapshot::{Fingerprint, Proof as Snapped, render_schema};
use crate::squash::{Base, Choice, Column, Fate, Schema as Ddl, Sorted, may_write, sort, state, with_base};

use super::declared::tell_left_out;
use super::failure::{Failure, Kind};
use super::project::Project;
use super::snapshots;

use chain::{Made, Unmade, make};
pub use prove::Proof;

/// What is to be put together, for one database.
pub struct Request<'a> {
    /// The migrations.
    pub choice: &'a Choice,
    /// The file of the base as it is shown.
    pub path: &'a str,
    /// Where scratch databases are made.
    pub scratch: &'a dyn Connect,
    /// A base that makes something else is wanted all the same: a person does the rest.
    pub by_hand: bool,
}

/// A base for one database.
pub struct Squashed {
    /// Which.
    pub dialect: Dialect,
    /// Its text.
    pub text: String,
    /// How many objects it makes.
    pub objects: usize,
    /// The statements that are kept, and those that are left to a hand.
    pub statements: Vec<Sorted>,
    /// What was proved.
    pub proof: Proof,
    new: Made,
}

impl Squashed {
    /// The statements that stand in the base.
    pub fn kept(&self) -> impl Iterator<Item = &Sorted> {
        self.statements.iter().filter(|one| one.fate == Fate::Kept)
    }

    /// The statements that are left to a hand, and why.
    pub fn by_hand(&self) -> impl Iterator<Item = (&Sorted, &str)> {
        self.statements.iter().filter_map(|one| Some((one, one.fate.by_hand()?)))
    }

    /// A column that the proof leaves out and this statement may write.
    pub fn left_out_by(&self, one: &Sorted) -> Option<&Column> {
        let mut columns = self.proof.volatile.iter();
        columns.find(|column| may_write(self.dialect, &one.text, &column.table))
    }

    /// Writes the snapshot that the proof has made; its name if that changed anything.
    pub fn snapshot(&self, project: &Project, merged: &Merged) -> Result<Option<String>, Diagnostic> {
        let fingerprint = Fingerprint::of(&merged.lock, &project.catalogue, self.dialect);
        let (schema, server) = (self.new.schema.clone(), self.new.server.clone());
        snapshots::write(project, &snapshots::of(schema, server, Snapped::Replay, &fingerprint))
    }
}

/// Makes the base for a database and proves it; `None` where none of the migrations has a text for it.
/// Nothing is written.
pub async fn squash(
    project: &Project,
    lock: &Lock,
    request: &Request<'_>,
    sink: &mut dyn Sink,
) -> Result<Option<Squashed>, Failure> {
    let (choice, dialect) = (request.choice, request.scratch.dialect());
    let own = choice.ids.iter().filter_map(|id| project.catalogue.get(id));
    let scripts: Vec<(&MigrationId, &Script)> =
        own.filter_map(|one| Some((&one.id, one.up.choose(dialect)?))).collect();
    if scripts.is_empty() {
        return Ok(None);
    }
    let range = Range::new(project, lock, request);
    let before = range.before(sink).await?;
    let after = range.after(sink).await?;
    let schema = ddl(dialect, choice, &before, &after)?;
    let mut statements = sorted(dialect, &scripts)?;
    let mut counters = crate::squash::sequences(&before.rows, &after.rows, &after.schema);
    counters.extend(state::missing(&after.counters, &before.counters).into_iter().cloned());
    let refreshes = state::refreshes(&before.filled, &after.filled, &after.schema);
    let formers = choice.formers_on(lock, &project.catalogue, dialect);
    let text_of = |statements: &[Sorted], counters: &[String], refreshes: &[String]| {
        Base { choice, schema: &schema, statements, formers: &formers, counters, refreshes }.text()
    };
    let shape = |text: String| base_script(text, request.path, &schema, &scripts);
    let schema_only = range.with(shape(text_of(&[], &[], &[])))?;
    let tried =
        trial::fit(project, &schema_only.catalogue, &schema_only.first, &mut statements, request.scratch)
            .await;
    tried.map_err(|unmade| range.base_fails(unmade))?;
    let text = text_of(&statements, &counters, &refreshes);
    let wanted = range.with(shape(text.clone()))?;
    let old = if range.is_all { Some(after) } else { None };
    let texts = scripts.iter().map(|(_, script)| &*script.text);
    let vary = texts.chain([text.as_str()]).any(|text| crate::squash::can_vary(dialect, text));
    let (new, proof) = prove::prove(&range, &wanted, old, vary, sink).await?;
    tell_left_out(&new.left_out, sink);
    statements.retain(|one| one.fate == Fate::Kept || one.fate.by_hand().is_some());
    let objects = after_only(&before, &new);
    let squashed = Squashed { dialect, text, objects, statements, proof, new };
    if squashed.proof.holds() || request.by_hand {
        return Ok(Some(squashed));
    }
    let help = "`--by-hand` writes the base all the same, with what is left to a hand as comments";
    Err(Failure::new(Kind::Refused, range.unequal(&squashed).note("nothing was written").help(help)))
}

fn after_only(before: &Made, after: &Made) -> usize {
    let there = before.schema.by_name();
    let is_new = |object: &&crate::schema::Object| !there.contains_key(&(object.kind, object.name.as_str()));
    after.schema.objects.iter().filter(is_new).count()
}

/// The parts of a lock around the range.
struct Range<'a> {
    project: &'a Project,
    lock: &'a Lock,
    request: &'a Request<'a>,
    /// What stands before the first of them.
    before: Lock,
    /// The same, and they.
    after: Lock,
    /// That is all of the lock that runs.
    is_all: bool,
}

/// The lock with a base in it, and the catalogue that has it.
struct With {
    catalogue: Catalogue,
    /// Up to the base.
    first: Lock,
    /// All of it.
    lock: Lock,
}

impl<'a> Range<'a> {
    fn new(project: &'a Project, lock: &'a Lock, request: &'a Request<'a>) -> Self {
        let own: HashSet<&MigrationId> = request.choice.ids.iter().collect();
        let place = request.choice.first_place(lock);
        let part = |keep: &dyn Fn(usize, &MigrationId) -> bool| Lock {
            entries: lock
                .entries
                .iter()
                .enumerate()
                .filter(|(at, (id, _))| keep(*at, id))
                .map(|(_, (id, entry))| (id.clone(), entry.clone()))
                .collect(),
        };
        let before = part(&|at, _| at < place);
        let after = part(&|at, id| at < place || own.contains(id));
        let is_all = after.runnable().count() == lock.runnable().count();
        Self { project, lock, request, before, after, is_all }
    }

    /// What is there before the first of them.
    async fn before(&self, sink: &mut dyn Sink) -> Result<Made, Failure> {
        if self.before.runnable().next().is_none() {
            return Ok(Made::default());
        }
        let made =
            make(self.project, &self.project.catalogue, &self.before, self.request.scratch, sink).await;
        made.map_err(Unmade::into_failure)
    }

    /// What is there behind the last of them, without those of other modules in between.
    async fn after(&self, sink: &mut dyn Sink) -> Result<Made, Failure> {
        let made = make(self.project, &self.project.catalogue, &self.after, self.request.scratch, sink).await;
        made.map_err(|unmade| match unmade {
            Unmade::Step(id, fault) if !self.request.choice.between(self.lock).is_empty() => {
                self.needs_others(&id, *fault)
            }
            other => other.into_failure(),
        })
    }

    /// One of them needs what another module's has made in between.
    fn needs_others(&self, id: &MigrationId, fault: Diagnostic) -> Failure {
        let choice = self.request.choice;
        let between = choice.between(self.lock);
        let place = self.lock.entries.get_index_of(id).unwrap_or_default();
        let named = between.iter().filter(|one| self.lock.entries.get_index_of(**one) < Some(place));
        let named: Vec<String> = named.map(|id| format!("`{id}`")).collect();
        let mut told = Diagnostic::new(format!(
            "`{id}` needs what {} of other modules made before it",
            count(named.len(), "migration", "migrations")
        ))
        .note(format!(
            "the base takes the place of `{}`, before {}",
            choice.ids[0],
            shortened(&named)
        ));
        told.frames = fault.frames;
        told.causes = fault.causes;
        let told = match choice.last_before(self.lock, place) {
            Some(last) => told.help(format!("`--up-to {last}` leaves it out")),
            None => told.help("put those together of which none needs them: `--up-to ID`"),
        };
        Failure::new(Kind::Refused, told)
    }

    /// The lock with this base.
    fn with(&self, script: Script) -> Result<With, Failure> {
        let choice = self.request.choice;
        let up = Scripts { plain: Some(script), ..Scripts::default() };
        let checksum = up.checksum();
        let mut base = Migration::new(choice.base.clone(), choice.version.clone(), up);
        base.replaces.clone_from(&choice.formers);
        base.depends_on.clone_from(&choice.depends_on);
        let own: HashSet<&MigrationId> = choice.ids.iter().collect();
        let mut modules = self.project.catalogue.modules().to_vec();
        for module in modules.iter_mut().filter(|module| module.namespace == choice.module) {
            module.migrations.retain(|migration| !own.contains(&migration.id));
            module.migrations.push(base.clone());
        }
        let catalogue = Catalogue::gather(modules).map_err(|faults| Failure::all(Kind::Bug, faults))?;
        let lock = with_base(self.lock, choice, checksum);
        let end = choice.first_place(self.lock) + 1;
        let first = lock.entries.iter().take(end).map(|(id, entry)| (id.clone(), entry.clone()));
        Ok(With { catalogue, first: Lock { entries: first.collect() }, lock })
    }

    /// The base itself does not load.
    fn base_fails(&self, unmade: Unmade) -> Failure {
        match unmade {
            Unmade::Step(id, fault) if id == self.request.choice.base => {
                let told = Diagnostic::new("what the migrations make does not load as one migration");
                let told = Diagnostic { causes: fault.causes, frames: fault.frames, ..told };
                Failure::new(Kind::Refused, told.help("`--up-to ID` leaves out what makes it"))
            }
            other => other.into_failure(),
        }
    }
}

/// So many are named.
const FEW: usize = 3;

fn shortened(names: &[String]) -> String {
    let more = names.len().saturating_sub(FEW);
    let few = names[..names.len().min(FEW)].join(", ");
    if more == 0 { few } else { format!("{few} and {more} more") }
}

/// What makes the schema behind the range of the one before it.
fn ddl(dialect: Dialect, choice: &Choice, before: &Made, after: &Made) -> Result<Ddl, Failure> {
    if before.schema.is_empty() {
        return Ok(Ddl { sql: render_schema(&after.schema, dialect), foreign_keys_off: false });
    }
    let steps = script(dialect, &before.schema, &after.schema, Style::default());
    let mut faults: Vec<Diagnostic> = Vec::new();
    let first = &choice.ids[0];
    for line in &steps.not_generated {
        faults.push(Diagnostic::new(format!("the base cannot make all of it: {line}")));
    }
    for step in steps.steps.iter().filter(|step| step.alone) {
        let statement = step.sql.lines().next().unwrap_or_default();
        let fault = Diagnostic::new("a part of the base would need a migration of its own");
        faults.push(fault.note(format!("it runs outside of a transaction: {statement}")));
    }
    if let Some(last) = faults.last_mut() {
        last.notes.push(format!("it changes what was there before `{first}`"));
        last.help.push("`--up-to ID` leaves out what changes it".to_owned());
        return Err(Failure::all(Kind::Refused, faults));
    }
    let sql: Vec<String> = steps.steps.into_iter().map(|step| format!("{}\n", step.sql.trim_end())).collect();
    Ok(Ddl { sql: sql.join("\n"), foreign_keys_off: steps.foreign_keys_off })
}

fn sorted(dialect: Dialect, scripts: &[(&MigrationId, &Script)]) -> Result<Vec<Sorted>, Failure> {
    let mut statements = Vec::new();
    for (id, script) in scripts {
        let found = sort(dialect, id, script).map_err(|why| {
            Failure::new(Kind::Findings, Diagnostic::new(format!("`{}` cannot be read: {why}", script.path)))
        });
        statements.extend(found?);
    }
    Ok(statements)
}

/// The base as it runs: under the settings that all of what it replaces share, which are those of its module.
fn base_script(text: String, path: &str, schema: &Ddl, scripts: &[(&MigrationId, &Script)]) -> Script {
    let mut base = Script::new(text, path);
    let Some(((_, first), others)) = scripts.split_first() else { return base };
    base.session.clone_from(&first.session);
    base.foreign_keys = first.foreign_keys;
    for (_, other) in others {
        base.session.retain(|name, value| other.session.get(name) == Some(value));
        base.foreign_keys = base.foreign_keys.filter(|mode| other.foreign_keys == Some(*mode));
    }
    if schema.foreign_keys_off {
        base.foreign_keys = Some(false);
    }
    base
}
