//! `--write-sql`: where the text of a run goes, and what is said of it.

use std::path::Path;

use serde_json::json;

use super::watch::reporter;
use super::{Done, Exit, Format, Global};
use crate::diagnostic::Diagnostic;
use crate::engine::{self, Failure, FailureKind, Project, Request};
use crate::lockfile;
use crate::report::{count, human, json as document};

/// A file that is not a text of ours is not written over.
fn ours(file: &Path) -> Result<(), Failure> {
    let usage = |fault| Failure::new(FailureKind::Usage, fault);
    match lockfile::read(file).map_err(usage)? {
        Some(text) if !text.is_empty() && !text.starts_with(engine::WRITTEN_BY) => Err(usage(
            Diagnostic::new(format!("`{}` is there, and was not written by `--write-sql`", file.display()))
                .help("name another file"),
        )),
        _ => Ok(()),
    }
}

/// Standard output.
const STDOUT: &str = "-";

pub(super) async fn run(
    global: &Global,
    project: &Project,
    request: &Request<'_>,
    file: &Path,
) -> Result<Done, Failure> {
    let written = engine::write_sql(project, request, &mut *reporter(global)).await?;
    let human = global.format == Format::Human;
    let Some(written) = written else {
        if human {
            human::note("nothing to do: no SQL was written");
        }
        return Ok(Done::new(Exit::Done, "nothing-to-do", json!({})));
    };
    let mut rest = document::prepared(&written.prepared);
    if file == Path::new(STDOUT) {
        if human {
            human::raw_whole(&written.text).map_err(|error| {
                let fault = Diagnostic::new("the SQL could not be written whole").cause(error);
                Failure::new(FailureKind::Usage, fault.help("name a file: `--write-sql=FILE`"))
            })?;
        }
        rest["sql"] = written.text.into();
    } else {
        ours(file)?;
        lockfile::write(file, &written.text).map_err(|fault| Failure::new(FailureKind::Usage, fault))?;
        if human {
            let what = count(written.prepared.plan.len(), "migration", "migrations");
            human::line(&format!("wrote {} ({what}); nothing was executed", file.display()));
        }
        rest["file"] = file.display().to_string().into();
    }
    if written.lock_grows && human {
        human::note(&format!(
            "note: `{}` lacks what this runs: run `db-migrations lock` and commit it",
            project.config.lock
        ));
    }
    Ok(Done::new(Exit::Done, "written", rest))
}
