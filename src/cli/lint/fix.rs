//! `lint --fix`: files are rewritten where that is safe, and each proves itself first.
//!
//! A file that may have run anywhere is not touched: one that the last commit has locked, or that has run on the
//! database at hand. What is written makes the same schema on a scratch database, and the rule is silent there.

use std::collections::BTreeMap;
use std::sync::Arc;

use similar::TextDiff;

use super::Looking;
use crate::catalogue::Catalogue;
use crate::cli::context::Context;
use crate::cli::schema::scratch_connector;
use crate::config::Severity;
use crate::database::Connect;
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::engine::{self, Failure, FailureKind, Project, Replayed};
use crate::event::Silence;
use crate::git;
use crate::id::MigrationId;
use crate::lint::{Finding, rewritten};
use crate::lock::{Document, Lock, merge};
use crate::lockfile;
use crate::migration::{Script, normalise};
use crate::schema::Schema;
use crate::snapshot::render_schema;
use crate::sql::directives;

/// What became of one file.
pub(super) struct Fixed {
    pub(super) id: MigrationId,
    pub(super) path: String,
    /// The difference, if it is or would be written; else why not.
    pub(super) outcome: Result<String, String>,
    /// The lock has its old text.
    pub(super) is_locked: bool,
}

/// Rewrites what can be, one migration after the other.
pub(super) async fn fix(
    context: &Context,
    looking: &Looking<'_>,
    mut project: Project,
    findings: &[Finding],
    dry_run: bool,
) -> Result<(Project, Vec<Fixed>), Failure> {
    let mut by_id: BTreeMap<&MigrationId, Vec<&Finding>> = BTreeMap::new();
    let counts =
        |finding: &&Finding| finding.fix.is_some() && finding.severity(looking.config) > Severity::Off;
    for finding in findings.iter().filter(counts) {
        by_id.entry(&finding.id).or_default().push(finding);
    }
    let mut fixed = Vec::new();
    if by_id.is_empty() {
        return Ok((project, fixed));
    }
    let touchable = Touchable::of(context, &project).await?;
    let mut before: Option<(Box<dyn Connect>, Schema)> = None;
    for (id, found) in by_id {
        let dialect = found[0].dialect;
        let Some(script) = project.catalogue.get(id).and_then(|one| one.up.choose(dialect)).cloned() else {
            continue;
        };
        let path = script.path.to_string();
        let refused = touchable.refuses(&project, id, &script, looking.dialects);
        if let Some(why) = refused {
            fixed.push(Fixed { id: id.clone(), path, outcome: Err(why), is_locked: false });
            continue;
        }
        if before.is_none() {
            let connect = scratch_connector(context, dialect)?;
            let schema = replay(&project, project.document.lock(), &*connect).await;
            before = Some((connect, schema.map_err(unproved)?));
        }
        let Some((connect, expected)) = &before else { continue };
        let is_crlf = script.original().contains("\r\n");
        let text = rewritten(&script.text, found.iter().filter_map(|finding| finding.fix.as_ref()));
        let rules: Vec<&str> = found.iter().map(|finding| finding.rule.name).collect();
        let candidate = Candidate { id, script: &script, text: &text, rules: &rules, dialect };
        let outcome = match candidate.proved(looking, &project, &**connect, expected).await {
            Ok(catalogue) => {
                if !dry_run {
                    let text = if is_crlf { text.replace('\n', "\r\n") } else { text.clone() };
                    lockfile::write(&project.root.join(&path), &text)
                        .map_err(|fault| Failure::new(FailureKind::Usage, fault))?;
                }
                project.catalogue = catalogue;
                let diff = TextDiff::from_lines(&*script.text, &*text);
                Ok(diff.unified_diff().header(&path, &path).to_string())
            }
            Err(why) => Err(why),
        };
        let is_locked = project.document.lock().entries.contains_key(id);
        fixed.push(Fixed { id: id.clone(), path, outcome, is_locked });
    }
    Ok((project, fixed))
}

fn unproved(why: String) -> Failure {
    let fault =
        Diagnostic::new("nothing can be proved: the migrations as they are do not run on a scratch database");
    Failure::new(FailureKind::Findings, fault.cause(why))
}

/// Which files may be written.
struct Touchable {
    /// What the last commit has locked; without a repository, what is locked.
    locked: Lock,
    has_run: Vec<MigrationId>,
}

impl Touchable {
    async fn of(context: &Context, project: &Project) -> Result<Self, Failure> {
        let usage = |fault| Failure::new(FailureKind::Usage, fault);
        let mut locked = project.document.lock().clone();
        if git::is_repository(&project.root) {
            let name = &project.config.lock;
            let text = match git::commit(&project.root, "HEAD") {
                Some(head) => git::show(&project.root, &head, name).map_err(usage)?.unwrap_or_default(),
                None => String::new(),
            };
            locked = Document::parse(name, &text).map_or(locked, |document| document.lock().clone());
        }
        let mut has_run = Vec::new();
        if context.url().is_some()
            && let Ok(mut database) = context.connector(false)?.connect().await
        {
            let history = database.history().await?;
            has_run.extend(history.rows().iter().map(|row| row.id.clone()));
            has_run.extend(history.partial.iter().map(|partial| partial.id.clone()));
            database.close().await;
        }
        Ok(Self { locked, has_run })
    }

    /// Why a file stays as it is.
    fn refuses(
        &self,
        project: &Project,
        id: &MigrationId,
        script: &Script,
        dialects: &[Dialect],
    ) -> Option<String> {
        if self.locked.entries.contains_key(id) {
            return Some(
                "it is locked and committed, so it may have run somewhere: write a new migration".to_owned(),
            );
        }
        if self.has_run.contains(id) {
            return Some("it has run on this database: write a new migration".to_owned());
        }
        let migration = project.catalogue.get(id)?;
        if migration.up.plain.as_ref() == Some(script) && dialects.len() > 1 {
            return Some("its text is for several databases: give each its own".to_owned());
        }
        let on_disk = lockfile::read(&project.root.join(&*script.path)).ok().flatten();
        let is_whole =
            script.lines_before == 0 && on_disk.is_some_and(|text| normalise(&text) == *script.text);
        (!is_whole).then(|| "its file holds more than this text, or is elsewhere".to_owned())
    }
}

/// A text that may take a file's place.
struct Candidate<'a> {
    id: &'a MigrationId,
    script: &'a Script,
    text: &'a str,
    rules: &'a [&'a str],
    dialect: Dialect,
}

impl Candidate<'_> {
    /// The catalogue with it, if the rules are silent there and the schema is the same.
    async fn proved(
        &self,
        looking: &Looking<'_>,
        project: &Project,
        connect: &dyn Connect,
        expected: &Schema,
    ) -> Result<Catalogue, String> {
        let catalogue = self.catalogue(project)?;
        let mut lock = project.document.lock().clone();
        if let (Some(entry), Some(migration)) = (lock.entries.get_mut(self.id), catalogue.get(self.id)) {
            entry.accept(migration.up.checksum());
        }
        let merged = merge(&lock, &catalogue, None).map_err(|fault| fault.to_string())?;
        let left = looking.findings(&catalogue, &merged.lock);
        let left =
            left.iter().find(|finding| finding.id == *self.id && self.rules.contains(&finding.rule.name));
        if let Some(finding) = left {
            return Err(format!("`{}` would still speak: {}", finding.rule.name, finding.diagnostic.message));
        }
        let candidate =
            project.with_catalogue(catalogue).map_err(|fault| fault.diagnostics[0].to_string())?;
        let actual = replay(&candidate, &lock, connect).await?;
        if render_schema(&actual, self.dialect) != render_schema(expected, self.dialect) {
            return Err("it would make another schema on a scratch database".to_owned());
        }
        Ok(candidate.catalogue)
    }

    fn catalogue(&self, project: &Project) -> Result<Catalogue, String> {
        let found = directives(Some(self.dialect), self.text).map_err(|error| error.to_string())?;
        let mut script = Script::new(self.text, Arc::clone(&self.script.path));
        script.no_transaction = found.no_transaction || self.script.no_transaction;
        script.foreign_keys = self.script.foreign_keys;
        script.session.clone_from(&self.script.session);
        let mut modules = project.catalogue.modules().to_vec();
        let migrations = modules.iter_mut().flat_map(|module| &mut module.migrations);
        for migration in migrations.filter(|migration| migration.id == *self.id) {
            let scripts = migration.up.plain.iter_mut().chain(migration.up.variants.values_mut());
            for place in scripts.filter(|place| **place == *self.script) {
                *place = script.clone();
            }
        }
        Catalogue::gather(modules).map_err(|faults| {
            faults.first().map_or_else(|| "it cannot be gathered".to_owned(), ToString::to_string)
        })
    }
}

async fn replay(project: &Project, lock: &Lock, connect: &dyn Connect) -> Result<Schema, String> {
    let merged = merge(lock, &project.catalogue, None).map_err(|fault| fault.to_string())?;
    match engine::replay(project, &merged, connect, &mut Silence).await {
        Replayed::Schema { schema, .. } => Ok(schema),
        Replayed::NotProved(why) => Err(why),
    }
}
