//! `schema snapshot`: the committed schema, made anew by replay.

use serde_json::json;

use super::scratch_connector;
use crate::cli::context::Context;
use crate::cli::watch::reporter;
use crate::cli::{Done, Exit, Format, Global};
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::engine::{self, Failure, FailureKind};
use crate::lock::merge;
use crate::report::human;

pub(super) async fn run(global: &Global, context: &Context, dialect: Option<&str>) -> Result<Done, Failure> {
    let project = context.project()?;
    let usage = |fault| Failure::new(FailureKind::Usage, fault);
    let dialects = match dialect {
        None => context.dialects()?,
        Some(name) => {
            let unknown = || {
                usage(
                    Diagnostic::new(format!("`{name}` is no dialect"))
                        .help("they are mariadb, mysql, postgres, sqlite"),
                )
            };
            vec![Dialect::from_alias(name).ok_or_else(unknown)?]
        }
    };
    if dialects.is_empty() {
        context.needed_url()?;
    }
    let merged = merge(project.document.lock(), &project.catalogue, None).map_err(usage)?;
    let misfits: Vec<Diagnostic> = merged.misfits().map(|finding| finding.diagnostic.clone()).collect();
    if !misfits.is_empty() {
        let mut all = misfits;
        all.push(
            Diagnostic::new("the lock is not up to date, so its snapshot would not be either")
                .help("run `db-migrations lock` first"),
        );
        return Err(Failure::all(FailureKind::Refused, all));
    }
    let mut written = Vec::new();
    for dialect in dialects {
        let connect = scratch_connector(context, dialect)?;
        let changed = engine::write_snapshot(&project, &merged, &*connect, &mut *reporter(global))
            .await
            .map_err(|fault| Failure::new(FailureKind::Findings, fault))?;
        if global.format == Format::Human {
            match &changed {
                Some(name) => human::line(&format!("wrote {name}")),
                None => human::line(&format!("{} is up to date", project.snapshot_name(dialect))),
            }
        }
        written.extend(changed);
    }
    Ok(Done::new(
        Exit::Done,
        if written.is_empty() { "up-to-date" } else { "written" },
        json!({ "written": written }),
    ))
}
