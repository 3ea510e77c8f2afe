//! A run of the engine, whatever it is for: its options, the question before something is undone, and what
//! is printed of it. `migrate`, `execute` and `rollback` say what it is for.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::ValueEnum;

use super::confirm::confirm;
use super::context::{self, Context};
use super::watch::{Seen, Watching, interruptible, peek, reporter};
use super::{Done, Exit, Format, Global, deploy, plan, write_sql};
use crate::config::{Phases, Rehearsal};
use crate::database::Connect;
use crate::diagnostic::Diagnostic;
use crate::drift::Change;
use crate::engine::{
    self, Aim, CheckMode, Failure, FailureKind, LockMode, Maintenance, Migrated, Outcome, Prepared, Project,
    Request, Verdict,
};
use crate::event::{Event, Silence};
use crate::plan::Goal;
use crate::report::count;
use crate::report::human;
use crate::report::json;

/// What every command that runs migrations takes.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Options {
    #[command(flatten)]
    from: context::From,
    /// Refuse to run when the lock or the snapshot would change (production and CI); `--bundle` implies it
    #[arg(long)]
    locked: bool,
    /// Show what would run; write nothing, not even the history table
    #[arg(long)]
    dry_run: bool,
    /// Do not ask before something is undone
    #[arg(long, short)]
    yes: bool,
    /// Accept a run that cannot be one transaction
    #[arg(long, conflicts_with = "all_or_nothing")]
    allow_split: bool,
    /// Refuse a run that cannot be one transaction, whatever the configuration says
    #[arg(long)]
    all_or_nothing: bool,
    /// A transaction for each migration: after a failure, those before it stay
    #[arg(long, conflicts_with = "all_or_nothing")]
    no_all_or_nothing: bool,
    /// Try on a scratch database first what the database commits bit by bit (MariaDB, MySQL) [default: try]
    #[arg(long, value_enum, value_name = "WHEN")]
    rehearsal: Option<Rehearsing>,
    /// Say how long each statement took; they are sent one by one
    #[arg(long)]
    query_time: bool,
    /// Write the run as SQL, with the rows of the history, and execute nothing [default FILE: standard output]
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-", conflicts_with_all = ["dry_run", "query_time"])]
    write_sql: Option<PathBuf>,
    /// How long to wait for another run, in seconds [default: 300]
    #[arg(long, value_name = "SECONDS")]
    guard_wait: Option<u64>,
    /// What a schema difference does; all but `fail` need `--reason`
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = SchemaCheck::Fail)]
    schema_check: SchemaCheck,
    /// Why the check is softened, or why this is run; kept in the history
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    named: deploy::Named,
    /// Do not switch maintenance mode on, whatever the configuration says
    #[arg(long)]
    no_maintenance: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Rehearsing {
    /// Where it can be
    Try,
    /// Run nothing without
    Require,
    /// Never
    Off,
}

impl Rehearsing {
    const fn value(self) -> Rehearsal {
        match self {
            Self::Try => Rehearsal::Try,
            Self::Require => Rehearsal::Require,
            Self::Off => Rehearsal::Off,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SchemaCheck {
    /// Refuse the run: roll back, or say what has stayed
    Fail,
    /// Accept the run, and say what differs
    Warn,
    /// Do not compare
    Off,
}

impl SchemaCheck {
    const fn value(self) -> CheckMode {
        match self {
            Self::Fail => CheckMode::Fail,
            Self::Warn => CheckMode::Warn,
            Self::Off => CheckMode::Off,
        }
    }
}

impl Options {
    fn request<'a>(
        self,
        context: &Context,
        connect: &'a dyn Connect,
        job: Job,
    ) -> Result<Request<'a>, Failure> {
        let Job { goal, compensate, phases, .. } = job;
        let release = self.named.release(context)?;
        let policy = &context.config.policy;
        Ok(Request {
            connect,
            aim: Aim { goal, apart: self.no_all_or_nothing, phases, release },
            agreed: None,
            mode: if self.is_locked() { LockMode::Locked } else { LockMode::Update },
            dry_run: self.dry_run,
            timed: self.query_time,
            allow_split: !self.all_or_nothing && (self.allow_split || policy.allow_split),
            rehearsal: self.rehearsal.map_or(policy.rehearsal, Rehearsing::value),
            compensate,
            guard_wait: self.guard_wait.map_or(context.config.database.guard_wait, Duration::from_secs),
            lock_retries: context.config.database.lock_retries,
            check: self.schema_check.value(),
            reason: self.reason,
            user: context::user(),
            maintenance: None,
        })
    }

    /// Maintenance mode for a run that may change something.
    fn maintenance(&self, context: &Context) -> Result<Option<Maintenance>, Failure> {
        if self.no_maintenance || self.dry_run || self.write_sql.is_some() {
            return Ok(None);
        }
        Ok(Maintenance::new(&*context.maintenance()?, &context.root))
    }

    fn is_locked(&self) -> bool {
        self.locked || self.from.is_bundle()
    }
}

/// What a command runs.
pub(super) struct Job {
    /// What it means.
    pub(super) goal: Goal,
    /// `--compensate`.
    pub(super) compensate: bool,
    /// A `--locked` run of a project without any migration is an error.
    pub(super) needs_any: bool,
    /// Which steps of a deploy; `None` = what the configuration says.
    pub(super) phases: Option<Phases>,
}

/// Runs, and says what came of it.
pub(super) async fn run(global: &Global, options: Options, job: Job) -> Result<Done, Failure> {
    let needs_any = job.needs_any;
    if options.schema_check != SchemaCheck::Fail && options.reason.is_none() {
        return Err(Failure::new(
            FailureKind::Usage,
            Diagnostic::new("`--schema-check` is softened without a reason")
                .help("add `--reason TEXT`: it is kept in the history"),
        ));
    }
    let context = Context::open(global, &options.from)?;
    let connect = context.connector(!options.dry_run && options.write_sql.is_none() && job.goal.may_run())?;
    let (yes, atomic, write_sql) = (options.yes, options.all_or_nothing, options.write_sql.clone());
    let maintenance = options.maintenance(&context)?;
    let mut request = options.request(&context, &*connect, job)?;
    request.maintenance = maintenance.as_ref();
    let mut project = context.project()?;
    if needs_any
        && request.mode == LockMode::Locked
        && project.catalogue.is_empty()
        && project.document.lock().entries.is_empty()
    {
        return Err(no_migration(&context));
    }
    // what can be mended in a folder is said where the lock may change, not in every deploy
    if request.mode == LockMode::Update {
        for warning in std::mem::take(&mut project.discovery.warnings) {
            reporter(global).tell(Event::Warned(warning));
        }
    }
    if atomic {
        refuse_commits(&mut project, &request).await?;
    }
    if let Some(file) = &write_sql {
        return Box::pin(write_sql::run(global, &project, &request, file)).await;
    }
    if request.aim.goal.may_undo() && !request.dry_run && !yes {
        ask(&mut project, &mut request).await?;
    }
    let seen = Arc::new(Mutex::new(Seen::new(request.aim.goal.may_undo())));
    let mut sink = Watching { inner: reporter(global), seen: Arc::clone(&seen) };
    let run = Box::pin(engine::migrate(&mut project, &request, &mut sink));
    let mut outcome = Box::pin(interruptible(run, &seen, &*connect, global)).await;
    if let Some(maintenance) = &maintenance {
        outcome = maintenance.settle(outcome, &mut sink).await; // an interrupt has dropped the run
    }
    let outcome = outcome?;
    drop(sink);
    let mut seen = peek(&seen);
    let (warnings, statements) = (std::mem::take(&mut seen.warnings), std::mem::take(&mut seen.statements));
    drop(seen);
    let mut done = told(global, &request, outcome, warnings);
    if let Some(word) = maintenance.as_ref().and_then(Maintenance::word) {
        done.json["maintenance"] = word.into();
    }
    if request.timed {
        done.json["statements"] = statements.into();
    }
    Ok(done)
}

/// A run that finds nothing at all has probably been started in the wrong place.
pub(super) fn no_migration(context: &Context) -> Failure {
    Failure::new(
        FailureKind::Usage,
        Diagnostic::new("there is no migration at all: none was found, and the lock has none")
            .note(format!("the project is `{}`", context.root.display()))
            .help("`db-migrations modules` lists what was looked at")
            .help("or say that this is right: `--allow-no-migration`"),
    )
}

/// Prints the end, and makes the document of it.
fn told(global: &Global, request: &Request<'_>, outcome: Outcome, warnings: Vec<serde_json::Value>) -> Done {
    let with_warnings = |mut rest: serde_json::Value| {
        rest["warnings"] = warnings.into();
        rest
    };
    let human = global.format == Format::Human;
    match outcome {
        Outcome::NothingToDo(prepared) => {
            if human {
                let plan = &prepared.plan;
                human::line(match (plan.undoes, plan.remaining) {
                    (true, _) => "nothing to undo",
                    (false, 0) => "nothing to do: all locked migrations have run",
                    (false, n) if n == plan.waiting => {
                        "nothing to do: all has run but what waits for the contract phase"
                    }
                    (false, _) if plan.waiting > 0 => {
                        "nothing to do: the database is as far as the phase allows"
                    }
                    (false, _) => "nothing to do: the database is in that state",
                });
            }
            Done::new(Exit::Done, "nothing-to-do", with_warnings(json::prepared(&prepared)))
        }
        Outcome::Planned(prepared) => {
            if human {
                plan::print(&prepared);
                human::line("dry run: nothing was written");
            }
            let (exit, outcome) = plan::verdict(&prepared, request.allow_split, false);
            Done::new(exit, outcome, with_warnings(json::prepared(&prepared)))
        }
        Outcome::Migrated(migrated) => {
            if human {
                print(&migrated, global.quiet);
            }
            let outcome = if migrated.prepared.plan.undoes { "undone" } else { "migrated" };
            Done::new(Exit::Done, outcome, with_warnings(json::migrated(&migrated)))
        }
    }
}

/// What would be done, without a word.
async fn planned(project: &mut Project, request: &Request<'_>) -> Result<Option<Box<Prepared>>, Failure> {
    let looking = Request {
        dry_run: true,
        aim: request.aim.clone(),
        agreed: None,
        reason: None,
        user: String::new(),
        maintenance: None,
        ..*request
    };
    match engine::migrate(project, &looking, &mut Silence).await? {
        Outcome::Planned(prepared) => Ok(Some(prepared)),
        Outcome::NothingToDo(_) | Outcome::Migrated(_) => Ok(None),
    }
}

/// `--all-or-nothing` where the database commits by itself.
async fn refuse_commits(project: &mut Project, request: &Request<'_>) -> Result<(), Failure> {
    let plan = planned(project, request).await?.map(|prepared| prepared.plan);
    let Some(plan) = plan.filter(|plan| plan.commits_by_itself && plan.splits()) else { return Ok(()) };
    let mut diagnostic =
        Diagnostic::new("this run cannot be one transaction, and `--all-or-nothing` asks for that");
    diagnostic.notes.extend(plan.groups.iter().filter_map(|group| group.reason.clone()));
    Err(Failure::new(FailureKind::Refused, diagnostic.help("`db-migrations plan` shows the groups")))
}

/// Lists what would be undone, and asks.
async fn ask(project: &mut Project, request: &mut Request<'_>) -> Result<(), Failure> {
    let Some(prepared) = planned(project, request).await? else { return Ok(()) };
    let plan = &prepared.plan;
    if !plan.undoes || plan.is_empty() || !plan.refusals.is_empty() {
        return Ok(()); // nothing to ask: the run says why
    }
    let what = count(plan.len(), "migration", "migrations");
    human::note(&format!("{what} would be undone, in this order:"));
    for step in plan.steps() {
        human::note(&format!("  {}", step.id));
    }
    let prompt = format!("Undo {what} of {}?", prepared.merged.lock.entries.len());
    confirm("what undoes", &prompt, "nothing was undone")?;
    request.agreed = Some(plan.steps().map(|step| step.id.clone()).collect());
    Ok(())
}

fn print(migrated: &Migrated, quiet: bool) {
    let undoes = migrated.prepared.plan.undoes;
    let done = if undoes { "undone" } else { "applied" };
    let caught = migrated.caught_up.iter().map(|one| {
        let rows = usize::try_from(one.rows).unwrap_or(usize::MAX);
        format!("caught up {}: {}\n", one.id, count(rows, "row", "rows"))
    });
    let applied = migrated.applied.iter();
    let applied = applied.map(|applied| format!("{done} {} ({} ms)\n", applied.id, applied.milliseconds));
    let lines: Vec<String> = caught.chain(applied).filter(|_| !quiet).collect();
    human::raw(&crate::report::clean(&lines.concat()));
    let total: i64 = migrated.applied.iter().map(|applied| applied.milliseconds).sum();
    let adopted = migrated.prepared.adoption.rows.len();
    if adopted > 0 {
        human::line(&format!("{} of other tools taken over", count(adopted, "row", "rows")));
    }
    for base in &migrated.prepared.plan.recorded {
        human::line(&format!("recorded {}", plan::told_recorded(base)));
    }
    if migrated.applied.is_empty() {
        let verdict = verdict(&migrated.verdict);
        human::line(&format!("nothing had to run; lock and history are in step; schema check: {verdict}"));
        return;
    }
    let what = count(migrated.applied.len(), "migration", "migrations");
    let end = if undoes { "undone" } else { "committed" };
    human::line(&format!("{what} {end} ({total} ms); schema check: {}", verdict(&migrated.verdict)));
}

/// What the check said, in words.
pub(super) fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Passed(drift) => {
            let extra = drift.notes.iter().filter(|note| note.change == Change::Extra).count();
            match extra {
                0 => "passed".to_owned(),
                1 => "passed (1 extra object, see `db-migrations schema check`)".to_owned(),
                n => format!("passed ({n} extra objects, see `db-migrations schema check`)"),
            }
        }
        other => other.word(),
    }
}

/// A connector for commands that only look.
pub(super) fn looking(context: &Context) -> Result<Box<dyn Connect>, Failure> {
    context.connector(false)
}
