//! What is said of a run that stopped: which statement failed, what has stayed, what was not begun, and
//! the ways on.
//!
//! It depends on what was committed by then and on nothing else. "Rolled back" is said only where the
//! database has undone everything; "nothing stayed" also where a comparison with before has proved it.

use crate::database::{DatabaseError, TaskFailure, Trace};
use crate::diagnostic::{Diagnostic, Frame, count};
use crate::id::MigrationId;
use crate::plan::{Plan, Step};
use crate::sql::Way;

use super::execute::Progress;
use super::failure::{Failure, Kind, describe};

/// What an unfinished migration outside of a transaction has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Half {
    pub(super) id: MigrationId,
    /// So many of its statements stay.
    pub(super) kept: usize,
    /// What the failing one left.
    pub(super) trace: Trace,
}

impl Half {
    /// `None` where it left nothing.
    pub(super) fn of(step: &Step, failure: &TaskFailure) -> Option<Self> {
        let left = failure.kept > 0 || failure.trace != Trace::Nothing;
        left.then(|| Self { id: step.id.clone(), kept: failure.kept, trace: failure.trace })
    }
}

pub(super) fn before_steps(progress: &Progress, error: &DatabaseError) -> Failure {
    match (progress.committed, error) {
        (0, DatabaseError::Unfit(_) | DatabaseError::Blocked(_)) => {
            Failure::new(Kind::Refused, describe(error)).transient_if(error)
        }
        _ => rolled_back(progress, describe(error)).transient_if(error),
    }
}

/// The end of a run whose open transaction is gone.
pub(super) fn rolled_back(progress: &Progress, diagnostic: Diagnostic) -> Failure {
    if nothing_stayed(progress) {
        return Failure::new(Kind::RolledBack, diagnostic.note(ROLLED_BACK));
    }
    let on = if progress.undoes { ON_DOWN } else { ON };
    Failure::new(Kind::Stayed, stayed(progress, diagnostic).help(on))
}

const ROLLED_BACK: &str = "everything was rolled back: nothing of this run stayed";

/// The same failure where the rollback could not undo all.
pub(super) fn not_taken_back(mut failure: Failure, left: &str) -> Failure {
    for diagnostic in &mut failure.diagnostics {
        diagnostic.notes.retain(|note| note != ROLLED_BACK);
        diagnostic.notes.push(left.to_owned());
    }
    Failure { kind: Kind::Stayed, ..failure }
}

const ON: &str =
    "`db-migrations status` says what has run; mend the cause, then run `db-migrations migrate` again";
const ON_DOWN: &str = "`db-migrations list` says what is left; mend the cause, then undo the rest: `db-migrations execute ID… --down`";

fn nothing_stayed(progress: &Progress) -> bool {
    progress.committed == 0
        && progress.adopted == 0
        && progress.caught_up_rows == 0
        && progress.half.is_none()
}

/// Without what the compensation has undone since.
pub(super) fn without_committed(failure: &mut Failure) {
    for diagnostic in &mut failure.diagnostics {
        diagnostic.notes.retain(|note| !note.starts_with(COMMITTED));
    }
}

const COMMITTED: &str = "committed before, and stayed";
const UNDONE: &str = "undone before, and stays undone";

/// So many rows.
pub(super) fn rows(n: u64) -> String {
    count(usize::try_from(n).unwrap_or(usize::MAX), "row", "rows")
}

/// Names what was committed before.
fn stayed(progress: &Progress, mut diagnostic: Diagnostic) -> Diagnostic {
    let done = &progress.applied[..progress.committed];
    if progress.adopted > 0 {
        let taken = count(progress.adopted, "row", "rows");
        diagnostic.notes.push(format!("taken over from other tools before, and stayed: {taken}"));
    }
    if progress.caught_up_rows > 0 {
        diagnostic.notes.push(format!("caught up before, and stayed: {}", rows(progress.caught_up_rows)));
    }
    let what = if progress.undoes { UNDONE } else { COMMITTED };
    let named = |ids: &[super::migrate::Applied]| {
        ids.iter().map(|applied| format!("`{}`", applied.id)).collect::<Vec<_>>().join(", ")
    };
    diagnostic.notes.extend(match done {
        [] => None,
        few if few.len() <= 3 => Some(format!("{what}: {}", named(few))),
        many => Some(format!(
            "{what}: {} migrations, from {} to {}",
            many.len(),
            named(&many[..1]),
            named(&many[many.len() - 1..])
        )),
    });
    diagnostic
}

/// The report of a failing migration.
pub(super) fn failed(step: &Step, failure: &TaskFailure, progress: &Progress, plan: &Plan) -> Failure {
    let diagnostic = what_failed(step, failure);
    if failure.escaped {
        return Failure::new(
            Kind::Stayed,
            diagnostic
                .note("the migration ended the run's transaction: what ran before that is committed")
                .help("remove the transaction control from the migration; `db-migrations schema check` shows what stayed"),
        );
    }
    if !plan.splits() {
        return rolled_back(progress, lost(failure, diagnostic));
    }
    let diagnostic = lost(failure, left(step, failure, diagnostic));
    if nothing_stayed(progress) {
        let note = if plan.commits_by_itself {
            "nothing of this run stayed: what the failing statement changes is as it was before"
        } else {
            ROLLED_BACK
        };
        return Failure::new(Kind::RolledBack, diagnostic.note(note));
    }
    let mut diagnostic = stayed(progress, diagnostic);
    diagnostic.notes.extend(not_begun(progress, plan));
    diagnostic.help.extend(ways_on(step, progress, plan));
    Failure::new(Kind::Stayed, diagnostic)
}

/// Which migration failed, where, and what the database said.
pub(super) fn what_failed(step: &Step, failure: &TaskFailure) -> Diagnostic {
    let mut diagnostic = Diagnostic::new(match step.way {
        Way::Up => format!("migration `{}` failed", step.id),
        Way::Down => format!("the down script of `{}` failed", step.id),
    });
    match failure.statement.or(failure.offset) {
        Some(_) => diagnostic = diagnostic.frame(place(step, failure)),
        None => diagnostic.notes.push(format!("its file is {}", step.script.path)),
    }
    let error = describe(&failure.error);
    diagnostic = diagnostic.cause(&error.message);
    match failure.statement {
        Some(n) => diagnostic.notes.push(format!("statement {} of {}", n + 1, step.statements.len())),
        None if failure.before => {
            diagnostic.notes.push("it failed before any of its statements ran".to_owned());
        }
        None if !step.statements.is_empty() && failure.kept == 0 => {
            diagnostic.notes.push(
                "all its statements ran; it failed after them, when deferred constraints were checked"
                    .to_owned(),
            );
        }
        None => {}
    }
    diagnostic.notes.extend(error.notes);
    diagnostic.help.extend(error.help);
    if let DatabaseError::Sql(sql) = &failure.error {
        diagnostic.notes.extend(sql.context.as_ref().map(|context| format!("in {context}")));
    }
    diagnostic
}

/// What a migration outside of a transaction has left.
fn left(step: &Step, failure: &TaskFailure, mut diagnostic: Diagnostic) -> Diagnostic {
    let all = failure.kept == step.statements.len();
    diagnostic.notes.extend(match failure.kept {
        0 => None,
        n if all => Some(format!("all its {} stayed", count(n, "statement", "statements"))),
        1 => Some("its first statement stayed: it runs outside of a transaction".to_owned()),
        n => Some(format!("its first {n} statements stayed: it runs outside of a transaction")),
    });
    diagnostic.notes.extend(
        match failure.trace {
            Trace::Nothing => None,
            Trace::Possible if matches!(failure.error, DatabaseError::Lost(_)) => {
                Some("the failing statement may go on at the server, or have ended: the next run finds out")
            }
            Trace::Possible => Some("the failing statement may have left traces"),
            Trace::Certain => Some("the failing statement left a part of its changes"),
            Trace::Rows => Some("rows that it changed stay in a table whose engine cannot take them back"),
        }
        .map(str::to_owned),
    );
    diagnostic
}

fn lost(failure: &TaskFailure, diagnostic: Diagnostic) -> Diagnostic {
    if matches!(failure.error, DatabaseError::Lost(_)) && failure.trace == Trace::Nothing {
        return diagnostic
            .note("the connection is gone; the database rolls the open transaction back by itself");
    }
    diagnostic
}

fn not_begun(progress: &Progress, plan: &Plan) -> Option<String> {
    let mut rest = plan.steps().skip(progress.applied.len() + 1);
    let first = rest.next()?;
    Some(match rest.count() {
        0 => format!("not begun: `{}`", first.id),
        n => format!("not begun: {}, the first is `{}`", count(n + 1, "migration", "migrations"), first.id),
    })
}

/// The commands by which a person goes on.
fn ways_on(step: &Step, progress: &Progress, plan: &Plan) -> Vec<String> {
    let consent = if plan.needs_consent() { " --allow-split" } else { "" };
    let on = match step.way {
        Way::Up => format!("migrate{consent}"),
        Way::Down => undo_rest(progress, plan, consent),
    };
    let id = &step.id;
    let Some(half) = progress.half.as_ref().filter(|half| half.id == *id) else {
        return vec![
            format!("mend the cause, then `db-migrations {on}`: it goes on with this migration"),
            "`db-migrations status` says what has run".to_owned(),
        ];
    };
    if half.kept == step.statements.len() && half.trace == Trace::Nothing {
        return vec![format!("mend the cause, then `db-migrations {on}`: all of this migration ran")];
    }
    let next = (half.kept + 1).min(step.statements.len());
    if step.way == Way::Down {
        return vec![
            format!("mend the cause, then `db-migrations {on}`: it goes on at statement {next}"),
            format!("or undo the rest of it by hand, then `db-migrations repair --mark-done {id}`"),
            format!("or bring back by hand what it has undone, then `db-migrations repair --restart {id}`"),
        ];
    }
    let first = match half.trace {
        Trace::Rows => "mend the cause and take away the rows that stayed (they would be written again)",
        _ => "mend the cause",
    };
    let fixed = match half.kept {
        0 => String::new(),
        1 => "; its first statement must stay as it is".to_owned(),
        n => format!("; its first {n} statements must stay as they are"),
    };
    vec![
        format!(
            "{first}, then `db-migrations {on}`: it goes on at statement {next} (after an edit of a locked file: `db-migrations lock --accept {id}`{fixed})"
        ),
        format!("or do the rest of it by hand, then `db-migrations repair --mark-done {id}`"),
        format!(
            "or undo by hand what it has done, then `db-migrations repair --restart {id}`: it runs from its beginning"
        ),
    ]
}

/// So many ids are written out in a command.
const FEW: usize = 10;

/// The command that undoes what is left of a plan. The same command again may mean other migrations.
fn undo_rest(progress: &Progress, plan: &Plan, consent: &str) -> String {
    let rest = plan.steps().skip(progress.applied.len());
    let mut ids: Vec<&str> = rest.map(|step| step.id.as_str()).collect();
    if ids.len() > FEW {
        ids.truncate(FEW);
        ids.push("…");
    }
    format!("execute {} --down{consent}", ids.join(" "))
}

fn place(step: &Step, failure: &TaskFailure) -> Frame {
    let statement = failure.statement.and_then(|n| step.statements.get(n));
    let span = match (failure.offset, statement) {
        (Some(offset), _) => offset..word_end(&step.script.text, offset),
        (None, Some(statement)) => statement.span.clone(),
        (None, None) => 0..0,
    };
    let mut frame = Frame::new(&*step.script.path, std::sync::Arc::clone(&step.script.text), span);
    frame.lines_before = step.script.lines_before;
    frame
}

fn word_end(text: &str, start: usize) -> usize {
    let rest = &text[start..];
    let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    start + length.max(rest.chars().next().map_or(0, char::len_utf8))
}
