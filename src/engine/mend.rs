//! Rows of the history that do not fit what is there, and what a person can do about each.
//!
//! A row can say another text than the file has now, or name a migration that is not there any more. Nothing
//! runs here: a row is given the present checksum, or goes. Half-applied migrations are `repair`'s.

use std::collections::HashSet;

use crate::database::Note;
use crate::diagnostic::{Diagnostic, nearest};
use crate::dialect::Dialect;
use crate::event::Sink;
use crate::history::History;
use crate::id::{Checksum, MigrationId};
use crate::lock::Rule;

use super::failure::{Failure, Kind};
use super::migrate::Request;
use super::prepare::merged;
use super::project::Project;
use super::record::{new_run, record};
use super::waiting::wait_for_guard;

/// What does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MisfitKind {
    /// The lock and the file differ.
    Edited,
    /// The file is the locked one, and another text ran here.
    OtherText,
    /// It has run, and its file is gone.
    Orphaned,
    /// It has run, and is neither locked nor found.
    Unknown,
}

impl MisfitKind {
    /// The word in reports and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Edited => "edited",
            Self::OtherText => "other-text",
            Self::Orphaned => "orphaned",
            Self::Unknown => "unknown",
        }
    }
}

/// A row that does not fit, with the ways out.
#[derive(Clone, Debug)]
pub struct Misfit {
    /// What does not fit.
    pub kind: MisfitKind,
    /// The migration.
    pub id: MigrationId,
    /// What is said of it.
    pub diagnostic: Diagnostic,
    /// The checksum that its row would get.
    now: Option<Checksum>,
}

/// What is done about rows that do not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mend {
    /// The text of now counts as the one that ran.
    Accept,
    /// The row goes; what it made stays.
    Forget,
}

impl Mend {
    const fn mends(self, kind: MisfitKind) -> bool {
        match self {
            Self::Accept => matches!(kind, MisfitKind::OtherText),
            Self::Forget => matches!(kind, MisfitKind::Orphaned | MisfitKind::Unknown),
        }
    }

    const fn option(self) -> &'static str {
        match self {
            Self::Accept => "--accept",
            Self::Forget => "--forget",
        }
    }
}

/// All rows that do not fit, in the order of execution.
pub fn misfits(project: &Project, history: &History, dialect: Dialect) -> Result<Vec<Misfit>, Failure> {
    let (merged, _) = merged(project, Some(history))?;
    let by_rule = |rule: Rule| -> HashSet<&MigrationId> {
        merged.findings.iter().filter(|finding| finding.rule == rule).map(|finding| &finding.id).collect()
    };
    let (edited, orphaned, unknown) =
        (by_rule(Rule::Changed), by_rule(Rule::Orphaned), by_rule(Rule::Unknown));
    let mut misfits = Vec::new();
    for row in history.rows() {
        let id = &row.id;
        let script = project.catalogue.get(id).and_then(|migration| migration.up.choose(dialect));
        let now = script.map(|script| script.hash);
        let another =
            row.checksum.is_some() && row.dialect == Some(dialect) && now.is_some() && row.checksum != now;
        let kind = match () {
            () if edited.contains(id) => MisfitKind::Edited,
            () if orphaned.contains(id) => MisfitKind::Orphaned,
            () if unknown.contains(id) => MisfitKind::Unknown,
            () if another => MisfitKind::OtherText,
            () => continue,
        };
        misfits.push(Misfit { kind, id: id.clone(), diagnostic: diagnostic(kind, id), now });
    }
    Ok(misfits)
}

fn diagnostic(kind: MisfitKind, id: &MigrationId) -> Diagnostic {
    match kind {
        MisfitKind::Edited => Diagnostic::new(format!("`{id}` ran here, and its file was edited after it was locked"))
            .help("restore the file; a change of what has run belongs into a new migration")
            .help(format!("or, if the change means nothing: `db-migrations lock --accept {id}`")),
        MisfitKind::OtherText => Diagnostic::new(format!("`{id}` ran here with another text than the locked one"))
            .note("the lock was accepted anew since, or this database comes from another branch")
            .help("if the schema is right (`db-migrations schema check`), let the present text count as the one that ran: ")
            .help(format!("`db-migrations repair --accept {id}`")),
        MisfitKind::Orphaned => Diagnostic::new(format!("`{id}` has run here, and its file is gone"))
            .help("bring it back, or enable its module again")
            .help(format!("or, if it is gone for good: `db-migrations lock --prune`, then `db-migrations repair --forget {id}`")),
        MisfitKind::Unknown => Diagnostic::new(format!("`{id}` has run here, and is neither locked nor found"))
            .help("if it comes from another branch or a newer release, it is right: leave it, or undo it from there")
            .help(format!("if it is gone for good: `db-migrations repair --forget {id}`; what it made stays")),
    }
}

/// What would be mended: the rows that are named, or all that can be. One that cannot is an error.
pub fn to_mend<'a>(
    misfits: &'a [Misfit],
    mend: Mend,
    ids: &[MigrationId],
) -> Result<Vec<&'a Misfit>, Failure> {
    let can: Vec<&Misfit> = misfits.iter().filter(|misfit| mend.mends(misfit.kind)).collect();
    for id in ids {
        if can.iter().any(|misfit| misfit.id == *id) {
            continue;
        }
        let fault = match misfits.iter().find(|misfit| misfit.id == *id) {
            Some(other) => not_mended(other, mend),
            None => nothing_wrong(id, &can),
        };
        return Err(Failure::new(Kind::Refused, fault));
    }
    Ok(can.into_iter().filter(|misfit| ids.is_empty() || ids.contains(&misfit.id)).collect())
}

fn not_mended(misfit: &Misfit, mend: Mend) -> Diagnostic {
    let Misfit { kind, id, .. } = misfit;
    let mut fault =
        Diagnostic::new(format!("`{id}` is {}, which `{}` does not mend", kind.name(), mend.option()));
    fault.help.extend(misfit.diagnostic.help.iter().cloned());
    fault
}

fn nothing_wrong(id: &MigrationId, can: &[&Misfit]) -> Diagnostic {
    let mut fault = Diagnostic::new(format!("the row of `{id}` fits, or it has none"));
    let near = nearest(id.as_str(), can.iter().map(|misfit| misfit.id.as_str()));
    fault.help.extend(near.map(|near| format!("did you mean `{near}`?")));
    fault.help("`db-migrations repair` lists what does not fit")
}

/// Writes what a person has agreed to; refused if that is not what there is now.
pub async fn mend(
    project: &Project,
    request: &Request<'_>,
    mend: Mend,
    agreed: &[MigrationId],
    sink: &mut dyn Sink,
) -> Result<(), Failure> {
    let database = request.connect.connect().await?;
    let mut guard = wait_for_guard(database, request.guard_wait, sink).await?;
    let history = guard.history().await?;
    let misfits = misfits(project, &history, guard.server().dialect)?;
    let mended = to_mend(&misfits, mend, agreed)?;
    let run = new_run(project, request, format!("repair {}", mend.option()));
    let notes: Vec<Note<'_>> = mended
        .iter()
        .filter_map(|misfit| match mend {
            Mend::Accept => Some(Note::Accepted(&misfit.id, misfit.now?)),
            Mend::Forget => Some(Note::Unrecorded(&misfit.id)),
        })
        .collect();
    record(guard, &run, &notes).await
}
