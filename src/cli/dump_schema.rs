//! `dump-schema`: a first migration of a database that was made without us.

use serde_json::json;

use super::context::Context;
use super::generate::{choose, file_slug, write_new};
use super::run::looking;
use super::watch::reporter;
use super::{Done, Exit, Format, Global};
use crate::diagnostic::Diagnostic;
use crate::engine::{self, Failure, FailureKind};
use crate::generate::{files, filled};
use crate::module::Format as Layout;
use crate::report::{count, human};

/// Write a first migration that makes what is in the database now
///
/// All kinds of objects, foreign keys included, in an order in which they can be made. It is tried on an empty scratch
/// database first, and must make the same schema there. The module must have no migrations yet. No rows are written.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What it is called
    #[arg(default_value = "initial")]
    name: String,
    /// The module that gets it
    #[arg(long, value_name = "NAMESPACE")]
    module: Option<String>,
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Done, Failure> {
    let usage = |fault: Diagnostic| Failure::new(FailureKind::Usage, fault);
    let context = Context::read(global)?;
    let project = context.project()?;
    let slug = file_slug(&args.name)?;
    let module = choose(global, &project, args.module.as_deref())?;
    if let Some(first) = module.migrations.first() {
        return Err(Failure::new(
            FailureKind::Refused,
            Diagnostic::new(format!(
                "`{}` has migrations already, the first is `{}`",
                module.namespace, first.id
            ))
            .help("`db-migrations schema dump` prints the schema"),
        ));
    }
    if module.format == Layout::Goose {
        let fault = Diagnostic::new("a dump cannot be cut into statements as goose wants it");
        return Err(usage(fault.help("`db-migrations schema dump` prints the schema")));
    }
    let source = project.discovery.sources.get(&module.namespace);
    let source =
        source.ok_or_else(|| usage(Diagnostic::new(format!("`{}` has no folder", module.namespace))))?;
    let connect = looking(&context)?;
    let dumped = engine::dump_schema(&*connect, &mut *reporter(global)).await?;
    let stamp = jiff::Timestamp::now().strftime("%Y%m%d%H%M%S").to_string();
    let files = filled(files(module.format, &stamp, None, &slug, &[], false), &dumped.sql);
    let written = write_new(&files, &source.folder, &context.root)?;
    if global.format == Format::Human {
        for path in &written {
            human::line(&format!("wrote {path} ({})", count(dumped.objects, "object", "objects")));
        }
        for object in &dumped.not_covered {
            human::note(&format!("note: not dumped, its kind is not supported: {object}"));
        }
        if let Some(why) = &dumped.unproved {
            human::note(&format!("note: it was not tried on an empty database: {why}"));
        }
        human::note(
            "next: `db-migrations lock`; on this database `db-migrations version --all --add`, since all of it is there",
        );
    }
    Ok(Done::new(
        Exit::Done,
        "written",
        json!({
            "module": module.namespace.as_str(),
            "written": written,
            "objects": dumped.objects,
            "not_covered": dumped.not_covered,
            "unproved": dumped.unproved,
        }),
    ))
}
