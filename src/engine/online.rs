//! A change that old and new code live through, planned on a scratch database: `generate rename-column` and its kin.
//!
//! The plain change is carried out there first: that is what the last step must end in. Then the steps are, up
//! and down, and what they leave to do is added to them. Nothing is known here of the files that they become.

use std::collections::BTreeMap;

use crate::database::Connect;
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::diff::rename::Rename;
use crate::diff::{Script as Rest, Style, mentions, qualified, rows, script, unquoted};
use crate::event::Sink;
use crate::generate::online::{self, Change, Side, Step, Steps, Wanted};
use crate::id::{MigrationId, Namespace};
use crate::lock::{Entry, Merged};
use crate::migration::{Migration, Script};
use crate::schema::{Kind as ObjectKind, Schema};

use super::declared::owned;
use super::diff::{Base, Bench, Request, Sides, Way, live};
use super::failure::{Failure, Kind};
use super::project::Project;

/// What was planned.
pub struct Planned {
    /// The change, found in the schema.
    pub change: Change,
    /// Its steps.
    pub steps: Steps,
    /// Whose migrations made the table.
    pub owner: Option<Namespace>,
    /// What there is, and what the last step ends in: for the proof.
    pub sides: Sides,
    /// What keeps its rows: for the proof.
    pub way: Way,
}

impl Planned {
    /// The triggers that the table has already.
    pub fn triggers(&self) -> Vec<&str> {
        let triggers = online::of_table(self.sides.dialect, &self.sides.from, table(&self.change));
        triggers.map(|trigger| trigger.name.as_str()).collect()
    }
}

/// Plans it. `at` is where steps of other changes may have run.
pub async fn plan(
    project: &Project,
    merged: &Merged,
    wanted: &Wanted,
    request: &Request<'_>,
    at: Option<&dyn Connect>,
    sink: &mut dyn Sink,
) -> Result<Planned, Failure> {
    let dialect = request.scratch.dialect();
    let made = owned(project, merged, request.scratch, sink).await?;
    let before = match request.base {
        Base::Live(connect) => live(project, connect).await?,
        Base::Lock | Base::Empty => made.schema.clone(),
    };
    let usage = |fault| Failure::new(Kind::Usage, fault);
    let change = wanted.find(dialect, &before).map_err(|fault| usage(*fault))?;
    if matches!(request.base, Base::Live(_))
        && let Err(fault) = wanted.find(dialect, &made.schema)
    {
        let fault =
            fault.note("it is so in the database, and not in what the migrations make of an empty one");
        return Err(usage(fault.help("make a migration of the difference first: `db-migrations diff`")));
    }
    unfinished(project, merged, dialect, table(&change), at).await?;
    let plain = online::plain(dialect, &before, &change);
    let plain = plain.map_err(|fault| Failure::new(Kind::Refused, *fault))?;
    let after = behind(&before, &plain, request).await.map_err(|failure| of_cast(failure, &change))?;
    let steps = online::steps(dialect, &before, &after, &change);
    let mut steps = steps.map_err(|faults| Failure::all(Kind::Refused, faults))?;
    let finished = finish(dialect, &before, &after, &mut steps, request).await;
    finished.map_err(|failure| of_cast(failure, &change))?;
    let owner = made.owners.get(&(ObjectKind::Table, table(&change).to_owned())).cloned();
    let way = way(dialect, &change, after.clone());
    Ok(Planned { sides: sides(dialect, before, after), way, change, steps, owner })
}

/// Says what may be missing, where a cast that nobody asked for may have failed.
fn of_cast(mut failure: Failure, change: &Change) -> Failure {
    if let (Change::ChangeType { using, back, .. }, Some(fault)) = (change, failure.diagnostics.last_mut()) {
        let missing = [("--using", using), ("--back", back)].into_iter().filter(|(_, given)| given.is_none());
        let missing: Vec<String> = missing.map(|(name, _)| format!("`{name}`")).collect();
        if !missing.is_empty() {
            let which = missing.join(" and ");
            fault
                .help
                .push(format!("where a cast does not do, {which} must say how one is made of the other"));
        }
    }
    failure
}

/// Refuses while the contract step of another change of the table waits: both sets would speak of columns, triggers and
/// a table that the other one takes away.
async fn unfinished(
    project: &Project,
    merged: &Merged,
    dialect: Dialect,
    table: &str,
    at: Option<&dyn Connect>,
) -> Result<(), Failure> {
    let name = unquoted(qualified(table).1);
    let names = |migration: &Migration| {
        migration.up.choose(dialect).is_some_and(|script| mentions(dialect, &script.text, &name))
    };
    let of_table = |migration: &&Migration| {
        let linked = migration.contract_of.iter().filter_map(|id| project.catalogue.get(id));
        !migration.contract_of.is_empty() && (names(migration) || linked.into_iter().any(names))
    };
    let mut waiting: Vec<&MigrationId> =
        project.catalogue.iter().filter(of_table).map(|migration| &migration.id).collect();
    if waiting.is_empty() {
        return Ok(());
    }
    if let Some(connect) = at {
        let mut database = connect.connect().await?;
        let history = database.history().await?;
        database.close().await;
        waiting.retain(|id| {
            let entry = merged.lock.entries.get(*id);
            history.get_under(id, entry.into_iter().flat_map(Entry::former_names)).is_none()
        });
    }
    let Some(first) = waiting.first() else { return Ok(()) };
    let fault = Diagnostic::new(format!("a change of `{table}` is not finished: `{first}` has not run"));
    let help = if at.is_some() {
        "finish it everywhere first: `db-migrations migrate --phase contract`, in a release behind its expand steps"
    } else {
        "say by `--url` in which database it has run; or finish it everywhere first"
    };
    Err(Failure::new(Kind::Refused, fault.help(help)))
}

/// The table that changes, by its name before.
fn table(change: &Change) -> &str {
    match change {
        Change::RenameTable { from, .. } => from,
        Change::RenameColumn { table, .. }
        | Change::ChangeType { table, .. }
        | Change::SetNotNull { table, .. } => table,
    }
}

fn sides(dialect: Dialect, from: Schema, to: Schema) -> Sides {
    Sides {
        dialect,
        from,
        to,
        is_idle: false,
        texts: Vec::new(),
        left_out: Vec::new(),
        unmanaged: Vec::new(),
        not_generated: Vec::new(),
        warnings: Vec::new(),
    }
}

/// What the proof must know: what is the same row under which name.
fn way(dialect: Dialect, change: &Change, to: Schema) -> Way {
    let column = |table: &String, from: &str, to: &str| {
        let (from, to) = (rows::key(dialect, from), rows::key(dialect, to));
        vec![Rename::Column { table: table.clone(), from, to }]
    };
    let renames = match change {
        Change::RenameColumn { table, from, to } => column(table, from, to),
        Change::RenameTable { from, to } => vec![Rename::Table { from: from.clone(), to: to.clone() }],
        // its values are not the same afterwards: no column is called so
        Change::SetNotNull { table, column: name, .. } => column(table, name, ""),
        Change::ChangeType { .. } => Vec::new(),
    };
    let (kept, lost) = (Vec::new(), Vec::new());
    Way { changes: Vec::new(), renames, kept, lost, not_generated: Vec::new(), hints: Vec::new(), to }
}

/// What the plain change makes.
async fn behind(before: &Schema, plain: &[String], request: &Request<'_>) -> Result<Schema, Failure> {
    let scratch = request.scratch.scratch().await?;
    let outcome = async {
        let bench = Bench::with(scratch.database, before).await?;
        let text = Script::new(plain.join("\n"), "the plain change");
        let mut bench = bench.script(&text).await?;
        let schema = bench.introspect().await?;
        bench.close().await;
        Ok(schema)
    }
    .await;
    scratch.discard.await;
    outcome
}

/// Carries the steps out, up and down, and gives them what they leave to do.
async fn finish(
    dialect: Dialect,
    before: &Schema,
    after: &Schema,
    steps: &mut Steps,
    request: &Request<'_>,
) -> Result<(), Failure> {
    let scratch = request.scratch.scratch().await?;
    let outcome = async {
        let mut bench = Bench::with(scratch.database, before).await?;
        let mut states = vec![bench.introspect().await?];
        let (mut at, mut is_finished) = (0, false);
        while at < steps.steps.len() {
            bench = bench.script(&text(&steps.steps[at].up, &format!("step {}", at + 1))).await?;
            states.push(bench.introspect().await?);
            at += 1;
            if at == steps.steps.len()
                && !std::mem::replace(&mut is_finished, true)
                && let Some(last) = states.last()
            {
                let rest = script(dialect, last, after, Style { online: true });
                if let Some(more) = add(&mut steps.steps, rest) {
                    bench = bench.script(&text(&more, "the rest of the last step")).await?;
                    states.pop();
                    states.push(bench.introspect().await?);
                }
            }
        }
        for (step, state) in steps.steps.iter_mut().zip(&states).rev() {
            bench = back(dialect, bench, step, state).await?;
        }
        bench.close().await;
        Ok(())
    }
    .await;
    scratch.discard.await;
    outcome
}

/// Adds what is left to do: to the last step as far as it can stand there, which is answered; else as steps of its own.
fn add(steps: &mut Vec<Step>, rest: Rest) -> Option<Side> {
    let mut added = Side { keys_off: rest.foreign_keys_off, ..Side::default() };
    let mut is_apart = false;
    for one in rest.steps {
        if one.alone || is_apart {
            let up = if one.alone { Side::alone(vec![one.sql]) } else { Side::of(vec![one.sql]) };
            steps.push(Step::contract(
                "rest",
                "what hung on the old column, without holding others up",
                up,
                Side::default(),
            ));
            is_apart = true;
        } else if let Some(last) = steps.last_mut() {
            last.up.statements.push(one.sql.clone());
            last.up.keys_off |= rest.foreign_keys_off;
            added.statements.push(one.sql);
        }
    }
    (!added.statements.is_empty()).then_some(added)
}

/// Undoes a step; what is not as it was before is added to what undoes it.
async fn back(dialect: Dialect, bench: Bench, step: &mut Step, before: &Schema) -> Result<Bench, Failure> {
    let mut bench = bench.script(&text(&step.down, &format!("what undoes {}", step.word))).await?;
    if !["expand", "contract", "rest"].contains(&step.word) {
        return Ok(bench);
    }
    let rest = script(dialect, &bench.introspect().await?, before, Style::default());
    if rest.steps.is_empty() {
        return Ok(bench);
    }
    let statements: Vec<String> = rest.steps.into_iter().map(|step| step.sql).collect();
    let side = Side { keys_off: rest.foreign_keys_off, ..Side::of(statements) };
    let bench = bench.script(&text(&side, &step.title)).await?;
    step.down.keys_off |= side.keys_off;
    step.down.statements.extend(side.statements);
    Ok(bench)
}

/// A side of a step as it is tried.
fn text(side: &Side, title: &str) -> Script {
    let mut script = Script::new(side.statements.join("\n\n"), title);
    script.no_transaction = side.alone;
    script.foreign_keys = side.keys_off.then_some(false);
    script.session = BTreeMap::new();
    script
}
