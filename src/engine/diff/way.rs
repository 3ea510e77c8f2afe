//! The statements of a change, cut into migrations, each with what undoes it.
//!
//! Renames come first; what they do to all else is what a scratch database says. Then the generators make
//! the way to what is declared, with everything in it that would be lost. What is left of the way is a
//! comment. A migration is undone by the way from the schema behind it to the one before it.

use crate::diagnostic::Diagnostic;
use crate::diff::rename::Rename;
use crate::diff::{Loss, Script as Steps, Style, drops, losses, retain, script};
use crate::drift::{Difference, between};
use crate::schema::Schema;

use crate::engine::failure::{Failure, Kind as FailureKind};

use super::start::{Start, start, states};
use super::{Request, Sides};

/// One direction of a migration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Direction {
    /// What is said at its head, one line each.
    pub notes: Vec<String>,
    /// Its statements.
    pub statements: Vec<String>,
    /// What is not done: statements that stand there as a comment, and why.
    pub not_done: Option<(String, Vec<String>)>,
    /// It runs outside of a transaction.
    pub alone: bool,
    /// It runs with foreign keys off.
    pub keys_off: bool,
    /// Not all that it should do could be generated.
    pub partial: bool,
}

impl Direction {
    fn of(steps: Steps) -> Self {
        Self {
            alone: steps.steps.iter().any(|step| step.alone),
            partial: !steps.not_generated.is_empty(),
            notes: steps
                .not_generated
                .into_iter()
                .map(|line| format!("not generated: {line}"))
                .chain(steps.hints)
                .collect(),
            statements: steps.steps.into_iter().map(|step| step.sql).collect(),
            not_done: None,
            keys_off: steps.foreign_keys_off,
        }
    }

    /// Its text, as it stands in a file.
    pub fn text(&self) -> String {
        let mut head = String::new();
        if self.keys_off {
            head.push_str("-- db-migrations: foreign-keys off\n");
        }
        if self.alone {
            head.push_str("-- db-migrations: no-transaction\n");
        }
        for line in &self.notes {
            head.push_str(&commented(line));
        }
        let mut parts: Vec<String> = (!head.is_empty()).then_some(head).into_iter().collect();
        parts.extend(self.statements.iter().map(|statement| format!("{}\n", statement.trim_end())));
        parts.extend(self.not_done.as_ref().map(|(why, statements)| {
            let statements: Vec<String> = statements.iter().map(|text| commented(text)).collect();
            format!("{}{}", commented(why), statements.join("--\n"))
        }));
        parts.join("\n")
    }
}

/// Each line as a comment.
fn commented(text: &str) -> String {
    text.lines().map(|line| format!("-- {line}").trim_end().to_owned() + "\n").collect()
}

/// A migration to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// What applies it.
    pub up: Direction,
    /// What undoes it.
    pub down: Direction,
}

/// The whole way.
pub struct Way {
    /// The migrations, in order.
    pub changes: Vec<Change>,
    /// The renames that it begins with.
    pub renames: Vec<Rename>,
    /// What would be lost: it is not done.
    pub kept: Vec<Loss>,
    /// What is lost, since that was allowed.
    pub lost: Vec<Loss>,
    /// Differences that no statement takes away.
    pub not_generated: Vec<String>,
    /// What rows can make of it.
    pub hints: Vec<String>,
    /// What the changes make, without what is not generated.
    pub to: Schema,
}

impl Way {
    /// Whether there is nothing to do, and nothing that is not done.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.not_generated.is_empty()
    }
}

/// Finds the way.
pub async fn way(sides: &Sides, renames: Vec<Rename>, request: &Request<'_>) -> Result<Way, Failure> {
    let dialect = sides.dialect;
    let start = start(sides, &renames, request).await?;
    let found = losses(dialect, &start.schema, &sides.to);
    let (kept, lost) = if request.allow_drop { (Vec::new(), found) } else { (found, Vec::new()) };
    let to =
        if kept.is_empty() { sides.to.clone() } else { retain(dialect, &start.schema, &sides.to, &kept) };
    let mut steps = script(dialect, &start.schema, &to, request.style);
    steps.not_generated.extend(sides.not_generated.iter().cloned());
    let (mut not_generated, hints) = (steps.not_generated.clone(), steps.hints.clone());
    let mut changes = cut(start.up.clone(), steps);
    if !kept.is_empty() {
        let rest = script(dialect, &to, &sides.to, Style::default());
        let statements: Vec<String> = rest.steps.into_iter().map(|step| step.sql).collect();
        if changes.is_empty() {
            changes.push(Change::default());
        }
        if let Some(last) = changes.last_mut() {
            last.up.not_done = Some((why(&kept), statements));
        }
    }
    if changes.is_empty() && not_generated.is_empty() {
        // nothing vanishes without a word
        let differences = between(dialect, &to, &start.schema).differences;
        not_generated.extend(differences.iter().map(Difference::describe));
    }
    unmanaged_stay(sides, &changes)?;
    undo(sides, &start, &to, &mut changes, request).await?;
    Ok(Way { changes, renames, kept, lost, not_generated, hints, to })
}

/// Refuses what drops something that no migration makes: where the lock is replayed, it is not there.
fn unmanaged_stay(sides: &Sides, changes: &[Change]) -> Result<(), Failure> {
    let statements = || changes.iter().flat_map(|change| &change.up.statements);
    let in_the_way =
        sides.unmanaged.iter().filter_map(|(kind, name)| {
            let statement = statements().find(|statement| drops(sides.dialect, statement, name))?;
            let fault =
                format!("{kind} `{name}` is neither declared nor made by a migration, and stands in the way");
            let fault = Diagnostic::new(fault).note(format!("what would be needed: {statement}"));
            Some(fault.help(
                "declare it, or drop it on this database before, and make it again behind the migration",
            ))
        });
    let faults: Vec<Diagnostic> = in_the_way.collect();
    if faults.is_empty() { Ok(()) } else { Err(Failure::all(FailureKind::Refused, faults)) }
}

/// What a loss is, for people.
pub fn loss(loss: &Loss) -> String {
    match &loss.part {
        Some(part) => format!("{part} of {} `{}`: {}", loss.kind, loss.name, loss.what),
        None => format!("{} `{}`: {}", loss.kind, loss.name, loss.what),
    }
}

/// The line that says it in a migration.
pub fn loss_line(one: &Loss) -> String {
    format!("  {}", loss(one))
}

fn why(kept: &[Loss]) -> String {
    let lost: Vec<String> = kept.iter().map(loss_line).collect();
    format!(
        "not done, since it would lose\n{}\nremove the comment marks, or run `db-migrations diff --allow-drop`:\n",
        lost.join("\n")
    )
}

/// Statements that may stand together are one migration; each that may not is one of its own.
fn cut(begin: Vec<String>, steps: Steps) -> Vec<Change> {
    let Steps { steps, not_generated, hints, foreign_keys_off } = steps;
    let mut changes: Vec<Change> = Vec::new();
    let together = |changes: &mut Vec<Change>, sql: String| match changes.last_mut() {
        Some(last) if !last.up.alone => last.up.statements.push(sql),
        _ => {
            let up = Direction { statements: vec![sql], keys_off: foreign_keys_off, ..Direction::default() };
            changes.push(Change { up, ..Change::default() });
        }
    };
    for sql in begin {
        together(&mut changes, sql);
    }
    for step in steps {
        if step.alone {
            let up = Direction { statements: vec![step.sql], alone: true, ..Direction::default() };
            changes.push(Change { up, ..Change::default() });
        } else {
            together(&mut changes, step.sql);
        }
    }
    let notes: Vec<String> =
        not_generated.iter().map(|line| format!("not generated: {line}")).chain(hints).collect();
    match changes.first_mut() {
        Some(first) => first.up.notes = notes,
        None if !not_generated.is_empty() => {
            changes.push(Change { up: Direction { notes, ..Direction::default() }, ..Change::default() });
        }
        None => {}
    }
    changes
}

/// Gives each change what undoes it.
async fn undo(
    sides: &Sides,
    start: &Start,
    to: &Schema,
    changes: &mut [Change],
    request: &Request<'_>,
) -> Result<(), Failure> {
    let back = |behind: &Schema, before: &Schema| {
        Direction::of(script(sides.dialect, behind, before, Style::default()))
    };
    match &mut *changes {
        [] => return Ok(()),
        [only] => only.down = back(to, &start.schema),
        several => match states(sides, several, request).await? {
            Ok(mut states) => {
                states[0].clone_from(&start.schema);
                for (change, states) in several.iter_mut().zip(states.windows(2)) {
                    change.down = back(&states[1], &states[0]);
                }
            }
            // the proof says which one fails; the first, which is undone last, undoes all
            Err(_) => several[0].down = back(to, &start.schema),
        },
    }
    if !start.down.is_empty() {
        match renamed_back(sides, start, &changes[0], request).await? {
            Some(down) => changes[0].down = down,
            None => changes[0].down.statements.extend(start.down.iter().cloned()),
        }
    }
    Ok(())
}

/// What undoes the first change and begins with the renames: what is made again behind them (bodies that the
/// database reads when they are made) speaks of the old names. Nothing where they cannot come first.
async fn renamed_back(
    sides: &Sides,
    start: &Start,
    first: &Change,
    request: &Request<'_>,
) -> Result<Option<Direction>, Failure> {
    let renames = Direction { statements: start.down.clone(), ..Direction::default() };
    let renames = Change { up: renames, ..Change::default() };
    let Ok(states) = states(sides, &[first.clone(), renames], request).await? else { return Ok(None) };
    let Some(behind) = states.last() else { return Ok(None) };
    let mut down = Direction::of(script(sides.dialect, behind, &sides.from, Style::default()));
    down.statements.splice(0..0, start.down.iter().cloned());
    Ok(Some(down))
}
