//! The statements of a change, cut into migrations, each with what undoes it.
//!
//! Renames come first; what they do to all else is what a scratch database says. Then the generators make
//! the way to what is declared, with everything in it that would be lost. What is left of the way is a
//! comment. A migration is undone by the way from the schema behind it to the one before it.

use crate::diff::rename::{Rename, statements};
use crate::diff::{Loss, Script as Steps, Style, losses, retain, script};
use crate::drift::{Difference, between};
use crate::event::Sink;
use crate::migration::Script;
use crate::schema::Schema;

use crate::engine::failure::Failure;

use super::bench::Bench;
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
}

impl Direction {
    fn of(steps: Steps) -> Self {
        Self {
            alone: steps.steps.iter().any(|step| step.alone),
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
pub async fn way(
    sides: &Sides,
    renames: Vec<Rename>,
    request: &Request<'_>,
    sink: &mut dyn Sink,
) -> Result<Way, Failure> {
    let dialect = sides.dialect;
    let begin: Vec<String> = renames.iter().flat_map(|rename| statements(dialect, rename)).collect();
    let renamed = if begin.is_empty() {
        sides.from.clone()
    } else {
        let rename = Change {
            up: Direction { statements: begin.clone(), ..Direction::default() },
            ..Change::default()
        };
        match states(sides, &[rename], request, sink).await? {
            Ok(mut states) => states.pop().unwrap_or_default(),
            Err(failure) => return Err(failure),
        }
    };
    let found = losses(dialect, &renamed, &sides.to);
    let (kept, lost) = if request.allow_drop { (Vec::new(), found) } else { (found, Vec::new()) };
    let to = if kept.is_empty() { sides.to.clone() } else { retain(dialect, &renamed, &sides.to, &kept) };
    let steps = script(dialect, &renamed, &to, request.style);
    let (mut not_generated, hints) = (steps.not_generated.clone(), steps.hints.clone());
    let mut changes = cut(begin, steps);
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
        let differences = between(dialect, &to, &renamed).differences;
        not_generated.extend(differences.iter().map(Difference::describe));
    }
    undo(sides, &renames, &renamed, &to, &mut changes, request, sink).await?;
    Ok(Way { changes, renames, kept, lost, not_generated, hints, to })
}

/// What a loss is, for people.
pub fn loss(loss: &Loss) -> String {
    match &loss.part {
        Some(part) => format!("{part} of {} `{}`: {}", loss.kind, loss.name, loss.what),
        None => format!("{} `{}`: {}", loss.kind, loss.name, loss.what),
    }
}

fn why(kept: &[Loss]) -> String {
    let lost: Vec<String> = kept.iter().map(|one| format!("  {}", loss(one))).collect();
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
    renames: &[Rename],
    renamed: &Schema,
    to: &Schema,
    changes: &mut [Change],
    request: &Request<'_>,
    sink: &mut dyn Sink,
) -> Result<(), Failure> {
    let ends = [renamed.clone(), to.clone()];
    let known = match changes {
        [] => return Ok(()),
        [_] => Some(ends.to_vec()),
        // one that fails is reported by the proof, with its file
        ref several => states(sides, several, request, sink).await?.ok(),
    };
    let Some(mut states) = known else {
        changes[0].down = undone(sides, renames, &ends[1], &ends[0]);
        return Ok(());
    };
    states[0] = renamed.clone();
    for (at, change) in changes.iter_mut().enumerate() {
        let renames = if at == 0 { renames } else { &[] };
        change.down = undone(sides, renames, &states[at + 1], &states[at]);
    }
    Ok(())
}

fn undone(sides: &Sides, renames: &[Rename], behind: &Schema, before: &Schema) -> Direction {
    let mut down = Direction::of(script(sides.dialect, behind, before, Style::default()));
    down.statements
        .extend(renames.iter().rev().flat_map(|rename| statements(sides.dialect, &rename.reversed())));
    down
}

/// The schema before the first change, and behind each; or which one fails.
async fn states(
    sides: &Sides,
    changes: &[Change],
    request: &Request<'_>,
    _sink: &mut dyn Sink,
) -> Result<Result<Vec<Schema>, Failure>, Failure> {
    let scratch = request.scratch.scratch().await?;
    let outcome = async {
        let mut bench = Bench::with(scratch.database, &sides.from).await?;
        let mut states = vec![bench.introspect().await?];
        for (n, change) in changes.iter().enumerate() {
            let mut script = Script::new(change.up.text(), format!("change {}", n + 1));
            script.no_transaction = change.up.alone;
            script.foreign_keys = change.up.keys_off.then_some(false);
            bench = match bench.script(&script).await {
                Ok(bench) => bench,
                Err(broken) => return Ok(Err(broken.into())),
            };
            states.push(bench.introspect().await?);
        }
        bench.close().await;
        Ok(Ok(states))
    }
    .await;
    scratch.discard.await;
    outcome
}
