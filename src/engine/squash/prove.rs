//! The proof: the old chain and the new one on scratch databases, with equal schemas and equal rows.
//!
//! Where rows can differ from run to run, the old chain runs a second time: the columns that differ between
//! its two runs are named and left out.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::diagnostic::{Diagnostic, count};
use crate::drift::between;
use crate::event::Sink;
use crate::id::MigrationId;
use crate::schema::Kind as ObjectKind;
use crate::squash::state::missing;
use crate::squash::{Column, Rows, Sorted, differences, unsteady, volatile};

use crate::engine::failure::{Failure, Kind};

use super::chain::{Made, Unmade, make};
use super::{Range, Squashed, With};

/// Clocks of databases that count seconds must have gone on by one.
const A_SECOND: Duration = Duration::from_millis(1100);

/// So often the old chain runs again at most.
const RUNS: usize = 4;

/// What was proved.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// So many rows are equal.
    pub rows: usize,
    /// In so many tables.
    pub tables: usize,
    /// Columns that differ from run to run; they were left out.
    pub volatile: BTreeSet<Column>,
    /// What the base makes in another way, one line each; none where it is proved.
    pub differences: Vec<String>,
    /// What the check does not mind, such as another order of columns.
    pub notes: Vec<String>,
}

impl Proof {
    /// Whether the base makes the same.
    pub fn holds(&self) -> bool {
        self.differences.is_empty()
    }

    /// What was proved, in a line.
    pub fn title(&self) -> String {
        let rows = count(self.rows, "row", "rows");
        let tables = count(self.tables, "table", "tables");
        match self.rows {
            0 => "proved on scratch databases: the same schema, and no rows".to_owned(),
            _ => format!("proved on scratch databases: the same schema, and the same {rows} in {tables}"),
        }
    }
}

/// Runs both chains and compares; what the new one made is handed back.
pub(super) async fn prove(
    range: &Range<'_>,
    wanted: &With,
    old: Option<Made>,
    vary: bool,
    sink: &mut dyn Sink,
) -> Result<(Made, Proof), Failure> {
    let (project, connect) = (range.project, range.request.scratch);
    let old = match old {
        Some(old) => old,
        None => make(project, &project.catalogue, range.lock, connect, sink)
            .await
            .map_err(Unmade::into_failure)?,
    };
    let ended = Instant::now();
    let new = make(project, &wanted.catalogue, &wanted.lock, connect, sink).await;
    let new = new.map_err(|unmade| failed(range, unmade))?;
    let is_table = |name: &&String| old.schema.find(ObjectKind::Table, name).is_some();
    let tables: Vec<&String> = old.rows.keys().filter(is_table).collect();
    let mut proof = Proof {
        rows: tables.iter().map(|name| old.rows[*name].rows.len()).sum(),
        tables: tables.len(),
        ..Proof::default()
    };
    let is_same = differences(&old.rows, &new.rows, &proof.volatile).is_empty();
    let mut runs: Vec<Rows> = Vec::new();
    if !old.rows.is_empty() && (vary || !is_same) {
        tokio::time::sleep(A_SECOND.saturating_sub(ended.elapsed())).await;
        runs.push(again(range, sink).await?);
        proof.volatile = volatile(&old.rows, &runs[0]);
    }
    // few values can be the same twice by chance
    let mut cells = Vec::new();
    while !proof.volatile.is_empty() {
        let all: Vec<&Rows> = [&old.rows].into_iter().chain(&runs).collect();
        cells = unsteady(&all, &new.rows, &proof.volatile);
        if cells.is_empty() || runs.len() >= RUNS {
            break;
        }
        runs.push(again(range, sink).await?);
    }
    schemas(range, &old, &new, &mut proof);
    states(&old, &new, &mut proof);
    let rows = differences(&old.rows, &new.rows, &proof.volatile);
    if !rows.is_empty() {
        proof.notes.push(
            "what is kept runs on the schema as it is at the end: later defaults and triggers act on it"
                .to_owned(),
        );
    }
    proof.differences.extend(rows);
    proof.differences.extend(cells);
    Ok((new, proof))
}

/// The old chain once more.
async fn again(range: &Range<'_>, sink: &mut dyn Sink) -> Result<Rows, Failure> {
    let (project, connect) = (range.project, range.request.scratch);
    let made = make(project, &project.catalogue, range.lock, connect, sink).await;
    Ok(made.map_err(Unmade::into_failure)?.rows)
}

/// Rights, counters, filled views.
fn states(old: &Made, new: &Made, proof: &mut Proof) {
    let (lost, come) = (missing(&old.rights, &new.rights), missing(&new.rights, &old.rights));
    if !lost.is_empty() || !come.is_empty() {
        proof.notes.push("rights are given at the end, to all that is there then".to_owned());
    }
    proof.differences.extend(lost.iter().map(|right| format!("{right}: not any more")));
    proof.differences.extend(come.iter().map(|right| format!("{right}: it was not so before")));
    let counters = missing(&old.counters, &new.counters).into_iter();
    proof.differences.extend(counters.map(|one| format!("a counter goes on elsewhere: not at `{one}`")));
    let more = missing(&new.counters, &old.counters).into_iter();
    proof.differences.extend(more.map(|one| format!("a counter goes on elsewhere: at `{one}`")));
    let empty = missing(&old.filled, &new.filled).into_iter();
    proof.differences.extend(empty.map(|view| format!("`{view}` is not filled any more")));
}

fn schemas(range: &Range<'_>, old: &Made, new: &Made, proof: &mut Proof) {
    if old.schema != new.schema {
        let drift = between(range.request.scratch.dialect(), &old.schema, &new.schema);
        proof.differences.extend(drift.differences.iter().map(crate::drift::Difference::describe));
        proof.notes.extend(drift.notes.iter().map(crate::drift::Difference::describe));
    }
    let lost = old.not_covered.iter().filter(|object| !new.not_covered.contains(object));
    proof.differences.extend(lost.map(|object| format!("{object} is missing: its kind is not in a dump")));
    let come = new.not_covered.iter().filter(|object| !old.not_covered.contains(object));
    proof.differences.extend(come.map(|object| format!("{object} was not there before")));
}

/// The new chain does not run.
fn failed(range: &Range<'_>, unmade: Unmade) -> Failure {
    match unmade {
        Unmade::Step(id, fault) if id != range.request.choice.base => stands_in_between(range, &id, *fault),
        other => range.base_fails(other),
    }
}

/// A migration of another module that does not run behind the base.
fn stands_in_between(range: &Range<'_>, id: &MigrationId, fault: Diagnostic) -> Failure {
    let choice = range.request.choice;
    let mut told = Diagnostic::new(format!("`{id}` does not run behind the base"))
        .note(format!("the base takes the place of `{}`, and has all that came later in it", choice.ids[0]));
    told.frames = fault.frames;
    told.causes = fault.causes;
    Failure::new(Kind::Refused, told.help(way_out(range, id)))
}

/// Which range does without this migration in between.
fn way_out(range: &Range<'_>, id: &MigrationId) -> String {
    let place = range.lock.entries.get_index_of(id).unwrap_or_default();
    match range.request.choice.last_before(range.lock, place) {
        Some(last) => format!("`--up-to {last}` leaves out what stands behind it"),
        None => format!("put those together between which `{id}` does not stand: `--up-to ID`"),
    }
}

/// So many lines of a kind are shown.
const SHOWN: usize = 8;

fn note_some(fault: &mut Diagnostic, lines: &[String]) {
    let more = lines.len().saturating_sub(SHOWN);
    fault.notes.extend(lines.iter().take(SHOWN).cloned());
    fault.notes.extend((more > 0).then(|| format!("and {more} more")));
}

impl Range<'_> {
    /// Why nothing is written, and the ways on.
    pub(super) fn unequal(&self, squashed: &Squashed) -> Diagnostic {
        let mut fault = Diagnostic::new("the base does not make the same as what it replaces");
        note_some(&mut fault, &squashed.proof.differences);
        let of = |(one, why): (&Sorted, &str)| {
            format!("not in the base: `{}`, line {}: {why}", one.from, one.line)
        };
        note_some(&mut fault, &squashed.by_hand().map(of).collect::<Vec<_>>());
        fault.notes.extend(squashed.proof.notes.iter().cloned());
        match self.request.choice.between(self.lock).first() {
            Some(first) => fault.help(way_out(self, first)),
            None if squashed.by_hand().next().is_some() => {
                fault.help("`--up-to ID` ends before what changes the schema under those statements")
            }
            None => fault.help("`--up-to ID` ends before what makes the difference"),
        }
    }
}
