//! Taking over a database that sqlx has migrated.
//!
//! Its rows are matched with the module's migrations by version and proved by checksum (SHA-384 over
//! the raw file: line ends and a byte order mark of another checkout are recognised). They are
//! recorded as `imported` with their own dates; nothing runs, and sqlx's table stays as it is.

use sha2::{Digest, Sha384};

use crate::database::{Begin, CommitError, ForeignRow, NewRow, NewRun, Note};
use crate::diagnostic::Diagnostic;
use crate::event::{Event, Sink};
use crate::history::{History, RowKind};
use crate::id::{Checksum, MigrationId, Version};
use crate::lockfile;
use crate::module::Module;

use super::failure::{Failure, Kind, describe};
use super::migrate::Request;
use super::prepare::merged;
use super::project::Project;
use super::waiting::wait_for_guard;

/// What was taken over.
#[derive(Clone, Debug)]
pub struct Import {
    /// Newly recorded, in the order in which they ran.
    pub recorded: Vec<MigrationId>,
    /// Recorded before.
    pub known: usize,
    /// Files whose checksum fitted only with other line ends: id and which.
    pub respelled: Vec<(MigrationId, &'static str)>,
    /// Whether the lock was written.
    pub lock_written: bool,
}

/// Imports the history of one module from an sqlx table.
pub async fn import_sqlx(
    project: &mut Project,
    request: &Request<'_>,
    namespace: &str,
    schema: Option<&str>,
    table: &str,
    sink: &mut dyn Sink,
) -> Result<Import, Failure> {
    let module =
        project.catalogue.module(namespace).cloned().ok_or_else(|| unknown_module(project, namespace))?;
    let database = request.connect.connect().await?;
    sink.tell(Event::Connected(database.server().clone()));
    let mut guard = wait_for_guard(database, request.guard_wait, sink).await?;
    let history = guard.history().await?;
    let rows = guard.sqlx_rows(schema, table).await.map_err(|error| no_table(table, &error))?;
    let dialect = request.connect.dialect();
    let matched = match_rows(&module, dialect, &rows, table)?;
    let import = new_rows(matched, &history);
    if import.rows.is_empty() {
        guard.free().await?.close().await;
        return Ok(Import {
            recorded: Vec::new(),
            known: import.known,
            respelled: import.respelled,
            lock_written: false,
        });
    }
    let run = NewRun {
        id: crate::run_id::random(),
        lock_digest: Checksum::of(project.document.text().as_bytes()),
        tool_version: env!("CARGO_PKG_VERSION"),
        user: request.user.clone(),
        reason: Some(format!("import of `{namespace}` from sqlx's `{table}`")),
    };
    let mut session = guard.begin(Begin::default()).await?;
    session.write(Note::Run(&run)).await?;
    session.write(Note::Rows(&run, &import.rows)).await?;
    session.write(Note::Verdict(&run, "not checked: import")).await?;
    let guard = match session.commit().await {
        Ok((_, guard)) => guard,
        Err(CommitError::RolledBack(error)) => return Err(Failure::new(Kind::RolledBack, describe(&error))),
        Err(CommitError::Unknown(error)) => {
            return Err(Failure::new(
                Kind::Unknown,
                describe(&error).help("run the import again: what is recorded already is left alone"),
            ));
        }
    };
    let lock_written = write_lock(project, &history, &import.rows)?;
    if let Ok(database) = guard.free().await {
        database.close().await;
    }
    let recorded = import.rows.into_iter().map(|row| row.id).collect();
    Ok(Import { recorded, known: import.known, respelled: import.respelled, lock_written })
}

/// The fault of naming a module that is not there.
pub fn unknown_module(project: &Project, namespace: &str) -> Failure {
    let known: Vec<&str> =
        project.catalogue.modules().iter().map(|module| module.namespace.as_str()).collect();
    let mut diagnostic = Diagnostic::new(format!("there is no module `{namespace}`"));
    if let Some(near) = crate::diagnostic::nearest(namespace, known.iter().copied()) {
        diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
    }
    Failure::new(Kind::Usage, diagnostic.help(format!("the modules are {}", known.join(", "))))
}

fn no_table(table: &str, error: &crate::database::DatabaseError) -> Failure {
    Failure::new(
        Kind::Refused,
        Diagnostic::new(format!("`{table}` cannot be read as an sqlx history"))
            .cause(error)
            .help("name it with `--table`, and its schema with `--schema`"),
    )
}

struct Matched {
    row: NewRow,
    spelling: Spelling,
}

/// Finds each row's migration and proves its text; all faults at once.
fn match_rows(
    module: &Module,
    dialect: crate::dialect::Dialect,
    rows: &[ForeignRow],
    table: &str,
) -> Result<Vec<Matched>, Failure> {
    let mut faults = Vec::new();
    let mut matched = Vec::new();
    for row in rows {
        let found = Version::number(&row.version).and_then(|version| {
            module.migrations.iter().find(|m| m.version.canonical() == version.canonical())
        });
        let named = format!("version {} (`{}`) of `{table}`", row.version, row.description);
        let Some((migration, script)) = found.and_then(|m| Some((m, m.up.choose(dialect)?))) else {
            faults.push(
                Diagnostic::new(format!("{named} has no migration in module `{}`", module.namespace))
                    .help("enable the version of the crate that ran here, or name another module"),
            );
            continue;
        };
        if !row.success {
            faults.push(
                Diagnostic::new(format!("{named} did not end well: sqlx calls it dirty"))
                    .help("mend the database and sqlx's row first"),
            );
            continue;
        }
        match spelling(&script.text, &row.checksum) {
            Some(spelling) => matched.push(Matched {
                row: NewRow {
                    id: migration.id.clone(),
                    checksum: script.hash,
                    kind: RowKind::Imported,
                    position: 0,
                    executed_at: Some(row.installed_on.clone()),
                    execution_ms: row.execution_ms,
                },
                spelling,
            }),
            None => faults.push(
                Diagnostic::new(format!("{named} ran with another text than `{}` has now", script.path))
                    .note("its SHA-384 fits neither with LF nor with CRLF line ends")
                    .help("bring back the text that ran, or the version of the crate that had it"),
            ),
        }
    }
    if faults.is_empty() { Ok(matched) } else { Err(Failure::all(Kind::Refused, faults)) }
}

/// How the file was spelt when it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spelling {
    /// As we have it.
    Same,
    /// With these differences, which mean nothing.
    Other(&'static str),
}

/// Which spelling of a normalised text has this SHA-384.
fn spelling(text: &str, checksum: &[u8]) -> Option<Spelling> {
    let crlf = text.replace('\n', "\r\n");
    let spellings = [
        (Spelling::Same, text.to_owned()),
        (Spelling::Other("CRLF line ends"), crlf.clone()),
        (Spelling::Other("a byte order mark"), format!("\u{feff}{text}")),
        (Spelling::Other("CRLF line ends and a byte order mark"), format!("\u{feff}{crlf}")),
    ];
    spellings
        .into_iter()
        .find(|(_, text)| Sha384::digest(text.as_bytes())[..] == *checksum)
        .map(|(spelling, _)| spelling)
}

struct NewRows {
    rows: Vec<NewRow>,
    known: usize,
    respelled: Vec<(MigrationId, &'static str)>,
}

fn new_rows(matched: Vec<Matched>, history: &History) -> NewRows {
    let mut result = NewRows { rows: Vec::new(), known: 0, respelled: Vec::new() };
    let mut fresh: Vec<Matched> = Vec::new();
    for matched in matched {
        if history.contains(&matched.row.id) { result.known += 1 } else { fresh.push(matched) }
    }
    fresh.sort_by(|a, b| a.row.executed_at.cmp(&b.row.executed_at)); // stable: equal times stay in version order
    for (matched, position) in fresh.into_iter().zip(history.next_position()..) {
        if let Spelling::Other(which) = matched.spelling {
            result.respelled.push((matched.row.id.clone(), which));
        }
        result.rows.push(NewRow { position, ..matched.row });
    }
    result
}

/// What has run belongs into the lock.
fn write_lock(project: &mut Project, before: &History, rows: &[NewRow]) -> Result<bool, Failure> {
    let as_row = |row: &NewRow| crate::history::Row {
        id: row.id.clone(),
        checksum: Some(row.checksum),
        dialect: None,
        kind: row.kind,
        run: String::new(),
        position: row.position,
        executed_at: String::new(),
        execution_ms: None,
    };
    let history = History::new(before.rows().iter().cloned().chain(rows.iter().map(as_row)).collect());
    let imported_missing = rows.iter().any(|row| !project.document.lock().entries.contains_key(&row.id));
    if !imported_missing {
        return Ok(false);
    }
    let (_, text) = merged(project, Some(&history))?;
    let written = lockfile::write(&project.lock_path(), &text).map_err(|fault| {
        Failure::new(
            Kind::Stayed,
            fault.note("the rows are imported").help("run `db-migrations migrate` to write the lock"),
        )
    })?;
    project.read_lock()?;
    Ok(written == lockfile::Written::Changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlx_checksums_are_known_in_every_spelling() {
        let text = "CREATE TABLE t (\n  id INT\n);\n";
        let sum = |text: &str| Sha384::digest(text.as_bytes()).to_vec();
        assert_eq!(sum(text)[..4], [0xab, 0xb9, 0x2d, 0xaf]);
        assert_eq!(spelling(text, &sum(text)), Some(Spelling::Same));
        assert_eq!(
            spelling(text, &sum(&text.replace('\n', "\r\n"))),
            Some(Spelling::Other("CRLF line ends"))
        );
        assert_eq!(spelling(text, &sum("x")), None);
    }
}
