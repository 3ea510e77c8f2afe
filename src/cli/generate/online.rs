//! `generate rename-column` and its kin: all migrations of a change that old and new code live through.

mod files;

use clap::Subcommand;
use serde_json::json;

use super::super::context::Context;
use super::super::diff::{From, dialect};
use super::super::run::looking;
use super::super::schema::scratch_connector;
use super::super::watch::reporter;
use super::super::{Done, Exit, Format, Global};
use super::choose;
use crate::database::Connect;
use crate::diagnostic::Diagnostic;
use crate::diff::Style;
use crate::drift::Filter;
use crate::engine::diff::{Base, Proof, Request, prove};
use crate::engine::online::{Planned, plan};
use crate::engine::{Failure, FailureKind, Project};
use crate::event::Sink;
use crate::generate::online::Wanted;
use crate::lock::merge;
use crate::module::Module;
use crate::report::human;
use files::Files;

/// A change.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Rename a column while old and new code run
    RenameColumn {
        /// The column: `users.image`
        #[arg(value_name = "TABLE.COLUMN")]
        column: String,
        /// Its new name
        #[arg(value_name = "NEW")]
        to: String,
        #[command(flatten)]
        options: Options,
    },
    /// Rename a table while old and new code run
    RenameTable {
        /// The table
        #[arg(value_name = "OLD")]
        old: String,
        /// Its new name
        #[arg(value_name = "NEW")]
        to: String,
        #[command(flatten)]
        options: Options,
    },
    /// Let a column be followed by one of another type and name while old and new code run
    ChangeType {
        /// The column: `orders.total`
        #[arg(value_name = "TABLE.COLUMN")]
        column: String,
        /// The new type, as the database calls it
        #[arg(value_name = "TYPE")]
        kind: String,
        /// The name of the column that follows, which stays
        #[arg(long = "as", value_name = "NEW")]
        to: String,
        /// What makes a new value, of the columns of the row [default: a cast]
        #[arg(long, value_name = "EXPR")]
        using: Option<String>,
        /// What makes an old value of a new one, for the old code [default: a cast]
        #[arg(long, value_name = "EXPR")]
        back: Option<String>,
        #[command(flatten)]
        options: Options,
    },
    /// Make a column NOT NULL while old and new code run
    SetNotNull {
        /// The column: `users.email`
        #[arg(value_name = "TABLE.COLUMN")]
        column: String,
        /// What a row gets that has no value, now and from old code; it does not become the column's default
        #[arg(long = "default", value_name = "EXPR")]
        fill: Option<String>,
        #[command(flatten)]
        options: Options,
    },
}

/// What each of them takes.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The module that gets the migrations [default: the one that made the table]
    #[arg(long, value_name = "NAMESPACE")]
    module: Option<String>,
    /// Where the table is looked at: what the lock makes, or what is in the database
    #[arg(long, value_enum, default_value_t = From::Lock)]
    from: From,
    /// Do not try it on a scratch database
    #[arg(long)]
    no_verify: bool,
    /// Print it, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// For this database [default: the URL's, else the only one of `dialects`]
    #[arg(long, value_name = "DIALECT")]
    dialect: Option<String>,
}

impl Command {
    fn options(&self) -> &Options {
        match self {
            Self::RenameColumn { options, .. }
            | Self::RenameTable { options, .. }
            | Self::ChangeType { options, .. }
            | Self::SetNotNull { options, .. } => options,
        }
    }

    fn wanted(&self) -> Wanted {
        match self {
            Self::RenameColumn { column, to, .. } => {
                Wanted::RenameColumn { column: column.clone(), to: to.clone() }
            }
            Self::RenameTable { old, to, .. } => Wanted::RenameTable { from: old.clone(), to: to.clone() },
            Self::ChangeType { column, kind, to, using, back, .. } => Wanted::ChangeType {
                column: column.clone(),
                kind: kind.clone(),
                to: to.clone(),
                using: using.clone(),
                back: back.clone(),
            },
            Self::SetNotNull { column, fill, .. } => {
                Wanted::SetNotNull { column: column.clone(), fill: fill.clone() }
            }
        }
    }
}

pub(super) async fn run(global: &Global, command: &Command) -> Result<Done, Failure> {
    let options = command.options();
    let context = Context::read(global)?;
    let project = context.project()?;
    // a name that is wrong is said before anything is replayed
    if let Some(wanted) = &options.module {
        choose(global, &project, Some(wanted))?;
    }
    let merged = merge(project.document.lock(), &project.catalogue, None);
    let merged = merged.map_err(|fault| Failure::new(FailureKind::Usage, fault))?;
    let scratch = scratch_connector(&context, dialect(&context, options.dialect.as_deref())?)?;
    let live = (options.from == From::Live).then(|| looking(&context)).transpose()?;
    let any = project.catalogue.modules().first();
    let any = any.ok_or_else(|| Failure::new(FailureKind::Usage, Diagnostic::new("there is no module")))?;
    let request = request(any, &*scratch, live.as_deref());
    let mut sink = reporter(global);
    let wanted = command.wanted();
    let at = context.url().is_some().then(|| looking(&context)).transpose()?;
    let planned = plan(&project, &merged, &wanted, &request, at.as_deref(), &mut *sink).await?;
    let module = module(global, &project, options, &planned)?;
    let files = files::name(&project, module, &wanted.slug(), &planned)?;
    let proof = tried(options, &planned, &files, &request, &mut *sink).await?;
    let written = if options.dry_run { Vec::new() } else { files.write(&context.root)? };
    Ok(say(global, module, &planned, &files, &written, proof.as_ref()))
}

fn request<'a>(module: &Module, scratch: &'a dyn Connect, live: Option<&'a dyn Connect>) -> Request<'a> {
    Request {
        base: live.map_or(Base::Lock, Base::Live),
        scratch,
        module: module.namespace.clone(),
        only_own: false,
        filter: Filter::default(),
        allow_drop: false,
        style: Style::default(),
    }
}

/// Whoever made the table gets the migrations, unless somebody else is named.
fn module<'a>(
    global: &Global,
    project: &'a Project,
    options: &Options,
    planned: &Planned,
) -> Result<&'a Module, Failure> {
    let owner = planned.owner.as_ref().map(crate::id::Namespace::as_str);
    choose(global, project, options.module.as_deref().or(owner))
}

async fn tried(
    options: &Options,
    planned: &Planned,
    files: &Files,
    request: &Request<'_>,
    sink: &mut dyn Sink,
) -> Result<Option<Proof>, Failure> {
    if options.no_verify {
        return Ok(None);
    }
    let proved = prove(&planned.sides, &planned.way, &files.to_prove(), request, sink).await;
    proved.map(Some).map_err(|failure| of_triggers(failure, planned))
}

/// Names what may have written into rows while they were copied.
fn of_triggers(mut failure: Failure, planned: &Planned) -> Failure {
    let triggers = planned.triggers();
    if let Some(fault) =
        failure.diagnostics.iter_mut().find(|fault| fault.message.contains("are not the same"))
        && !triggers.is_empty()
    {
        let names: Vec<String> = triggers.iter().map(|name| format!("`{name}`")).collect();
        fault.notes.push(format!("{} fires for the copying, too", names.join(", ")));
        fault.help.push(
            "if that is all, `--no-verify` writes it; else drop the trigger in a migration before, and make it again behind"
                .to_owned(),
        );
    }
    failure
}

fn say(
    global: &Global,
    module: &Module,
    planned: &Planned,
    files: &Files,
    written: &[String],
    proof: Option<&Proof>,
) -> Done {
    if global.format == Format::Human {
        for file in files.all().iter().filter(|_| written.is_empty()) {
            human::line(&format!("-- {}", file.path));
            human::raw(&file.text);
            human::line("");
        }
        for path in written {
            human::line(&format!("wrote {path}"));
        }
        for limit in &planned.steps.limits {
            human::note(&format!("note: {limit}"));
        }
        if let Some(proof) = proof {
            human::line(&proof.title());
        }
        if files.without_down {
            human::note(&format!(
                "note: {} has no down scripts: what was tried for the way down is not written. A rollback is by hand",
                module.format
            ));
        }
        if !written.is_empty() {
            let split = if planned.steps.is_split() { " --allow-split" } else { "" };
            human::note(&format!(
                "next: read the page in the first file, then `db-migrations lock` and `db-migrations migrate --phase expand{split}`"
            ));
        }
    }
    let steps = planned.steps.steps.iter().zip(&files.ids);
    let steps = steps.map(|(step, id)| json!({ "id": id.as_str(), "phase": phase(step.phase), "catch_up": step.catch_up, "title": step.title }));
    let all = files.all();
    let document = json!({
        "module": module.namespace.as_str(),
        "steps": steps.collect::<Vec<_>>(),
        "limits": planned.steps.limits,
        "written": written,
        "files": all.iter().map(|file| json!({ "path": file.path, "text": file.text })).collect::<Vec<_>>(),
        "proof": proof.map(|proof| json!({ "rows": proof.rows, "tables": proof.tables })),
    });
    Done::new(Exit::Done, if written.is_empty() { "printed" } else { "written" }, document)
}

const fn phase(phase: crate::migration::Phase) -> &'static str {
    match phase {
        crate::migration::Phase::Expand => "expand",
        crate::migration::Phase::Contract => "contract",
    }
}
