//! Migrations that are dangerous to run beside other people's code and rows, found in their texts.
//!
//! `rules/` has one rule a file. All migrations are read in the order of the lock, so that a rule knows what was
//! there before: types of columns, who made a table, what is new in this change and so empty. On PostgreSQL the
//! verdict of a rule that squawk has, too, is squawk's. What a finding weighs is the configuration's business,
//! what becomes of it the command's. No database is asked: sizes of tables can be added behind it (`sized`).

mod allow;
mod draft;
mod fix;
mod flow;
mod known;
mod look;
mod rules;
mod size;
mod squawk;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use crate::catalogue::Catalogue;
use crate::config::{self, Config, Severity};
use crate::diagnostic::{Diagnostic, nearest};
use crate::dialect::Dialect;
use crate::id::MigrationId;
use crate::lock::Lock;
use crate::migration::{Migration, Script};
use crate::sql::{Class, LexError, Object, Reading, What, acts, deeds, nesting};

use draft::Draft;
use known::Known;
use look::{Look, Scene};
use squawk::Hit;

pub use fix::{Fix, rewritten};
pub use rules::{RULES, Rule, rule};
pub use size::{Size, sized};

/// What is looked at, and how.
#[derive(Debug)]
pub struct Input<'a> {
    /// All migrations.
    pub catalogue: &'a Catalogue,
    /// Their order.
    pub lock: &'a Lock,
    /// The ones that are looked at; the others are only read.
    pub wanted: &'a HashSet<MigrationId>,
    /// Whether those come into being together: what one makes is new to the others.
    pub together: bool,
    /// The ones that have run somewhere, if under another name or with another text: what they make is not new.
    pub old: &'a HashSet<MigrationId>,
    /// For which databases.
    pub dialects: &'a [Dialect],
    /// What rules weigh.
    pub config: &'a config::Lint,
    /// Whether foreign keys are enforced for a module's migrations, where that is configured (SQLite).
    pub foreign_keys: &'a HashMap<String, bool>,
}

/// One finding.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Of which rule.
    pub rule: &'static Rule,
    /// In which migration.
    pub id: MigrationId,
    /// On which database.
    pub dialect: Dialect,
    /// The table that is touched.
    pub table: Option<Object>,
    /// What is said.
    pub diagnostic: Diagnostic,
    /// Why the file says that it does not count.
    pub allowed: Option<String>,
    /// How large the table is, if that was asked.
    pub size: Option<Size>,
    /// It is about how long something lasts.
    pub is_timed: bool,
    /// The table is so small that it does not count.
    pub is_small: bool,
    /// How it can be taken away.
    pub fix: Option<Fix>,
}

impl Finding {
    /// What it weighs.
    pub fn severity(&self, config: &config::Lint) -> Severity {
        if self.allowed.is_some() || self.is_small {
            return Severity::Off;
        }
        severity(self.rule, config)
    }
}

/// What a rule weighs.
pub fn severity(rule: &Rule, config: &config::Lint) -> Severity {
    let said = config.rules.iter().rev().find(|(named, _)| named.name == rule.name);
    said.map_or(rule.severity, |(_, severity)| *severity)
}

/// Rules that the configuration names and that there are not.
pub fn unknown_rules(config: &Config) -> Vec<Diagnostic> {
    let unknown = config.lint.rules.iter().filter(|(named, _)| rule(&named.name).is_none());
    let fault = |(named, _): &(config::Named, Severity)| {
        let mut fault =
            Diagnostic::new(format!("there is no rule `{}`", named.name)).help(meant(&named.name));
        fault.frames.extend(config.frame(&named.span));
        fault
    };
    unknown.map(fault).collect()
}

/// The nearest name, or where all of them are.
fn meant(name: &str) -> String {
    match nearest(name, RULES.iter().map(|rule| rule.name)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`db-migrations lint --rules` lists them".to_owned(),
    }
}

/// The databases that the texts are for, as far as they say so themselves.
pub fn dialects_of(catalogue: &Catalogue) -> Vec<Dialect> {
    let mut found: Vec<Dialect> = Vec::new();
    let mut unknown = [Dialect::Postgres, Dialect::MariaDb, Dialect::Sqlite].map(|dialect| (dialect, 0));
    let mut has_plain = false;
    for migration in catalogue.iter() {
        found.extend(migration.up.variants.keys());
        let Some(plain) = &migration.up.plain else { continue };
        has_plain = true;
        for (dialect, faults) in &mut unknown {
            *faults +=
                deeds(*dialect, &plain.text).iter().filter(|deed| deed.class == Class::Unknown).count();
        }
    }
    if has_plain && found.is_empty() {
        found.extend(unknown.into_iter().min_by_key(|(_, faults)| *faults).map(|(dialect, _)| dialect));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Everything that the rules find, in the order of the lock, each once.
pub fn lint(input: &Input<'_>) -> Vec<Finding> {
    let mut linter = Linter {
        input,
        found: Vec::new(),
        seen: HashSet::new(),
        with_down: with_down(input),
        known_ids: known_ids(input),
    };
    for dialect in input.dialects {
        linter.dialect(*dialect);
    }
    let mut found = linter.found;
    allow::apply(input, &mut found);
    let place: HashMap<&MigrationId, usize> = input.lock.entries.keys().zip(0..).collect();
    found.sort_by_key(|finding| {
        let start = finding.diagnostic.frames.first().map(|frame| (frame.path.clone(), frame.span.start));
        (place.get(&finding.id).copied(), start)
    });
    found
}

/// The modules whose migrations have ways back.
fn with_down(input: &Input<'_>) -> HashSet<String> {
    let demanded =
        input.config.rules.iter().any(|(named, weight)| named.name == "no-down" && *weight > Severity::Off);
    let modules = input.catalogue.modules().iter();
    let those = modules.filter(|module| demanded || module.migrations.iter().any(|one| !one.down.is_empty()));
    those.map(|module| module.namespace.to_string()).collect()
}

struct Linter<'a> {
    input: &'a Input<'a>,
    found: Vec<Finding>,
    /// The same of another database is said once.
    seen: HashSet<(&'static str, MigrationId, String, usize, String)>,
    with_down: HashSet<String>,
    known_ids: HashSet<&'a MigrationId>,
}

/// All that migrations are called and were called.
fn known_ids<'a>(input: &Input<'a>) -> HashSet<&'a MigrationId> {
    input
        .lock
        .entries
        .iter()
        .flat_map(|(id, entry)| std::iter::once(id).chain(entry.former_names()))
        .collect()
}

impl Linter<'_> {
    fn dialect(&mut self, dialect: Dialect) {
        let mut known = Known::new(dialect);
        let names: Vec<&str> = RULES
            .iter()
            .filter(|rule| rule.dialects.contains(&dialect))
            .flat_map(|rule| rule.squawk)
            .copied()
            .collect();
        for (id, entry) in &self.input.lock.entries {
            let Some(migration) = self.input.catalogue.get(id).filter(|_| !entry.skip) else { continue };
            let Some(script) = migration.up.choose(dialect) else { continue };
            let wanted = self.input.wanted.contains(id);
            match acts(dialect, &script.text) {
                Ok(readings) => {
                    if wanted {
                        self.migration(migration, script, &readings, &known, dialect, &names);
                    }
                    let is_new = wanted && self.input.together && !self.input.old.contains(id);
                    known.learn(&readings, id.namespace(), is_new);
                }
                Err(error) if wanted => self.unread(migration, script, dialect, &error),
                Err(_) => {}
            }
        }
    }

    fn migration(
        &mut self,
        migration: &Migration,
        script: &Script,
        readings: &[Reading],
        known: &Known,
        dialect: Dialect,
        names: &[&str],
    ) {
        let hits = verdicts(dialect, script, readings, names);
        let down = migration.down.choose(dialect);
        let down =
            down.and_then(|script| acts(dialect, &script.text).ok().map(|readings| (script, readings)));
        let module = migration.id.namespace();
        let asked = script.foreign_keys.or_else(|| self.input.foreign_keys.get(module).copied());
        let scene = Scene {
            dialect,
            known,
            foreign_keys: asked.unwrap_or(true),
            wants_down: self.with_down.contains(module),
            is_linked: !migration.contract_of.is_empty()
                && migration.contract_of.iter().all(|expand| self.known_ids.contains(expand)),
        };
        let down = down.as_ref().map(|(script, readings)| (*script, &readings[..]));
        let look = Look::new(&scene, migration, (script, readings), down, &hits);
        for rule in RULES.iter().filter(|rule| rule.dialects.contains(&dialect)) {
            for draft in (rule.find)(&look) {
                let agreed =
                    draft.is_ours || draft.statement.is_none_or(|n| look.agrees(rule.squawk, n, &draft.span));
                if agreed {
                    self.add(rule, &look, draft);
                }
            }
        }
    }

    fn add(&mut self, rule: &'static Rule, look: &Look<'_>, draft: Draft) {
        let mut frame = look.frame(draft.span);
        if let (true, Some((script, _))) = (draft.in_down, look.down) {
            frame.path = script.path.to_string();
            frame.source = script.text.clone();
            frame.lines_before = script.lines_before;
        }
        let id = &look.migration.id;
        let start = frame.span.start;
        if !self.seen.insert((rule.name, id.clone(), frame.path.clone(), start, draft.message.clone())) {
            return;
        }
        let diagnostic = Diagnostic {
            message: draft.message,
            frames: vec![frame],
            notes: draft.notes,
            help: draft.help,
            ..Diagnostic::default()
        };
        let made = finding(rule, id, look.dialect, draft.table, diagnostic);
        self.found.push(Finding { fix: draft.fix, is_timed: rule.timed && !draft.fails, ..made });
    }

    fn unread(&mut self, migration: &Migration, script: &Script, dialect: Dialect, error: &LexError) {
        let mut frame = crate::diagnostic::Frame::new(&*script.path, script.text.clone(), error.span.clone());
        frame.lines_before = script.lines_before;
        let diagnostic = Diagnostic::new(error.to_string()).frame(frame.label(error.label()));
        if let Some(rule) = rule("unread") {
            self.found.push(finding(rule, &migration.id, dialect, None, diagnostic));
        }
    }
}

fn finding(
    rule: &'static Rule,
    id: &MigrationId,
    dialect: Dialect,
    table: Option<Object>,
    diagnostic: Diagnostic,
) -> Finding {
    let about = Some((rule.name, id.to_string()));
    let diagnostic = Diagnostic { about, ..diagnostic };
    Finding {
        rule,
        id: id.clone(),
        dialect,
        table,
        diagnostic,
        allowed: None,
        size: None,
        is_timed: rule.timed,
        is_small: false,
        fix: None,
    }
}

/// A statement of more bytes is not given to the grammar: it may have a branch for each of them.
const LARGE: usize = 64 * 1024;

/// Nor one of deeper parentheses, operators before operators, and the like: it reads them by recursion.
const DEEP: usize = 100;

/// Squawk's verdicts on each statement.
fn verdicts(
    dialect: Dialect,
    script: &Script,
    readings: &[Reading],
    names: &[&str],
) -> Vec<Option<Vec<Hit>>> {
    if dialect != Dialect::Postgres {
        return vec![Some(Vec::new()); readings.len()];
    }
    let verdict = |reading: &Reading| {
        let text = &script.text[reading.span.clone()];
        let only_rows = reading.acts.iter().all(|act| matches!(act.what, What::Rows(_)));
        match text.len() {
            // no rule of squawk's that counts here judges rows, and there may be millions
            length if length > LARGE && only_rows => Some(Vec::new()),
            length if length > LARGE || nesting(dialect, text) > DEEP => None,
            _ => squawk::hits(text, names),
        }
    };
    readings.iter().map(verdict).collect()
}
