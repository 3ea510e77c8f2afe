//! `schema check`: a database against the snapshot, a replay, or what is declared.

use clap::ValueEnum;
use serde_json::json;

use super::scratch_connector;
use super::shown::Look;
use crate::cli::context::{Context, From};
use crate::cli::run::{looking, verdict as verdict_text};
use crate::cli::watch::reporter;
use crate::cli::{Done, Exit, Format, Global};
use crate::config::SchemaSource;
use crate::database::Server;
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::drift::{Policy, Sides, compare};
use crate::engine::{self, Failure, FailureKind, Project, Replayed, SnapshotState, Verdict, drift_policy};
use crate::lock::{Merged, merge};
use crate::report::human;
use crate::report::json as wire;
use crate::schema::Schema;
use crate::snapshot::{Fingerprint, Proof};

/// What the database is compared with, and what of it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    from: From,
    /// What the database must be [default: snapshot, or declared where `schema-check.source` says so]
    #[arg(long, value_enum, value_name = "SCHEMA")]
    against: Option<Against>,
    /// Replay the lock now instead of trusting the committed snapshot: `--against replay`
    #[arg(long, conflicts_with = "against")]
    replay: bool,
    #[command(flatten)]
    look: Look,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Against {
    /// The committed snapshot
    Snapshot,
    /// What the lock makes of an empty database, now
    Replay,
    /// What people declare
    Declared,
}

impl Against {
    const fn word(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Replay => "replay",
            Self::Declared => "declared",
        }
    }
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Done, Failure> {
    let context = Context::open(global, &args.from)?;
    let connect = looking(&context)?;
    let project = context.project()?;
    let against = match args.against {
        Some(against) => against,
        None if args.replay => Against::Replay,
        None if project.config.schema_check.source == SchemaSource::Declared && !project.is_bundled() => {
            Against::Declared
        }
        None => Against::Snapshot,
    };
    let dialect = connect.dialect();
    let merged = merge(project.document.lock(), &project.catalogue, None)
        .map_err(|fault| Failure::new(FailureKind::Usage, fault))?;
    let source = Source { global, context: &context, project: &project, merged: &merged, dialect };
    let (expected, made_by) = source.schema(against).await?;
    let mut database = connect.connect().await?;
    let history = database.history().await?;
    let prepared = engine::prepare(&project, &history, &mut *database).await?;
    if !prepared.plan.is_empty() {
        let why = format!("{} pending", prepared.plan.len());
        database.close().await;
        return Err(Failure::new(
            FailureKind::Findings,
            Diagnostic::new(format!("not checked: {why}")).help("run `db-migrations migrate` first"),
        ));
    }
    if prepared.plan.remaining > 0 {
        database.close().await;
        return Ok(not_checked(global, &prepared.plan.left()));
    }
    let actual = database.introspect().await?;
    let server = database.server().clone();
    database.close().await;
    let policy = args.look.narrow(drift_policy(&project.config, &server, Some(&made_by))?)?;
    args.look.warn_if_idle(&context, &policy, (&expected, &actual));
    let drift = compare(&expected, &actual, &policy);
    let patch = args.look.show(global, &drift, (&expected, &actual), Sides::CHECK);
    let misses = !drift.is_empty() && against == Against::Declared && source.misses(&expected, &policy).await;
    let verdict = if drift.is_empty() { Verdict::Passed(drift) } else { Verdict::Drifted(drift) };
    if global.format == Format::Human {
        human::line(&format!("schema check: {}", verdict_text(&verdict)));
        if misses {
            human::note(&format!("note: {UNDECLARED}"));
        }
    }
    let (exit, outcome) = match verdict {
        Verdict::Drifted(_) => (Exit::Findings, "drift"),
        _ => (Exit::Done, "passed"),
    };
    let mut document = wire::verdict(&verdict);
    document["against"] = json!(against.word());
    document["patch"] = patch;
    document["migrations_make_it"] = if misses { json!(false) } else { json!(null) };
    Ok(Done::new(exit, outcome, document))
}

/// What waits for the contract phase of a deploy is not missing, and yet it makes a difference.
fn not_checked(global: &Global, left: &str) -> Done {
    let verdict = Verdict::NotChecked(left.to_owned());
    if global.format == Format::Human {
        human::line(&format!("schema check: {}", verdict_text(&verdict)));
    }
    Done::new(Exit::Done, "not-checked", wire::verdict(&verdict))
}

/// What is said where the lock's replay is not what is declared.
const UNDECLARED: &str = "the migrations do not make what is declared: run `db-migrations diff`";

/// Where the schema comes from that must be.
struct Source<'a> {
    global: &'a Global,
    context: &'a Context,
    project: &'a Project,
    merged: &'a Merged,
    dialect: Dialect,
}

impl Source<'_> {
    async fn schema(&self, against: Against) -> Result<(Schema, String), Failure> {
        match against {
            Against::Snapshot => self.snapshot(),
            Against::Replay => self.replay().await,
            Against::Declared => {
                let connect = scratch_connector(self.context, self.dialect)?;
                let sink = &mut *reporter(self.global);
                let declared = engine::declared(self.project, self.merged, &*connect, sink).await?;
                Ok((declared.schema, declared.server))
            }
        }
    }

    fn snapshot(&self) -> Result<(Schema, String), Failure> {
        let fingerprint = Fingerprint::of(&self.merged.lock, &self.project.catalogue, self.dialect);
        match engine::snapshot_state(self.project, &fingerprint, self.dialect) {
            SnapshotState::Fresh(snapshot) => {
                let snapshot = snapshot.read().map_err(|fault| Failure::new(FailureKind::Findings, fault))?;
                if let (Proof::Unproved(reason), Format::Human) = (&snapshot.proof, self.global.format) {
                    human::note(&format!(
                        "note: the snapshot is what a database had, not proved by replay: {reason}"
                    ));
                }
                Ok((snapshot.schema, snapshot.server))
            }
            state => Err(Failure::all(
                FailureKind::Findings,
                state
                    .diagnostic(self.project, self.dialect)
                    .map(|d| d.help("or compare with a replay: `--replay`"))
                    .into_iter()
                    .collect(),
            )),
        }
    }

    async fn replay(&self) -> Result<(Schema, String), Failure> {
        let scratch = scratch_connector(self.context, self.dialect)?;
        match engine::replay(self.project, self.merged, &*scratch, &mut *reporter(self.global)).await {
            Replayed::Schema { schema, server, .. } => Ok((schema, server)),
            Replayed::NotProved(reason) => Err(Failure::new(
                FailureKind::Findings,
                Diagnostic::new("the lock cannot be replayed").cause(reason),
            )),
        }
    }

    /// Whether the migrations are known not to make what is declared, all of it and nothing else.
    async fn misses(&self, declared: &Schema, policy: &Policy) -> bool {
        let policy = Policy { strict: true, every_schema: true, ..policy.clone() };
        let replayed = self.replay().await;
        replayed.is_ok_and(|(schema, _)| !compare(declared, &schema, &policy).is_empty())
    }
}

/// What is wrong with a project that declares its schema and whose migrations make another one.
pub(in crate::cli) async fn undeclared(
    global: &Global,
    context: &Context,
    project: &Project,
    merged: &Merged,
    dialect: Dialect,
    replayed: &Schema,
) -> Result<Option<Diagnostic>, Failure> {
    if project.config.schema_check.source != SchemaSource::Declared || project.is_bundled() {
        return Ok(None);
    }
    let source = Source { global, context, project, merged, dialect };
    let (declared, title) = source.schema(Against::Declared).await?;
    let version = title.rsplit(' ').next().unwrap_or_default().to_owned();
    let server = Server { dialect, version, address: String::new(), read_only: None };
    let policy = Policy { strict: true, every_schema: true, ..drift_policy(&project.config, &server, None)? };
    let drift = compare(&declared, replayed, &policy);
    if drift.is_empty() {
        return Ok(None);
    }
    let fault = engine::undeclared(&drift);
    Ok(Some(fault.note(format!("the declared schema was loaded by {title}"))))
}
