//! What a database has of the lock, entry by entry.

use crate::catalogue::Catalogue;
use crate::database::{Connect, Holder, Server, Stranger};
use crate::diagnostic::{Diagnostic, count};
use crate::dialect::Dialect;
use crate::drift::{Difference, Drift};
use crate::history::{History, Partial, Run};
use crate::id::MigrationId;
use crate::lock::{Entry, Rule};
use crate::plan::Why;
use crate::sql;

use super::adopt::unadopted;
use super::failure::Failure;
use super::prepare::{Aim, Prepared, prepare_for};
use super::project::Project;

/// The state of one migration here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It will run.
    Pending,
    /// It will run, after ones that stand behind it.
    Late,
    /// It has run.
    Applied,
    /// Some of its statements have run: how many of how many.
    Partial(usize, usize),
    /// `skip: true`.
    Skipped,
    /// Another module's copy runs in its place.
    Copy(MigrationId),
    /// It has no text for this database.
    NotApplicable,
    /// It has run, and its file is gone.
    Orphaned,
    /// It has not run, and its file is gone.
    Missing,
    /// It has run, and is neither locked nor found.
    Unknown,
    /// Its text is not the locked one.
    Changed,
    /// It has run before it was skipped.
    SkippedAfterRun,
    /// It cannot be planned; `plan` says why.
    Refused,
    /// It belongs to the contract phase of a deploy, and must not run yet; why.
    Waiting(String),
}

impl State {
    /// The word in reports and JSON.
    pub fn word(&self) -> String {
        match self {
            Self::Pending => "pending".to_owned(),
            Self::Late => "late".to_owned(),
            Self::Applied => "applied".to_owned(),
            Self::Partial(done, all) => format!("partial ({done}/{all})"),
            Self::Skipped => "skipped".to_owned(),
            Self::Copy(_) => "copy".to_owned(),
            Self::NotApplicable => "not-applicable".to_owned(),
            Self::Orphaned => "orphaned".to_owned(),
            Self::Missing => "missing".to_owned(),
            Self::Unknown => "unknown".to_owned(),
            Self::Changed => "changed".to_owned(),
            Self::SkippedAfterRun => "skipped-after-run".to_owned(),
            Self::Refused => "refused".to_owned(),
            Self::Waiting(_) => "waiting".to_owned(),
        }
    }
}

/// One line.
#[derive(Clone, Debug)]
pub struct Line {
    /// The migration.
    pub id: MigrationId,
    /// Its state here.
    pub state: State,
    /// Whether it is in the lock file already.
    pub locked: bool,
    /// When it ran, UTC.
    pub executed_at: Option<String>,
    /// How long it took, in milliseconds.
    pub execution_ms: Option<i64>,
    /// `imported`, `marked`, …, when not applied by us.
    pub kind: Option<&'static str>,
}

impl Line {
    /// Whether it must run here, and has not: whole, or at all. What waits for the contract phase does not count:
    /// new code runs without it.
    pub fn is_pending(&self) -> bool {
        let left_out = matches!(
            self.state,
            State::Applied | State::Skipped | State::Copy(_) | State::NotApplicable | State::Waiting(_)
        );
        self.executed_at.is_none() && !left_out
    }

    /// Why it waits for the contract phase, if it does.
    pub fn waits(&self) -> Option<&str> {
        if let State::Waiting(why) = &self.state { Some(why) } else { None }
    }

    /// Whether it has run, and its file is not there.
    pub const fn is_unregistered(&self) -> bool {
        matches!(self.state, State::Orphaned | State::Unknown)
    }
}

/// Everything there is to see.
pub struct Status {
    /// The database.
    pub server: Server,
    /// In locked order; unknown ones last.
    pub lines: Vec<Line>,
    /// What merge and plan say.
    pub prepared: Prepared,
    /// Who holds the guard.
    pub holder: Option<Holder>,
    /// The newest run.
    pub last_run: Option<Run>,
    /// Other tools' tables.
    pub strangers: Vec<Stranger>,
    /// Migrations that stopped half-way.
    pub partial: Vec<Partial>,
}

/// Looks; changes nothing. The aim says which phase and release of a deploy it is asked for.
pub async fn status(project: &Project, connect: &dyn Connect, aim: &Aim) -> Result<Status, Failure> {
    let mut database = connect.connect().await?;
    let history = database.history().await?;
    let prepared = prepare_for(project, &history, aim, &mut *database).await?;
    let holder = database.holder().await?;
    let strangers = if history.is_untouched() { database.strangers().await? } else { Vec::new() };
    let strangers = unadopted(project, strangers);
    let server = database.server().clone();
    database.close().await;
    let states = States::of(&prepared, &history, &project.catalogue, server.dialect);
    let line = |id: &MigrationId| {
        let entry = prepared.merged.lock.entries.get(id);
        let row = history.get_under(id, entry.into_iter().flat_map(Entry::former_names));
        Line {
            id: id.clone(),
            state: states.state(id),
            locked: project.document.lock().entries.contains_key(id),
            executed_at: row.map(|row| row.executed_at.clone()),
            execution_ms: row.and_then(|row| row.execution_ms),
            kind: row.map(|row| row.kind.name()).filter(|kind| *kind != "applied"),
        }
    };
    let unknown = prepared.merged.findings.iter().filter(|f| f.rule == Rule::Unknown).map(|f| &f.id);
    let lines = prepared.merged.lock.entries.keys().chain(unknown).map(line).collect();
    let (last_run, partial) = (history.last_run, history.partial);
    Ok(Status { server, lines, prepared, holder, last_run, strangers, partial })
}

/// The states of all entries, looked up by id.
struct States {
    by_id: std::collections::HashMap<MigrationId, State>,
}

impl States {
    fn of(prepared: &Prepared, history: &History, catalogue: &Catalogue, dialect: Dialect) -> Self {
        let mut by_id = std::collections::HashMap::new();
        for left_out in &prepared.plan.left_out {
            let state = match &left_out.why {
                Why::Applied | Why::Replaced(_) => State::Applied,
                Why::Skipped => State::Skipped,
                Why::Copy(original) => State::Copy(original.clone()),
                Why::NotApplicable => State::NotApplicable,
                Why::Absent => State::Missing,
                Why::Beyond => State::Pending,
                Why::Torn => State::Refused,
                Why::Waits(why) => State::Waiting(why.clone()),
            };
            by_id.insert(left_out.id.clone(), state);
        }
        for step in prepared.plan.steps() {
            by_id.insert(step.id.clone(), if step.late { State::Late } else { State::Pending });
        }
        for partial in history.partial.iter().filter(|partial| !history.contains(&partial.id)) {
            let total = catalogue.get(&partial.id).and_then(|m| m.up.choose(dialect)).map_or(0, |script| {
                sql::split(dialect, &script.text).map_or(0, |statements| statements.len())
            });
            by_id.insert(partial.id.clone(), State::Partial(partial.finished, total.max(partial.finished)));
        }
        for finding in &prepared.merged.findings {
            let state = match finding.rule {
                Rule::Changed => State::Changed,
                Rule::Orphaned => State::Orphaned,
                Rule::Missing | Rule::Rename => State::Missing,
                Rule::Unknown => State::Unknown,
                Rule::SkippedAfterRun => State::SkippedAfterRun,
                _ => continue,
            };
            by_id.insert(finding.id.clone(), state);
        }
        Self { by_id }
    }

    fn state(&self, id: &MigrationId) -> State {
        self.by_id.get(id).cloned().unwrap_or(State::Refused)
    }
}

/// A diagnostic that names the differences.
pub(super) fn listed(mut diagnostic: Diagnostic, drift: &Drift) -> Diagnostic {
    let n = drift.differences.len();
    diagnostic.notes.extend(drift.differences.iter().take(20).map(Difference::describe));
    if n > 20 {
        diagnostic.notes.push(format!("and {} more", n - 20));
    }
    diagnostic
}

/// Drift, for people: every object with what must be and what is.
pub(super) fn drift_diagnostic(drift: &Drift, is_declared: bool) -> Diagnostic {
    let n = drift.differences.len();
    let wanted = if is_declared { "is declared" } else { "the lock makes of an empty database" };
    let mut diagnostic = Diagnostic::new(format!(
        "the schema is not what {wanted}: {}",
        count(n, "difference", "differences")
    ));
    diagnostic = listed(diagnostic, drift);
    if is_declared {
        return diagnostic
            .help("if the migrations do not make what is declared: `db-migrations diff` writes one that does")
            .help("`db-migrations schema check --against declared` shows them without running anything");
    }
    diagnostic
        .help("`db-migrations schema check` shows them without running anything")
        .help("write a migration that mends the schema, or tell `schema-check.ignore` what does not count")
}
