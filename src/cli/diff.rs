//! `diff`: a migration that makes what is declared, and the proof that it does.

mod ask;
mod files;
mod say;

pub(super) use files::{counted, first_stamp};

use super::context::Context;
use super::generate::{choose, file_slug};
use super::import::application;
use super::run::looking;
use super::schema::{given, matches_nothing, scratch_connector};
use super::watch::reporter;
use super::{Done, Global};
use crate::backend;
use crate::database::Connect;
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::diff::Style;
use crate::drift::Filter;
use crate::engine::diff::{self, Base, Proof, Request, Sides, Way};
use crate::engine::{Failure, FailureKind, Project};
use crate::event::Sink;
use crate::lock::{Merged, merge};
use crate::module::Module;
use crate::report::human::{self, Weight};

use secrecy::ExposeSecret;

/// Write the migration that makes the declared schema
///
/// Compares what the lock makes with what is declared (`schema.sql`, or what `schema:` says), and writes a migration
/// with what undoes it. It is tried on a scratch database with rows in it first: up, down, up. What would lose data
/// stands in it as a comment. No database is touched.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct Args {
    /// What it is called
    #[arg(default_value = "changes")]
    name: String,
    /// The module that gets it, and whose objects alone change [default: the application, and all]
    #[arg(long, value_name = "NAMESPACE")]
    module: Option<String>,
    /// What the change begins at: what the lock makes, or what is in the database
    #[arg(long, value_enum, default_value_t = From::Lock)]
    from: From,
    /// It begins at an empty database
    #[arg(long, conflicts_with = "from")]
    from_empty_schema: bool,
    /// This got a new name: `users=accounts`, `users.image=users.poster`
    #[arg(long, value_name = "OLD=NEW")]
    rename: Vec<String>,
    /// This did not: it is dropped, and another one is added
    #[arg(long, value_name = "OLD")]
    no_rename: Vec<String>,
    /// Drop what is not declared, with all that is in it
    #[arg(long)]
    allow_drop: bool,
    /// Only what matches changes: a pattern over `kind name`; with `!`, what does not
    #[arg(long, value_name = "PATTERN")]
    filter: Vec<String>,
    /// Only what is in this schema changes (PostgreSQL)
    #[arg(long, value_name = "NAME")]
    schema: Vec<String>,
    /// Write an empty migration where nothing is to be done
    #[arg(long)]
    allow_empty_diff: bool,
    /// Let others read and write meanwhile, as far as PostgreSQL can: in several migrations
    #[arg(long)]
    online: bool,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum From {
    /// What the lock makes of an empty database
    Lock,
    /// What is in the database
    Live,
}

fn usage(fault: Diagnostic) -> Failure {
    Failure::new(FailureKind::Usage, fault)
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Done, Failure> {
    let context = Context::read(global)?;
    let project = context.project()?;
    let slug = file_slug(&args.name)?;
    let wanted = args.module.clone().map_or_else(|| application(&project), Ok)?;
    let module = choose(global, &project, Some(&wanted))?;
    let merged = merge(project.document.lock(), &project.catalogue, None).map_err(usage)?;
    let dialect = dialect(&context, args.dialect.as_deref())?;
    let filter = filter(&context, args, dialect)?;
    let scratch = scratch_connector(&context, dialect)?;
    let live = (args.from == From::Live).then(|| looking(&context)).transpose()?;
    let request = request(args, module, &*scratch, live.as_deref(), filter);
    let mut sink = reporter(global);
    let given = given(&context, &args.filter, &args.schema);
    let found = find(global, args, &project, &merged, &request, &mut *sink).await?;
    if !given.is_empty() && found.sides.is_idle {
        human::print(&matches_nothing(&given), Weight::Warning);
    }
    if found.way.is_empty() && !args.allow_empty_diff {
        return Ok(say::nothing(global, module, &found.sides));
    }
    let files = files::name(&project, module, &slug, &found.way, dialect)?;
    if let Some(id) = files::stands_there(module, &found.way, dialect) {
        return Ok(say::stands_there(global, module, &found, id));
    }
    let proof = prove(args, &found, &files, &request, &mut *sink).await?;
    let written = if args.dry_run { Vec::new() } else { files.write(&context.root)? };
    say::warn(global, &found);
    if args.dry_run {
        say::print(global, &files);
    }
    Ok(say::done(global, module, &found, &files, &written, proof.as_ref()))
}

/// What was found out before anything is named or tried.
struct Found {
    sides: Sides,
    way: Way,
}

async fn find(
    global: &Global,
    args: &Args,
    project: &Project,
    merged: &Merged,
    request: &Request<'_>,
    sink: &mut dyn Sink,
) -> Result<Found, Failure> {
    let sides = diff::sides(project, merged, request, sink).await?;
    let mut renames = diff::renames(&sides, &args.rename, &args.no_rename)?;
    ask::ask(global, &mut renames)?;
    if let Some(refusal) = renames.refusal() {
        return Err(refusal);
    }
    let way = diff::way(&sides, renames.sure, request).await?;
    Ok(Found { sides, way })
}

async fn prove(
    args: &Args,
    found: &Found,
    files: &files::Files,
    request: &Request<'_>,
    sink: &mut dyn Sink,
) -> Result<Option<Proof>, Failure> {
    if args.no_verify || found.way.is_empty() {
        return Ok(None);
    }
    diff::prove(&found.sides, &found.way, &files.to_prove(), request, sink).await.map(Some)
}

fn request<'a>(
    args: &Args,
    module: &Module,
    scratch: &'a dyn Connect,
    live: Option<&'a dyn Connect>,
    filter: Filter,
) -> Request<'a> {
    Request {
        base: match live {
            _ if args.from_empty_schema => Base::Empty,
            Some(connect) => Base::Live(connect),
            None => Base::Lock,
        },
        scratch,
        module: module.namespace.clone(),
        only_own: args.module.is_some(),
        filter,
        allow_drop: args.allow_drop,
        style: Style { online: args.online },
    }
}

/// What may change: what the check looks at, and what the patterns say.
fn filter(context: &Context, args: &Args, dialect: Dialect) -> Result<Filter, Failure> {
    if !args.schema.is_empty() && dialect != Dialect::Postgres {
        let fault =
            format!("`--schema` means nothing on {}: a database has one schema", dialect.facts().title);
        return Err(usage(Diagnostic::new(fault).help("`--filter` chooses objects by their names")));
    }
    let check = &context.config.schema_check;
    let ignored: Vec<String> = check.ignore.iter().map(|pattern| format!("!{pattern}")).collect();
    let wrong = |text: &str| {
        let fault = Diagnostic::new(format!("`{text}` is no pattern"));
        usage(fault.help("such as `table public.*` or `!view *`"))
    };
    let filter = Filter::default().and(&ignored).map_err(wrong)?;
    let filter = filter.and(&check.filter).map_err(wrong)?.and(&args.filter).map_err(wrong)?;
    Ok(filter.in_schemas(&args.schema))
}

/// The database that the migration is for.
pub(super) fn dialect(context: &Context, given: Option<&str>) -> Result<Dialect, Failure> {
    if let Some(name) = given {
        return Dialect::from_alias(name).ok_or_else(|| {
            let fault = Diagnostic::new(format!("`{name}` is no dialect"));
            usage(fault.help("they are mariadb, mysql, postgres, sqlite"))
        });
    }
    if let ([only], None) = (&context.config.dialects[..], context.url()) {
        return Ok(*only);
    }
    let url = context.needed_url()?;
    backend::dialect_of(url.expose_secret(), &context.config.dialects).map_err(usage)
}
