//! The proof: on a scratch database with rows in it, up makes what is declared, down brings back what there
//! was, up makes it again, and what stays keeps its rows.
//!
//! Rows are made up; where a statement fails with them, it is tried with less in the tables that it speaks
//! of, and that is said. One that fails with nothing in them is wrong.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, count};
use crate::diff::rename::Rename;
use crate::diff::rows::{self, Fill, Kept};
use crate::drift::between;
use crate::event::{Event, Sink};
use crate::migration::Script;
use crate::schema::Schema;

use crate::engine::failure::{Failure, Kind};

use super::bench::{Added, Bench, Broken};
use super::{Request, Sides, Way};

/// A migration as it will stand in its files.
#[derive(Clone, Debug)]
pub struct ToProve {
    /// What applies it.
    pub up: Script,
    /// What undoes it.
    pub down: Script,
}

/// A table that had less in it than it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The table.
    pub table: String,
    /// Why.
    pub why: String,
}

/// What was proved.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// So many rows.
    pub rows: usize,
    /// In so many tables.
    pub tables: usize,
    /// Tables for which no rows could be made up.
    pub refused: Vec<Doubt>,
    /// Tables whose rows had all their values: without them it fails.
    pub full: Vec<Doubt>,
    /// Tables that were empty: with rows it fails.
    pub empty: Vec<Doubt>,
    /// Differences that are left, where not all could be generated.
    pub left: Vec<String>,
}

impl Proof {
    /// What was proved, in a line.
    pub fn title(&self) -> String {
        let rows = count(self.rows, "row", "rows");
        let tables = count(self.tables, "table", "tables");
        match self.rows {
            0 => "proved on an empty scratch database: up, down, up".to_owned(),
            _ => format!("proved on a scratch database with {rows} in {tables}: up, down, up"),
        }
    }
}

/// Why a try came to no good end.
enum Trouble {
    /// A script failed; rows may be the cause.
    Broken(Broken, Added),
    /// Anything else.
    Failed(Failure),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Tries all of it. Nothing is written by then.
pub async fn prove(
    sides: &Sides,
    way: &Way,
    files: &[ToProve],
    request: &Request<'_>,
    sink: &mut dyn Sink,
) -> Result<Proof, Failure> {
    sink.tell(Event::ProofStarted { total: files.len() });
    let mut fill: BTreeMap<String, Fill> = BTreeMap::new();
    let mut doubts: BTreeMap<String, String> = BTreeMap::new();
    loop {
        let scratch = request.scratch.scratch().await?;
        let outcome = attempt(sides, way, files, &fill, scratch.database).await;
        scratch.discard.await;
        match outcome {
            Ok((added, left)) => return Ok(proof(&fill, &doubts, &added, left)),
            Err(Trouble::Failed(failure)) => return Err(failure),
            Err(Trouble::Broken(broken, added)) => {
                let guilty = guilty(sides, way, &broken, &added);
                if guilty.is_empty() {
                    let help = "nothing was written; `--no-verify` writes it all the same";
                    return Err(Broken { diagnostic: broken.diagnostic.help(help), ..broken }.into());
                }
                for table in guilty {
                    let less = fill.get(&table).copied().unwrap_or_default().less();
                    doubts.insert(table.clone(), broken.cause());
                    fill.insert(table, less);
                }
            }
        }
    }
}

/// The tables whose rows can be why a statement failed: those that it speaks of, else all.
fn guilty(sides: &Sides, way: &Way, broken: &Broken, added: &Added) -> Vec<String> {
    let names: Vec<&String> = added.rows.keys().collect();
    let text = broken.statement.as_deref().unwrap_or_default();
    let mut guilty = rows::mentioned(sides.dialect, &sides.from, names.iter().copied(), text);
    for rename in &way.renames {
        let Rename::Table { from, to } = rename else { continue };
        let renamed = rows::mentioned(sides.dialect, &way.to, std::iter::once(to), text);
        if !renamed.is_empty() && added.rows.contains_key(from) && !guilty.contains(from) {
            guilty.push(from.clone());
        }
    }
    if guilty.is_empty() { names.into_iter().cloned().collect() } else { guilty }
}

fn proof(
    fill: &BTreeMap<String, Fill>,
    doubts: &BTreeMap<String, String>,
    added: &Added,
    left: Vec<String>,
) -> Proof {
    let with = |wanted: Fill| {
        let tables = fill.iter().filter(|(_, fill)| **fill == wanted).map(|(table, _)| table);
        let why = |table: &String| doubts.get(table).cloned().unwrap_or_default();
        tables.map(|table| Doubt { table: table.clone(), why: why(table) }).collect()
    };
    let refused = added.refused.iter();
    Proof {
        rows: added.rows.values().sum(),
        tables: added.rows.len(),
        refused: refused.map(|(table, why)| Doubt { table: table.clone(), why: why.clone() }).collect(),
        full: with(Fill::Full),
        empty: with(Fill::Nothing),
        left,
    }
}

/// Up, down, up.
async fn attempt(
    sides: &Sides,
    way: &Way,
    files: &[ToProve],
    fill: &BTreeMap<String, Fill>,
    database: Box<dyn crate::database::Database>,
) -> Result<(Added, Vec<String>), Trouble> {
    let mut bench = Bench::with(database, &sides.from).await?;
    let begin = bench.introspect().await?;
    let (mut bench, added) = bench.fill(&sides.from, fill).await?;
    let trouble = |broken| Trouble::Broken(broken, added.clone());
    let kept = kept(sides, way);
    let before = read(&mut bench, &kept, |kept| &kept.before).await?;
    for file in files {
        bench = bench.script(&file.up).await.map_err(trouble)?;
    }
    let there = bench.introspect().await?;
    let left = differences(sides, &way.to, &there);
    if !left.is_empty() && way.not_generated.is_empty() {
        return Err(unequal("the migration does not make what is declared", left).into());
    }
    same_rows(&before, &read(&mut bench, &kept, |kept| &kept.after).await?, &kept, "up")?;
    for file in files.iter().rev() {
        bench = bench.script(&file.down).await.map_err(trouble)?;
    }
    let back = differences(sides, &begin, &bench.introspect().await?);
    if !back.is_empty() && way.changes.iter().all(|change| !change.down.partial) {
        return Err(unequal("the down script does not bring back what there was", back).into());
    }
    same_rows(&before, &read(&mut bench, &kept, |kept| &kept.before).await?, &kept, "down")?;
    for file in files {
        bench = bench.script(&file.up).await.map_err(trouble)?;
    }
    let again = differences(sides, &there, &bench.introspect().await?);
    if !again.is_empty() {
        return Err(unequal("up makes something else the second time", again).into());
    }
    same_rows(&before, &read(&mut bench, &kept, |kept| &kept.after).await?, &kept, "up")?;
    bench.close().await;
    Ok((added, left))
}

fn differences(sides: &Sides, wanted: &Schema, is: &Schema) -> Vec<String> {
    let drift = between(sides.dialect, wanted, is);
    drift.differences.iter().map(crate::drift::Difference::describe).collect()
}

fn unequal(message: &str, differences: Vec<String>) -> Failure {
    let mut fault = Diagnostic::new(message);
    let more = differences.len().saturating_sub(8);
    fault.notes.extend(differences.into_iter().take(8));
    fault.notes.extend((more > 0).then(|| format!("and {more} more")));
    Failure::new(Kind::Refused, fault.help("nothing was written; `--no-verify` writes it all the same"))
}

/// What must keep its rows, under its names before and afterwards.
fn kept(sides: &Sides, way: &Way) -> Vec<Kept> {
    let table = |name: &str| {
        let new = way.renames.iter().find_map(|rename| match rename {
            Rename::Table { from, to } if from == name => Some(to.clone()),
            _ => None,
        });
        new.unwrap_or_else(|| name.to_owned())
    };
    let column = |of: &str, name: &str| {
        let new = way.renames.iter().find_map(|rename| match rename {
            Rename::Column { table, from, to } if table == of && from == name => Some(to.clone()),
            _ => None,
        });
        new.unwrap_or_else(|| name.to_owned())
    };
    rows::kept(sides.dialect, &sides.from, &way.to, table, column)
}

async fn read(
    bench: &mut Bench,
    kept: &[Kept],
    query: impl Fn(&Kept) -> &String,
) -> Result<Vec<Vec<String>>, Failure> {
    let mut all = Vec::with_capacity(kept.len());
    for one in kept {
        all.push(bench.query(query(one)).await?);
    }
    Ok(all)
}

fn same_rows(before: &[Vec<String>], after: &[Vec<String>], kept: &[Kept], way: &str) -> Result<(), Failure> {
    let wrong = before.iter().zip(after).zip(kept).find(|((before, after), _)| before != after);
    let Some(((before, after), kept)) = wrong else { return Ok(()) };
    let fault = Diagnostic::new(format!("the rows of `{}` are not the same after {way}", kept.table));
    let fault = fault.note(format!("before: {}", before.join(" | ")));
    let fault = fault.note(format!("after: {}", after.join(" | ")));
    let fault = fault.help("nothing was written; `--no-verify` writes it all the same");
    Err(Failure::new(Kind::Refused, fault))
}
