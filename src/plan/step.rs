//! One migration, read for planning: split, and refused where it could not be undone.

use crate::diagnostic::{Diagnostic, Frame, count};
use crate::dialect::Dialect;
use crate::history::{History, Partial};
use crate::id::{Checksum, MigrationId};
use crate::migration::Script;
use crate::sql::{self, Boundary, Way};

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
    way: Way,
    script: &Script,
    late: bool,
    history: &History,
    at: &Circumstances<'_>,
) -> Result<Step, Vec<Diagnostic>> {
    let subject = match way {
        Way::Up => format!("migration `{id}`"),
        Way::Down => format!("the down script of `{id}`"),
    };
    let statements = sql::split(at.dialect, &script.text).map_err(|error| {
        vec![
            Diagnostic::new(format!("{subject} cannot be read: {error}"))
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
            Boundary::Client(what) => refusals.push(
                Diagnostic::new(format!("{subject} needs the database's own client"))
                    .frame(frame(&script, statement.span.clone()).label(format!("`{what}` is not for the server alone")))
                    .help("write rows as `INSERT`, and remove commands that begin with a backslash (a dump: `pg_dump --inserts`)")
                    .help(format!("for a migration that is not yours: set `skip: true` for `{id}` and ship a mended copy")),
            ),
            Boundary::TransactionControl(word) => refusals.push(
                Diagnostic::new(format!("{subject} controls transactions itself"))
                    .frame(frame(&script, statement.span.clone()).label(format!("`{word}` is transaction control")))
                    .help(if word.ends_with("LOCK TABLES") {
                        "remove it: the guard keeps runs apart (for a dump: make it with `--skip-add-locks`)"
                    } else {
                        "remove it: the transactions are ours"
                    })
                    .help(format!("for a migration that is not yours: set `skip: true` for `{id}` and ship a mended copy")),
            ),
        }
    }
    refusals.extend(takes_transactions(id, &script));
    refusals.extend(reads_otherwise(&subject, &script, &statements, at.dialect));
    if !script.session.is_empty() && at.dialect.facts().settings_by_pragma {
        refusals.push(
            Diagnostic::new(format!(
                "{subject} asks for session settings, which {} does not have",
                at.dialect.facts().title
            ))
            .help("put the directive into the text of the other databases; write a PRAGMA here"),
        );
    }
    let resume = history.partial.iter().find(|partial| partial.id == *id).cloned();
    if let Some(partial) = &resume {
        script.no_transaction = true;
        refusals.extend(unresumable(id, &script, &statements, partial, at.dialect));
    }
    if refusals.is_empty() {
        Ok(Step { id: id.clone(), way, script, statements, late, resume, formers: Vec::new() })
    } else {
        Err(refusals)
    }
}

/// A text that is cut before its setting is in force, and would be another one then.
fn reads_otherwise(
    subject: &str,
    script: &Script,
    statements: &[sql::Statement],
    dialect: Dialect,
) -> Option<Diagnostic> {
    let found = sql::reads_otherwise(dialect, &script.text, statements, &script.session)?;
    let mut refusal =
        Diagnostic::new(format!("{subject} reads differently under its own `{}`", found.setting))
            .note("the setting decides whether a backslash in a string escapes the quote behind it")
            .help(
                "remove the setting, and write strings with backslashes so that they are the same without it",
            );
    refusal = match found.set {
        Some(span) => refusal.frame(frame(script, span).label("set here; the text was read without it")),
        None => refusal.note(format!("its file is {}", script.path)),
    };
    Some(refusal)
}

/// Settings by which a script would take the transactions out of our hands.
fn takes_transactions(id: &MigrationId, script: &Script) -> Option<Diagnostic> {
    let ours = ["autocommit", "tx_read_only", "transaction_read_only"];
    let name = ours.into_iter().find(|name| script.session.contains_key(*name))?;
    Some(
        Diagnostic::new(format!("migration `{id}` asks for the session setting `{name}`"))
            .note(format!("its file is {}", script.path))
            .help("remove the `session` line (of the file, the module or the configuration): the transactions are ours"),
    )
}

/// Why a half-applied migration cannot go on by itself.
fn unresumable(
    id: &MigrationId,
    script: &Script,
    statements: &[sql::Statement],
    partial: &Partial,
    dialect: Dialect,
) -> Option<Diagnostic> {
    edited_prefix(id, script, statements, partial)
        .or_else(|| undecidable(id, script, statements, partial, dialect))
        .or_else(|| {
        let lost = sql::lost_by_restart(dialect, &script.text, statements, partial.finished)?;
        Some(
            Diagnostic::new(format!(
                "migration `{id}` stopped after statement {}, and the rest needs `{}`, which is gone with its session",
                partial.finished, lost.name
            ))
            .frame(frame(script, lost.made).label("made here"))
            .frame(frame(script, lost.needed).label("needed here"))
            .help(format!("do the rest by hand, then `db-migrations repair --mark-done {id}`"))
            .help(format!(
                "or undo its first {} by hand, then `db-migrations repair --restart {id}`",
                count(partial.finished, "statement", "statements")
            )),
        )
    })
}

/// A statement that was cut off, and of which nothing tells whether it has happened.
fn undecidable(
    id: &MigrationId,
    script: &Script,
    statements: &[sql::Statement],
    partial: &Partial,
    dialect: Dialect,
) -> Option<Diagnostic> {
    let interrupted = partial.interrupted.as_ref()?;
    let statement = statements.get(partial.finished)?;
    let edited = interrupted.prefix != Some(prefix_hash(script, statements, partial.finished));
    let text = interrupted.meant.as_deref().unwrap_or(&script.text[statement.span.clone()]);
    let what = match sql::commits(dialect, text) {
        _ if edited && !dialect.facts().transactional_ddl => "and was edited since",
        sql::Commits::Opaque => "and no definition tells whether it has happened",
        _ => return None,
    };
    let n = partial.finished + 1;
    Some(
        Diagnostic::new(format!("statement {n} of `{id}` was cut off, {what}"))
            .frame(frame(script, statement.span.clone()))
            .help(format!("look; do the rest by hand, then `db-migrations repair --mark-done {id}`"))
            .help(format!("or undo by hand what has run, then `db-migrations repair --restart {id}`")),
    )
}

/// A down script that stopped half-way: the migration has run, and is not whole any more.
pub(super) fn half_undone(partial: &Partial) -> Diagnostic {
    let id = &partial.id;
    Diagnostic::new(format!("the down script of `{id}` stopped half-way"))
        .help(format!("undo the rest by hand, then `db-migrations repair --mark-done {id}`"))
        .help(format!("or mend the cause, then `db-migrations execute {id} --down`: it goes on there"))
        .help(format!("or bring back what it undid, then `db-migrations repair --restart {id}`"))
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
        .help(format!("or do the rest by hand, then `db-migrations repair --mark-done {id}`"))
        .help(format!("or undo by hand what has run, then `db-migrations repair --restart {id}`"))
    })
}

/// The hash of a script up to the end of statement `index`: what says whether the part that has run
/// was edited since.
pub fn prefix_hash(script: &Script, statements: &[sql::Statement], index: usize) -> Checksum {
    let end = statements.get(index).map_or(script.text.len(), |statement| statement.span.end);
    Checksum::of(&script.text.as_bytes()[..end])
}
