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
use crate::squash::{Column, Sorted, differences, volatile};

use crate::engine::failure::{Failure, Kind};

use super::chain::{Made, Unmade, make};
use super::{Range, Squashed, With};

/// Clocks of databases that count seconds must have gone on by one.
const A_SECOND: Duration = Duration::from_millis(1100);

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
    if !old.rows.is_empty() && (vary || !is_same) {
        tokio::time::sleep(A_SECOND.saturating_sub(ended.elapsed())).await;
        let again = make(project, &project.catalogue, range.lock, connect, sink).await;
        proof.volatile = volatile(&old.rows, &again.map_err(Unmade::into_failure)?.rows);
    }
    schemas(range, &old, &new, &mut proof);
    let rows = differences(&old.rows, &new.rows, &proof.volatile);
    if !rows.is_empty() {
        proof.notes.push(
            "what is kept runs on the schema as it is at the end: later defaults and triggers act on it"
                .to_owned(),
        );
    }
    proof.differences.extend(rows);
    Ok((new, proof))
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
            None => fault,
        }
    }
}
