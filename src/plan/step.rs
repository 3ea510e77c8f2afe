//! One migration, read for planning: split, and refused where it could not be undone.

use crate::diagnostic::{Diagnostic, Frame};
use crate::history::{History, Partial};
use crate::id::{Checksum, MigrationId};
use crate::migration::Script;
use crate::sql::{self, Boundary};

use super::{Circumstances, Step};

/// A frame in a script, with the line numbers of its file.
pub(super) fn frame(script: &Script, span: std::ops::Range<usize>) -> Frame {
    let mut frame = Frame::new(&*script.path, std::sync::Arc::clone(&script.text), span);
    frame.lines_before = script.lines_before;
    frame
}

/// Splits the text and looks at each statement; all refusals at once.
pub(super) fn prepare(
    id: &MigrationId,
    script: &Script,
    late: bool,
    history: &History,
    at: &Circumstances<'_>,
) -> Result<Step, Vec<Diagnostic>> {
    let statements = sql::split(at.dialect, &script.text).map_err(|error| {
        vec![
            Diagnostic::new(format!("migration `{id}` cannot be read: {error}"))
                .frame(frame(script, error.span.clone()).label(error.label()))
                .help(error.help()),
        ]
    })?;
    let mut refusals = Vec::new();
    // a plain file was read without a dialect: only now can its later comments be told from its text
    if let Err(error) = sql::directives(Some(at.dialect), &script.text) {
        let mut fault = Diagnostic::new(error.to_string()).frame(frame(script, error.span.clone()));
        fault.help.extend(error.help());
        refusals.push(fault);
    }
    let mut script = script.clone();
    for statement in &statements {
        match sql::boundary(at.dialect, &script.text[statement.span.clone()]) {
            Boundary::Ordinary => {}
            Boundary::NoTransaction(_) => script.no_transaction = true,
            Boundary::TransactionControl(word) => refusals.push(
                Diagnostic::new(format!("migration `{id}` controls transactions itself"))
                    .frame(frame(&script, statement.span.clone()).label(format!("`{word}` is transaction control")))
                    .help("remove it: every run is in a transaction already")
                    .help(format!("for a migration that is not yours: set `skip: true` for `{id}` and ship a mended copy")),
            ),
        }
    }
    let partial = history.partial.iter().find(|partial| partial.id == *id);
    let from = partial.map_or(0, |partial| partial.finished);
    if let Some(partial) = partial {
        script.no_transaction = true;
        refusals.extend(edited_prefix(id, &script, &statements, partial));
    }
    if refusals.is_empty() {
        Ok(Step { id: id.clone(), script, statements, late, from })
    } else {
        Err(refusals)
    }
}

/// A half-applied migration goes on only when the part that ran is still the same text.
fn edited_prefix(
    id: &MigrationId,
    script: &Script,
    statements: &[sql::Statement],
    partial: &Partial,
) -> Option<Diagnostic> {
    let end = partial
        .finished
        .checked_sub(1)
        .map_or(0, |last| statements.get(last).map_or(usize::MAX, |s| s.span.end));
    let prefix = script.text.get(..end).map(|text| Checksum::of(text.as_bytes()));
    let same = partial.finished == 0 || (prefix.is_some() && prefix == partial.prefix);
    (!same).then(|| {
        Diagnostic::new(format!(
            "migration `{id}` stopped after statement {}, and that part was edited since",
            partial.finished
        ))
        .help("restore the statements that have run; the rest may be edited")
    })
}

/// The hash of a script up to the end of statement `index`: what says whether the part that has run
/// was edited since.
pub fn prefix_hash(script: &Script, statements: &[sql::Statement], index: usize) -> Checksum {
    let end = statements.get(index).map_or(script.text.len(), |statement| statement.span.end);
    Checksum::of(&script.text.as_bytes()[..end])
}
