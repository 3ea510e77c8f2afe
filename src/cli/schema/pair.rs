//! `schema diff`: the schemas of two databases.

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::shown::Look;
use crate::backend;
use crate::cli::context::Context;
use crate::cli::{Done, Exit, Format, Global};
use crate::database::Server;
use crate::diagnostic::{Diagnostic, count};
use crate::drift::{Policy, Sides, compare};
use crate::engine::{Failure, FailureKind, Verdict, drift_policy};
use crate::report::human::{self, Weight};
use crate::report::json as wire;
use crate::schema::Schema;

/// The databases, and what of them is compared.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The database that is as it must be; '${NAME}' is a variable of the environment or of `.env`
    #[arg(value_name = "URL")]
    first: SecretString,
    /// The one that is compared with it
    #[arg(value_name = "OTHER_URL")]
    second: SecretString,
    #[command(flatten)]
    look: Look,
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Done, Failure> {
    let context = Context::read(global)?;
    let (expected, first) = read(&context, &args.first).await?;
    let (actual, second) = read(&context, &args.second).await?;
    if first.dialect != second.dialect {
        let (a, b) = (first.dialect.facts().title, second.dialect.facts().title);
        let fault = Diagnostic::new(format!("the schemas of {a} and of {b} cannot be compared"));
        return Err(Failure::new(FailureKind::Usage, fault.help("name two databases of one kind")));
    }
    let policy = drift_policy(&context.config, &second, Some(&first.title()))?;
    let policy = args.look.narrow(Policy { strict: true, every_schema: true, ..policy })?;
    args.look.warn_if_idle(&context, &policy, (&expected, &actual));
    let drift = compare(&expected, &actual, &policy);
    let patch = args.look.show(global, &drift, (&expected, &actual), Sides::PAIR);
    let (exit, outcome) = if drift.is_empty() { (Exit::Done, "same") } else { (Exit::Findings, "different") };
    if global.format == Format::Human {
        let (a, b) = (&first.address, &second.address);
        human::line(&match drift.differences.len() {
            0 => format!("the same schema: {a} (a), {b} (b)"),
            n => format!("{} between {a} (a) and {b} (b)", count(n, "difference", "differences")),
        });
    }
    let verdict = if drift.is_empty() { Verdict::Passed(drift) } else { Verdict::Drifted(drift) };
    let mut document = wire::verdict(&verdict);
    document["patch"] = patch;
    document["databases"] = json!([first.address, second.address]);
    Ok(Done::new(exit, outcome, document))
}

/// The URL that an argument means: itself, or a variable's.
fn meant(context: &Context, argument: &SecretString) -> Result<SecretString, Failure> {
    let text = argument.expose_secret();
    let Some(name) = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) else {
        if backend::holds_password(text) {
            let shown = Diagnostic::new(
                "an argument holds a password, which `ps` shows to everybody on this machine",
            );
            let better = "write `'${NAME}'`, where the variable `NAME` holds the URL";
            human::print(&shown.help(better), Weight::Warning);
        }
        return Ok(argument.clone());
    };
    context.variable(name).map(Into::into).ok_or_else(|| {
        Failure::new(FailureKind::Usage, Diagnostic::new(format!("the variable `{name}` is not set")))
    })
}

async fn read(context: &Context, argument: &SecretString) -> Result<(Schema, Server), Failure> {
    let connect = context.connector_to(meant(context, argument)?, false)?;
    if let Some(file) = connect.absent_file() {
        let fault = Diagnostic::new(format!("there is no database `{}`", file.display()));
        return Err(Failure::new(FailureKind::Unreachable, fault.help("check the path in the URL")));
    }
    let mut database = connect.connect().await?;
    let schema = database.introspect().await?;
    let server = database.server().clone();
    database.close().await;
    Ok((schema, server))
}
