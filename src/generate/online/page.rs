//! The page of explanation at the head of the first migration, and the line at the head of the others.
//!
//! Plain text, without comment marks: whoever writes the files adds them.

use super::{Change, Steps};
use crate::dialect::Dialect;
use crate::migration::Phase;

/// The page. `ids` are those of the migrations, in order.
pub fn page(dialect: Dialect, change: &Change, steps: &Steps, ids: &[String]) -> String {
    let mut lines = vec![format!("{}, while old and new code run.", title(change)), String::new()];
    lines.push("Steps".to_owned());
    for (at, (step, id)) in steps.steps.iter().zip(ids).enumerate() {
        let phase = if step.phase == Phase::Contract { "contract" } else { "expand" };
        lines.push(format!("  {} {phase}: {}", at + 1, step.title));
        lines.push(format!("    {id}"));
    }
    let has_expand = steps.steps.iter().any(|step| step.phase == Phase::Expand);
    section(&mut lines, "When", when(change, steps, has_expand));
    section(&mut lines, "Meanwhile", meanwhile(change));
    section(&mut lines, "Back", back(change));
    section(&mut lines, "Cost", cost(dialect, change));
    section(&mut lines, "Limits", steps.limits.clone());
    // names of MariaDB have such marks already
    lines.join("\n").replace("``", "`")
}

fn section(lines: &mut Vec<String>, name: &str, texts: Vec<String>) {
    lines.extend([String::new(), name.to_owned()]);
    lines.extend(texts.into_iter().map(|text| format!("  {text}")));
}

/// What it does, in words.
pub(super) fn title(change: &Change) -> String {
    match change {
        Change::RenameColumn { table, from, to } => format!("Rename `{from}` of `{table}` to `{to}`"),
        Change::RenameTable { from, to } => format!("Rename `{from}` to `{to}`"),
        Change::ChangeType { table, from, to, kind, .. } => {
            format!("Follow `{from}` of `{table}` by `{to}` of the type {kind}")
        }
        Change::SetNotNull { table, column, .. } => format!("Make `{column}` of `{table}` NOT NULL"),
    }
}

/// What a change means for the new code, where it has no other expand step.
pub(super) fn given(column: &str) -> String {
    format!("nothing yet; the contract waits until code runs that always gives `{column}` a value")
}

fn when(change: &Change, steps: &Steps, has_expand: bool) -> Vec<String> {
    let new = match change {
        Change::RenameColumn { to, .. } | Change::ChangeType { to, .. } => {
            format!("deploy the code that reads and writes `{to}`, and no longer the old column")
        }
        Change::RenameTable { to, .. } => format!("deploy the code that reads and writes `{to}`"),
        Change::SetNotNull { column, .. } => format!("deploy the code that always gives `{column}` a value"),
    };
    let mut lines = Vec::new();
    let split = |phase| {
        let mut steps = steps.steps.iter().filter(|step| step.phase == phase);
        if steps.any(|step| step.up.alone) { " --allow-split" } else { "" }
    };
    let (expand, contract) = (split(Phase::Expand), split(Phase::Contract));
    if has_expand {
        lines.push(format!("`db-migrations migrate --phase expand{expand}`, while the old code runs"));
    }
    lines.push(new);
    lines.push(format!(
        "`db-migrations migrate --phase contract{contract}`, in a later release, once no old code runs any more"
    ));
    lines
}

fn meanwhile(change: &Change) -> Vec<String> {
    match change {
        Change::RenameColumn { from, to, .. } | Change::ChangeType { from, to, .. } => vec![
            format!("old code reads and writes `{from}`, new code `{to}`, both of them all rows"),
            "whichever was written last counts: each write changes both, in the same statement".to_owned(),
            format!("no new code before the last expand step: until then `{to}` may be empty"),
        ],
        Change::RenameTable { from, to } => {
            vec![format!("old code reads and writes `{from}`, which is a view of `{to}`")]
        }
        Change::SetNotNull { column, fill: Some(_), .. } => vec![format!(
            "old code may write no value: it is filled in, so that new code always reads one in `{column}`"
        )],
        Change::SetNotNull { column, fill: None, .. } => {
            vec![format!("old code may write no value, and new code may read none in `{column}`")]
        }
    }
}

fn back(change: &Change) -> Vec<String> {
    let before =
        "before the contract step: take the new code back, then undo the expand steps; nothing is lost";
    let behind = match change {
        Change::RenameColumn { .. } => {
            "behind it: the down script makes the other column again, and copies all rows while nobody else writes"
        }
        Change::ChangeType { .. } => {
            "behind it: the down script makes the old column again of the new values, and copies all rows while nobody else writes"
        }
        Change::RenameTable { .. } => "behind it: the down script makes the view again",
        Change::SetNotNull { .. } => {
            "behind it: the column may be without a value again; what was filled in stays"
        }
    };
    let stopped = "a step that stopped half-way and cannot go on: undo by hand what it did, if anything, and say so by `db-migrations repair --restart ID`; a fill step can run again as it is";
    vec![before.to_owned(), behind.to_owned(), stopped.to_owned()]
}

fn cost(dialect: Dialect, change: &Change) -> Vec<String> {
    let copies = !matches!(change, Change::RenameTable { .. });
    let mut lines = Vec::new();
    if matches!(change, Change::RenameColumn { .. } | Change::ChangeType { .. }) {
        lines.push("each row is written once more, each index on the column is built once more, and each write runs a trigger".to_owned());
    }
    match dialect {
        Dialect::Postgres => {
            lines.push("the short steps need the table alone for a moment: they give up after 5 seconds of waiting (`lock_timeout`); run them again".to_owned());
            if copies {
                lines.push(
                    "what runs outside of a transaction splits the run: `--allow-split`, or `policy.allow-split`"
                        .to_owned(),
                );
            }
        }
        Dialect::MariaDb | Dialect::MySql => {
            lines.push("each statement waits for the table 5 seconds at most (`lock_wait_timeout`); where one fails, the next run goes on there".to_owned());
            lines.push("the application retries what ends in a deadlock, as ever".to_owned());
        }
        Dialect::Sqlite => {
            lines.push("each run is one transaction: others read, and wait with writing".to_owned());
        }
    }
    lines
}
