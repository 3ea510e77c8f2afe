//! `mirror:` of a module: its rows are also in the table of the tool that the module was written for, so that a
//! crate which calls its own migrator at start finds its work done.
//!
//! What has run and is not there is written in the run's last transaction; that of an earlier run that was cut
//! off, too. What a run undoes goes there as well, and so does that for which a base stands now. Rows of the tool's own are never touched.

use std::collections::{HashMap, HashSet};

use crate::adopt::{self, Ran, Tool};
use crate::database::{DatabaseError, ForeignTable, Guard, MirrorRow, MirrorTable, Note, Read, Session};
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::history::{History, Row};
use crate::id::MigrationId;
use crate::lock::Entry;
use crate::migration::Migration;
use crate::module::{Module, Origin};
use crate::plan::Plan;
use crate::sql::Way;

use super::failure::{Failure, Kind};
use super::import::no_table;
use super::project::Project;

/// A module with its mirror.
pub(super) struct Mirrored<'a> {
    module: &'a Module,
    pub(super) tool: Tool,
    /// The table.
    pub(super) name: &'a str,
}

/// Rows that a table lacks.
pub(super) struct Lacking {
    table: MirrorTable,
    rows: Vec<MirrorRow>,
}

pub(super) fn mirrored(project: &Project) -> Vec<Mirrored<'_>> {
    let with = project.catalogue.modules().iter().filter_map(|module| {
        let is_application = module.origin == Origin::Application;
        let mirror = project.config.mirror_of(&module.namespace, is_application)?;
        let name = mirror.table.as_deref().unwrap_or(mirror.tool.table());
        Some(Mirrored { module, tool: mirror.tool, name })
    });
    with.collect()
}

/// The tools whose own runs must be kept out.
pub(super) fn tools(project: &Project) -> Vec<Tool> {
    mirrored(project).iter().map(|one| one.tool).collect()
}

/// What does not fit between our history and the tables.
#[derive(Default)]
pub(super) struct Behind {
    /// What has run and is not there.
    pub(super) lacking: Vec<Lacking>,
    /// What is there with another text.
    pub(super) wrong: Vec<Diagnostic>,
}

/// Compares our history with the tables.
pub(super) async fn behind(
    project: &Project,
    history: &History,
    plan: &Plan,
    read: &mut (dyn Read + '_),
) -> Result<Behind, Failure> {
    let mut all = Behind::default();
    let dialect = read.server().dialect;
    for Mirrored { module, tool, name } in mirrored(project) {
        let ran = ran(tool, name, read).await?;
        let there: HashSet<String> = adopt::versions(tool, &ran).into_iter().collect();
        let wide = tool == Tool::Refinery && adopt::is_wide(&module.migrations, dialect, &ran);
        let absent = module.migrations.iter().filter(|m| !there.contains(&m.version.canonical()));
        let row = |migration: &Migration| {
            let row = row_of(project, history, &migration.id)?;
            let spelled = adopt::spell(tool, migration, dialect, wide)?;
            Some(mirror_row(spelled, row))
        };
        let rows: Vec<MirrorRow> = absent.filter_map(row).collect();
        // its row is written anew when it is recorded
        let to_come = |m: &&Migration| !plan.recorded.iter().any(|base| base.id == m.id);
        let there = module.migrations.iter().filter(to_come);
        all.wrong.extend(wrong(tool, name, there, dialect, &ran));
        if !rows.is_empty() {
            all.lacking.push(Lacking { table: MirrorTable { tool, name: name.to_owned(), wide }, rows });
        }
    }
    Ok(all)
}

/// Rows of another text than ours: the tool itself would stop at them. They are a person's to mend.
fn wrong<'a>(
    tool: Tool,
    table: &str,
    migrations: impl Iterator<Item = &'a Migration>,
    dialect: Dialect,
    ran: &[Ran],
) -> Vec<Diagnostic> {
    let rows: HashMap<String, &Ran> = adopt::versions(tool, ran).into_iter().zip(ran).collect();
    let differs =
        |migration: &Migration| {
            let row = rows.get(&migration.version.canonical())?;
            let script = migration.up.choose(dialect)?;
            let proved =
                |text: &str| row.proof.spelling(text, row.name.as_deref().unwrap_or_default(), &row.version);
            if proved(script.original()).or_else(|| proved(&script.text)).is_some() {
                return None;
            }
            let message = format!(
                "`{table}` has another text of `{}`: {}'s own migrator will stop at it",
                migration.id,
                tool.name()
            );
            Some(Diagnostic::new(message).help(
                "if the present text is the right one, delete that row: the next `migrate` writes it anew",
            ))
        };
    migrations.filter_map(differs).collect()
}

fn mirror_row(spelled: adopt::Spelled, row: &Row) -> MirrorRow {
    MirrorRow {
        version: spelled.version,
        name: spelled.name,
        at: row.executed_at.clone(),
        checksum: spelled.checksum,
        nanoseconds: row.execution_ms.map_or(-1, |ms| ms.saturating_mul(1_000_000)),
    }
}

/// Its row, under its id or under an older one.
fn row_of<'a>(project: &Project, history: &'a History, id: &MigrationId) -> Option<&'a Row> {
    let entry = project.document.lock().entries.get(id);
    history.get_under(id, entry.into_iter().flat_map(Entry::former_names))
}

/// What a tool's table says; nothing where it is absent.
async fn ran(tool: Tool, table: &str, read: &mut (dyn Read + '_)) -> Result<Vec<Ran>, Failure> {
    if !read.has_table(None, table).await? {
        return Ok(Vec::new());
    }
    let foreign = ForeignTable { schema: None, table, columns: tool.columns(), order: tool.order() };
    let rows = read.foreign_rows(foreign).await.map_err(|error| no_table(tool, table, &error))?;
    adopt::read(tool, &rows).map_err(|faults| Failure::all(Kind::Refused, faults))
}

/// Makes the tables that no transaction can take back.
pub(super) async fn make_tables(project: &Project, guard: &mut dyn Guard) -> Result<(), DatabaseError> {
    let dialect = guard.server().dialect;
    for Mirrored { module, tool, name } in mirrored(project) {
        let wide = tool == Tool::Refinery && adopt::is_wide(&module.migrations, dialect, &[]);
        guard.make_mirror(&MirrorTable { tool, name: name.to_owned(), wide }).await?;
    }
    Ok(())
}

/// Brings the tables to what has run, in an open transaction.
pub(super) async fn sync(project: &Project, plan: &Plan, session: &mut dyn Session) -> Result<(), Failure> {
    if mirrored(project).is_empty() {
        return Ok(());
    }
    let history = session.history().await?;
    let dialect = session.server().dialect;
    for Mirrored { module, tool, name } in mirrored(project) {
        let undone: HashSet<&MigrationId> =
            plan.steps().filter(|step| step.way == Way::Down).map(|step| &step.id).collect();
        let gone = module.migrations.iter().filter(|m| undone.contains(&m.id) && !history.contains(&m.id));
        let mut versions: Vec<String> = gone
            .filter_map(|migration| Some(adopt::spell(tool, migration, dialect, false)?.version))
            .collect();
        let formers = plan.recorded.iter().flat_map(|base| &base.formers);
        let formers = formers.filter(|id| id.namespace() == module.namespace.as_str());
        versions.extend(formers.filter_map(|id| adopt::spell_version(tool, id)));
        if !versions.is_empty() {
            let table = MirrorTable { tool, name: name.to_owned(), wide: false };
            session.write(Note::Unmirrored(&table, &versions)).await?;
        }
    }
    // in a borrow of its own: what is read here is what was just written
    for Lacking { table, rows } in behind(project, &history, &Plan::default(), session).await?.lacking {
        session.write(Note::Mirrored(&table, &rows)).await?;
    }
    Ok(())
}
