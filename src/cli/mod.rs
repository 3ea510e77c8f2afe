//! The command line. One file per command; `context` is the one place that reads the environment
//! and picks a backend, `exit` the one that knows exit codes.
//!
//! Results go to standard output, everything else to standard error.

mod bundle;
mod confirm;
mod context;
mod current;
mod deploy;
mod diff;
mod dump_schema;
mod execute;
mod exit;
mod generate;
mod import;
mod init;
mod lint;
mod list;
mod lock;
mod maintenance;
mod migrate;
mod modules;
mod password;
mod plan;
mod repair;
mod reset;
mod rollback;
mod rollup;
mod run;
mod schema;
mod squash;
mod status;
mod up_to_date;
mod version;
mod wait;
mod watch;
mod write_sql;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use secrecy::SecretString;
use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::engine::{Failure, FailureKind};
use crate::report::{clean, human, json};

pub use exit::Exit;

/// Merges, runs and checks the database migrations of an application and of every crate and plugin it depends on
///
/// The order of all migrations is kept in `migrations-lock.yml`. Without options, `migrate` discovers new
/// migrations, appends them to the lock, runs what the database lacks in one transaction, checks the resulting
/// schema and commits; any failure rolls everything back (MariaDB and MySQL, where DDL commits by itself: it
/// says what has stayed, and goes on there). Production and CI use `migrate --locked`.
#[derive(Debug, Parser)]
#[command(name = "db-migrations", version, propagate_version = true, after_help = exit::HELP)]
pub struct Args {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Global {
    /// The configuration [default: the nearest `db-migrations.yml` above]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The database [default: `DATABASE_URL` of the environment or `.env`, then `database.url`]
    #[arg(long, global = true, value_name = "URL", hide_env_values = true)]
    url: Option<SecretString>,
    /// How results are written
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Say only results, warnings and errors
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Human,
    /// One JSON document
    Json,
    /// Annotations of a GitHub workflow (`lint`)
    Github,
    /// SARIF 2.1.0 (`lint`)
    Sarif,
}

#[derive(Debug, Subcommand)]
enum Command {
    Migrate(migrate::Args),
    Execute(execute::Args),
    Rollback(rollback::Args),
    Plan(plan::Args),
    Status(status::Args),
    #[command(visible_alias = "list-migrations")]
    List(list::Args),
    Current(current::Args),
    Latest(current::LatestArgs),
    UpToDate(up_to_date::Args),
    Wait(wait::Args),
    Count(up_to_date::CountArgs),
    Version(version::Args),
    SyncMetadataStorage(version::SyncArgs),
    Lock(lock::Args),
    Modules(modules::Args),
    Schema(schema::Args),
    Bundle(bundle::Args),
    Import(import::Args),
    Repair(repair::Args),
    Init(init::Args),
    Generate(generate::Args),
    Diff(diff::Args),
    DumpSchema(dump_schema::Args),
    Rollup(rollup::Args),
    Squash(squash::Args),
    Reset(reset::Args),
    Lint(lint::Args),
    Maintenance(maintenance::Args),
}

impl Command {
    fn name(&self) -> &'static str {
        match self {
            Self::Migrate(_) => "migrate",
            Self::Execute(_) => "execute",
            Self::Rollback(_) => "rollback",
            Self::Plan(_) => "plan",
            Self::Status(_) => "status",
            Self::List(_) => "list",
            Self::Current(_) => "current",
            Self::Latest(_) => "latest",
            Self::UpToDate(_) => "up-to-date",
            Self::Wait(_) => "wait",
            Self::Count(_) => "count",
            Self::Version(_) => "version",
            Self::SyncMetadataStorage(_) => "sync-metadata-storage",
            Self::Lock(_) => "lock",
            Self::Modules(_) => "modules",
            Self::Schema(_) => "schema",
            Self::Bundle(_) => "bundle",
            Self::Import(_) => "import",
            Self::Repair(_) => "repair",
            Self::Init(_) => "init",
            Self::Generate(_) => "generate",
            Self::Diff(_) => "diff",
            Self::DumpSchema(_) => "dump-schema",
            Self::Rollup(_) => "rollup",
            Self::Squash(_) => "squash",
            Self::Reset(_) => "reset",
            Self::Lint(_) => "lint",
            Self::Maintenance(_) => "maintenance",
        }
    }
}

/// The good end of a command: what it is called, and its document for machines. What people read
/// was printed by then.
pub(crate) struct Done {
    exit: Exit,
    outcome: &'static str,
    json: Value,
}

impl Done {
    fn new(exit: Exit, outcome: &'static str, json: Value) -> Self {
        Self { exit, outcome, json }
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return refuse(&error),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            human::note(&format!("error: cannot start: {error}"));
            return Exit::Bug.into();
        }
    };
    // the panic's own message has been printed by then
    let exit = catch_unwind(AssertUnwindSafe(|| runtime.block_on(run(args)))).unwrap_or(Exit::Bug);
    // a statement may still run in SQLite's thread after an interrupt: it is not waited for
    runtime.shutdown_background();
    exit.into()
}

/// A help text, or a command line that is none: what it quotes may be a URL, or hold control characters.
fn refuse(error: &clap::Error) -> ExitCode {
    let plain = error.to_string();
    if clean(&plain) != plain {
        human::note(plain.trim_end());
    } else if error.use_stderr() {
        human::raw_note(&error.render().ansi().to_string());
    } else {
        human::raw(&error.render().ansi().to_string());
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

async fn run(args: Args) -> Exit {
    let (name, format) = (args.command.name(), args.global.format);
    let result = match misplaced(name, format) {
        Some(failure) => Err(failure),
        None => Box::pin(dispatch(args)).await,
    };
    let (exit, outcome, json) = match result {
        Ok(done) => (done.exit, done.outcome, done.json),
        Err(failure) => {
            if format != Format::Json {
                human::print_errors(&failure.diagnostics);
            }
            (Exit::of(failure.kind), "failed", json::failure(&failure))
        }
    };
    if format == Format::Json {
        human::raw(&json::text(&json::document(name, outcome, exit.code(), json)));
    }
    exit
}

/// Why a command has no results in this format.
fn misplaced(command: &str, format: Format) -> Option<Failure> {
    let is_for_lint = matches!(format, Format::Github | Format::Sarif);
    (is_for_lint && command != "lint").then(|| {
        let fault = Diagnostic::new(format!("`{command}` does not write this format, only `lint` does"));
        Failure::new(FailureKind::Usage, fault.help("pass `--format human` or `--format json`"))
    })
}

async fn dispatch(args: Args) -> Result<Done, Failure> {
    let global = args.global;
    match args.command {
        Command::Migrate(args) => migrate::run(&global, args).await,
        Command::Execute(args) => execute::run(&global, args).await,
        Command::Rollback(args) => rollback::run(&global, args).await,
        Command::Plan(args) => plan::run(&global, &args).await,
        Command::Status(args) => status::run(&global, &args).await,
        Command::List(args) => list::run(&global, &args).await,
        Command::Current(args) => current::run(&global, &args).await,
        Command::Latest(args) => current::latest(&global, &args),
        Command::UpToDate(args) => up_to_date::run(&global, &args).await,
        Command::Wait(args) => wait::run(&global, &args).await,
        Command::Count(args) => up_to_date::count(&global, &args).await,
        Command::Version(args) => version::run(&global, args).await,
        Command::SyncMetadataStorage(args) => version::sync(&global, &args).await,
        Command::Lock(args) => lock::run(&global, args).await,
        Command::Modules(args) => modules::run(&global, args),
        Command::Schema(args) => schema::run(&global, args).await,
        Command::Bundle(args) => bundle::run(&global, &args),
        Command::Import(args) => import::run(&global, args).await,
        Command::Repair(args) => repair::run(&global, args).await,
        Command::Init(args) => init::run(&global, &args),
        Command::Generate(args) => generate::run(&global, &args).await,
        Command::Diff(args) => diff::run(&global, &args).await,
        Command::DumpSchema(args) => dump_schema::run(&global, &args).await,
        Command::Rollup(args) => rollup::run(&global, args).await,
        Command::Squash(args) => squash::run(&global, &args).await,
        Command::Reset(args) => reset::run(&global, &args).await,
        Command::Lint(args) => lint::run(&global, &args).await,
        Command::Maintenance(args) => maintenance::run(&global, args).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::Args;

    #[test]
    fn the_arguments_of_every_command_fit_together() {
        Args::command().debug_assert();
        for line in [
            "modules enable x --version 1 --as diesel --format json",
            "lock --check --replay",
            "lock rename a::1 a::2",
            "generate add_users --down",
            "generate rename-column users.image poster --no-verify",
            "maintenance run -- sh -c true --format",
        ] {
            let words = ["db-migrations"].into_iter().chain(line.split(' '));
            assert!(Args::try_parse_from(words).is_ok(), "{line}");
        }
    }
}
