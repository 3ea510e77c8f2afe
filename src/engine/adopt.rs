//! `adopt:` of the configuration: other tools' histories, taken over by the first run of each database.
//!
//! While our history is empty, the rows of the tools that the configuration names count as ours, in the order in
//! which they ran; the run's first transaction writes them down. A database without those tables is a fresh one.

use crate::adopt::{Imported, Tool};
use crate::config::Adopt;
use crate::database::{NewRow, Read, Stranger};
use crate::history::{History, Row, RowKind};

use super::failure::Failure;
use super::import::{Source, dates, matched, unknown_module};
use super::mirror::mirrored;
use super::project::Project;

/// Rows of other tools that count as ours.
#[derive(Clone, Debug, Default)]
pub struct Adoption {
    /// What will be written, in the order in which it ran.
    pub rows: Vec<NewRow>,
    /// What is said of it: tool, table, module and how many.
    pub sources: Vec<String>,
}

/// Looks where the configuration says; nothing where our history has rows.
pub(super) async fn adopted(
    project: &Project,
    history: &History,
    read: &mut (dyn Read + '_),
) -> Result<Adoption, Failure> {
    let mut adoption = Adoption::default();
    if !history.is_untouched() {
        return Ok(adoption);
    }
    let mut imported: Vec<(usize, Imported)> = Vec::new();
    for (n, Adopt { tool, module: namespace, table, schema }) in project.config.adopt.iter().enumerate() {
        let module = project.catalogue.module(namespace).ok_or_else(|| unknown_module(project, namespace))?;
        let name = table.as_deref().unwrap_or(tool.table());
        if !read.has_table(schema.as_deref(), name).await? {
            continue;
        }
        let source =
            Source { tool: *tool, module: namespace, table: table.as_deref(), schema: schema.as_deref() };
        let found = matched(source, module, read).await?;
        let rows = crate::diagnostic::count(found.len(), "row", "rows");
        adoption.sources.push(format!("{rows} of {}'s `{name}` for `{namespace}`", tool.name()));
        imported.extend(found.into_iter().map(|one| (n, one)));
    }
    adoption.rows = in_order(&imported);
    Ok(adoption)
}

/// By date; what one tool does not date stays with what follows it there.
fn in_order(imported: &[(usize, Imported)]) -> Vec<NewRow> {
    let as_row = |(n, (source, one)): (usize, &(usize, Imported))| Row {
        id: one.id.clone(),
        checksum: Some(one.checksum),
        dialect: None,
        kind: RowKind::Imported,
        run: source.to_string(),
        position: i64::try_from(n).unwrap_or(i64::MAX),
        executed_at: one.at.clone().unwrap_or_default(),
        execution_ms: one.milliseconds,
    };
    let history = History::new(imported.iter().enumerate().map(as_row).collect());
    let dates = dates(&history);
    let mut order: Vec<usize> = (0..imported.len()).collect();
    order.sort_by_key(|n| dates.get(&imported[*n].1.id)); // stable
    let row = |(n, position): (usize, i64)| {
        let one = &imported[n].1;
        NewRow {
            id: one.id.clone(),
            checksum: one.checksum,
            kind: RowKind::Imported,
            position,
            executed_at: one.at.clone(),
            execution_ms: one.milliseconds,
            formers: Vec::new(),
        }
    };
    order.into_iter().zip(1..).map(row).collect()
}

impl Adoption {
    /// The history as it will be.
    pub(super) fn history(&self) -> History {
        History::new(self.rows.iter().map(NewRow::as_row).collect())
    }
}

/// Tables of other tools of which the configuration does not say that they are taken over or written by us.
pub fn unadopted(project: &Project, strangers: Vec<Stranger>) -> Vec<Stranger> {
    let spoken_of = |stranger: &Stranger| {
        let table = stranger.table.rsplit('.').next().unwrap_or(&stranger.table);
        let names = |tool: Tool, name: &Option<String>| name.as_deref().unwrap_or(tool.table()) == table;
        let adopted = project.config.adopt.iter().any(|adopt| names(adopt.tool, &adopt.table));
        adopted || mirrored(project).iter().any(|mirror| mirror.name == table)
    };
    strangers.into_iter().filter(|stranger| !spoken_of(stranger)).collect()
}
