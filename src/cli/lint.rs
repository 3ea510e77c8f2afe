//! `lint`: what in new migrations is dangerous beside running code and rows.

mod fix;
mod sarif;
mod select;

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::context::Context;
use super::run::looking;
use super::{Done, Exit, Format, Global};
use crate::catalogue::Catalogue;
use crate::config::{Lint, Severity};
use crate::diagnostic::{Diagnostic, count};
use crate::dialect::Dialect;
use crate::engine::{Failure, FailureKind, Project};
use crate::git;
use crate::id::MigrationId;
use crate::lint::{self, Finding, Input, RULES};
use crate::lock::{Lock, merge};
use crate::report::human::{self, Weight};
use fix::Fixed;
use select::Selection;

/// Find what is dangerous to run beside other people's code and rows
///
/// Looks at the migrations that the main branch has not, and needs no database. Ends with 1 on errors; what a rule
/// weighs is set by `lint.rules`, and `-- db-migrations: allow RULE REASON` excuses a file.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command")]
pub(super) struct Args {
    /// Only these migrations
    #[arg(value_name = "ID", conflicts_with_all = ["since", "main", "all", "external"])]
    ids: Vec<String>,
    /// What this revision has not [default: the point where HEAD has left the main branch]
    #[arg(long, value_name = "REV", conflicts_with_all = ["main", "all"])]
    since: Option<String>,
    /// The main branch [default: what `origin/HEAD` names, else main or master]
    #[arg(long, value_name = "BRANCH", conflicts_with = "all")]
    main: Option<String>,
    /// All migrations
    #[arg(long)]
    all: bool,
    /// Those of crates of a registry or of git, too
    #[arg(long)]
    external: bool,
    /// Ask the database how large the touched tables are: small ones relax what is only about time
    #[arg(long)]
    sizes: bool,
    /// Warnings count like errors
    #[arg(long)]
    deny_warnings: bool,
    /// Rewrite files that have not run anywhere, where that is proved to be safe on a scratch database
    #[arg(long)]
    fix: bool,
    /// With `--fix`: only show what would be written
    #[arg(long, requires = "fix")]
    dry_run: bool,
    /// Only list the rules, with what they weigh here
    #[arg(long, conflicts_with_all = ["ids", "since", "main", "all", "external", "sizes", "deny_warnings", "fix"])]
    rules: bool,
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Done, Failure> {
    let context = Context::read(global)?;
    let unknown = lint::unknown_rules(&context.config);
    if !unknown.is_empty() {
        return Err(Failure::all(FailureKind::Usage, unknown));
    }
    if args.rules {
        return Ok(list(global, &context.config.lint));
    }
    let mut project = context.project()?;
    let merged = merge(project.document.lock(), &project.catalogue, None)
        .map_err(|fault| Failure::new(FailureKind::Usage, fault))?;
    let selection = select::select(args, &project, &merged.lock)?;
    let dialects = dialects(global, &context, &project)?;
    let looking = Looking {
        wanted: &selection.wanted,
        together: selection.together,
        old: &selection.old,
        dialects: &dialects,
        config: &context.config.lint,
        foreign_keys: project.foreign_keys(),
    };
    let mut findings = looking.findings(&project.catalogue, &merged.lock);
    if args.sizes || global.url.is_some() {
        sizes(&context, &mut findings).await?;
    }
    let mut fixed = Vec::new();
    if args.fix {
        let (after, done) = fix::fix(&context, &looking, project, &findings, args.dry_run).await?;
        (project, fixed) = (after, done);
        if !args.dry_run {
            findings = looking.findings(&project.catalogue, &merged.lock);
            if args.sizes || global.url.is_some() {
                sizes(&context, &mut findings).await?;
            }
        }
    }
    let shown = Shown {
        selection: &selection,
        findings: &findings,
        fixed: &fixed,
        config: &context.config.lint,
        dialects: &dialects,
    };
    Ok(shown.end(global, args, &project))
}

/// Taken only as far as it is used.
const STACK: usize = 256 * 1024 * 1024;

/// What is looked at, and how.
struct Looking<'a> {
    wanted: &'a HashSet<MigrationId>,
    together: bool,
    old: &'a HashSet<MigrationId>,
    dialects: &'a [Dialect],
    config: &'a Lint,
    foreign_keys: HashMap<String, bool>,
}

impl Looking<'_> {
    /// In a thread of its own: the grammar reads by recursion, and long chains of operators are deep trees.
    fn findings(&self, catalogue: &Catalogue, lock: &Lock) -> Vec<Finding> {
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK);
            match thread.spawn_scoped(scope, || self.found(catalogue, lock)) {
                Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                Err(_) => self.found(catalogue, lock),
            }
        })
    }

    fn found(&self, catalogue: &Catalogue, lock: &Lock) -> Vec<Finding> {
        lint::lint(&Input {
            catalogue,
            lock,
            wanted: self.wanted,
            together: self.together,
            old: self.old,
            dialects: self.dialects,
            config: self.config,
            foreign_keys: &self.foreign_keys,
        })
    }
}

/// For which databases texts are read.
fn dialects(global: &Global, context: &Context, project: &Project) -> Result<Vec<Dialect>, Failure> {
    let said = context.dialects()?;
    if !said.is_empty() {
        return Ok(said);
    }
    let guessed = lint::dialects_of(&project.catalogue);
    if global.format == Format::Human && !guessed.is_empty() {
        let titles: Vec<&str> = guessed.iter().map(|dialect| dialect.facts().title).collect();
        let titles = titles.join(", ");
        human::note(&format!(
            "note: no database is named, so texts are read as for {titles} (`dialects`, `--url`)"
        ));
    }
    Ok(guessed)
}

async fn sizes(context: &Context, findings: &mut [Finding]) -> Result<(), Failure> {
    let connect = looking(context)?;
    let dialect = connect.dialect();
    let mut database = connect.connect().await?;
    let sizes = database.table_sizes().await?;
    database.close().await;
    for finding in findings.iter_mut().filter(|finding| finding.dialect == dialect) {
        lint::sized(std::slice::from_mut(finding), &sizes, context.config.lint.small_table);
    }
    Ok(())
}

fn list(global: &Global, config: &Lint) -> Done {
    let weight = |rule| lint::severity(rule, config).name();
    if global.format == Format::Human {
        let names = |rule: &lint::Rule| {
            if rule.dialects.len() == Dialect::ALL.len() {
                return "all".to_owned();
            }
            rule.dialects.iter().map(|dialect| dialect.name()).collect::<Vec<_>>().join(", ")
        };
        let rows = RULES.iter().map(|rule| {
            vec![rule.name.to_owned(), weight(rule).to_owned(), names(rule), rule.about.to_owned()]
        });
        human::table(&["rule", "weighs", "on", "finds"], rows, &[]);
    }
    let rules: Vec<Value> = RULES
        .iter()
        .map(|rule| {
            let dialects: Vec<&str> = rule.dialects.iter().map(|dialect| dialect.name()).collect();
            json!({ "rule": rule.name, "severity": weight(rule), "dialects": dialects, "about": rule.about, "page": sarif::page(rule) })
        })
        .collect();
    Done::new(Exit::Done, "listed", json!({ "rules": rules }))
}

/// What was found, to be shown.
struct Shown<'a> {
    selection: &'a Selection,
    findings: &'a [Finding],
    fixed: &'a [Fixed],
    config: &'a Lint,
    dialects: &'a [Dialect],
}

impl Shown<'_> {
    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity(self.config) == severity).count()
    }

    fn end(&self, global: &Global, args: &Args, project: &Project) -> Done {
        let (errors, warnings) = (self.count(Severity::Error), self.count(Severity::Warn));
        match global.format {
            Format::Human => self.print(errors, warnings, args.dry_run),
            Format::Json => {}
            Format::Github => {
                let lines = sarif::annotations(self.findings, self.config, &git::prefix(&project.root));
                for line in &lines {
                    human::line(line);
                }
                human::note(&self.summary(errors, warnings));
            }
            Format::Sarif => {
                let log = sarif::log(self.findings, self.config, &git::prefix(&project.root));
                human::raw(&crate::report::json::text(&log));
                human::note(&self.summary(errors, warnings));
            }
        }
        let fails = errors > 0 || args.deny_warnings && warnings > 0;
        let (exit, outcome) = if fails { (Exit::Findings, "findings") } else { (Exit::Done, "passed") };
        Done::new(exit, outcome, self.document(errors, warnings))
    }

    fn print(&self, errors: usize, warnings: usize, dry_run: bool) {
        for finding in self.findings {
            let weight = match finding.severity(self.config) {
                Severity::Error => Weight::Error,
                Severity::Warn => Weight::Warning,
                Severity::Off => continue,
            };
            let text = human::render_coded(&finding.diagnostic, weight, true, Some(finding.rule.name));
            human::raw(&format!("{text}\n\n"));
        }
        self.print_fixed(dry_run);
        for note in &self.selection.notes {
            human::note(&format!("note: {note}"));
        }
        human::line(&self.summary(errors, warnings));
    }

    fn print_fixed(&self, dry_run: bool) {
        let word = if dry_run { "would be fixed" } else { "fixed" };
        for fixed in self.fixed {
            match &fixed.outcome {
                Ok(diff) => {
                    human::text(diff);
                    human::line(&format!("{word}: {} (same schema on a scratch database)", fixed.path));
                    if fixed.is_locked {
                        human::line(&format!(
                            "its old text is locked: run `db-migrations lock --accept {}`",
                            fixed.id
                        ));
                    }
                }
                Err(why) => human::line(&format!("not fixed: {}: {why}", fixed.path)),
            }
        }
    }

    /// `lint: 1 error, 2 warnings in 3 migrations new since …; 1 allowed`.
    fn summary(&self, errors: usize, warnings: usize) -> String {
        let allowed = self.findings.iter().filter(|finding| finding.allowed.is_some()).count();
        let small =
            self.findings.iter().filter(|finding| finding.is_small && finding.allowed.is_none()).count();
        let mut text = match (errors, warnings) {
            (0, 0) => "lint: nothing found".to_owned(),
            _ => format!(
                "lint: {}, {}",
                count(errors, "error", "errors"),
                count(warnings, "warning", "warnings")
            ),
        };
        let all = count(self.selection.wanted.len(), "migration", "migrations");
        let _ = write!(text, " in {all} ({})", self.selection.what);
        if allowed > 0 {
            let _ = write!(text, "; {allowed} allowed");
        }
        if small > 0 {
            let _ = write!(text, "; {small} on small tables left out");
        }
        text
    }

    fn document(&self, errors: usize, warnings: usize) -> Value {
        let mut ids: Vec<&str> = self.selection.wanted.iter().map(MigrationId::as_str).collect();
        ids.sort_unstable();
        let findings: Vec<Value> = self.findings.iter().map(|finding| self.finding(finding)).collect();
        json!({
            "looked_at": ids,
            "selection": self.selection.what,
            "dialects": self.dialects.iter().map(|dialect| dialect.name()).collect::<Vec<_>>(),
            "errors_found": errors,
            "warnings_found": warnings,
            "findings": findings,
            "fixed": self.fixed.iter().map(fixed).collect::<Vec<_>>(),
            "notes": self.selection.notes,
        })
    }

    fn finding(&self, finding: &Finding) -> Value {
        let Diagnostic { message, notes, help, frames, .. } = &finding.diagnostic;
        let place = frames.first().map(|frame| {
            let [line, column, end_line, end_column] = sarif::places(frame);
            json!({ "path": frame.path, "line": line, "column": column, "end_line": end_line, "end_column": end_column })
        });
        json!({
            "rule": finding.rule.name,
            "severity": finding.severity(self.config).name(),
            "id": finding.id.as_str(),
            "dialect": finding.dialect.name(),
            "message": message,
            "notes": notes,
            "help": help,
            "place": place,
            "table": finding.table.as_ref().map(ToString::to_string),
            "rows": finding.size.map(|size| size.rows),
            "bytes": finding.size.and_then(|size| size.bytes),
            "is_small": finding.is_small,
            "allowed": finding.allowed,
            "page": sarif::page(finding.rule),
        })
    }
}

/// What became of one file.
fn fixed(fixed: &Fixed) -> Value {
    let (diff, refused) = match &fixed.outcome {
        Ok(diff) => (Some(diff), None),
        Err(why) => (None, Some(why)),
    };
    json!({ "id": fixed.id.as_str(), "path": fixed.path, "diff": diff, "refused": refused })
}
