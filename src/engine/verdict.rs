//! Where the expected schema of a run comes from, and what is said of the one that it made.

use crate::config::SchemaSource;
use crate::database::{Database, DatabaseError, Session};
use crate::diagnostic::{Diagnostic, count};
use crate::drift::Drift;
use crate::event::{Event, Sink};
use crate::history::History;
use crate::lock::Rule;
use crate::schema::Schema;
use crate::snapshot::Proof;

use super::check::{self, CheckMode, Verdict, compare_with};
use super::declared::{Declared, declared};
use super::failure::{Failure, Kind, describe};
use super::migrate::{LockMode, Request};
use super::prepare::Prepared;
use super::project::Project;
use super::replay::{Replayed, replay};
use super::snapshots::{self, SnapshotState};
use super::status::{drift_diagnostic, listed};

/// Where the expected schema comes from in this run.
#[derive(Clone)]
pub(super) enum Expected {
    /// Nothing is compared; why.
    Nothing(String),
    /// This schema, made by this server; `fresh` when the snapshot must be written.
    Known { schema: Schema, server: String, fresh: bool },
    /// The database is empty: the run itself is the replay.
    TheRun,
    /// No replay could be made; what the run makes becomes the snapshot, unproved.
    Unproved(String),
}

/// What a run is compared with.
#[derive(Clone)]
pub(super) struct Expectation {
    /// What the lock makes; the snapshot is that, whatever is declared.
    pub(super) made: Expected,
    /// What people declare, and the server that made it, where that is what counts.
    pub(super) declared: Option<(Schema, String)>,
}

impl Expectation {
    /// Whether it is the same at the next try: it does not depend on what is in the database now.
    pub(super) const fn stays(&self) -> bool {
        matches!(self.made, Expected::Known { .. } | Expected::Unproved(_))
    }

    /// The schema that must be, the server that made it, and whether people declare it; as far as it is known yet.
    pub(super) fn known(&self) -> Option<(&Schema, &str, bool)> {
        match (&self.declared, &self.made) {
            (Some((schema, server)), _) => Some((schema, server, true)),
            (None, Expected::Known { schema, server, .. }) => Some((schema, server, false)),
            (None, _) => None,
        }
    }
}

/// What a run is compared with; makes what is declared, where that counts and can be made.
pub(super) async fn expectation(
    project: &Project,
    request: &Request<'_>,
    prepared: &Prepared,
    history: &History,
    database: &mut dyn Database,
    sink: &mut dyn Sink,
) -> Result<Expectation, Failure> {
    let made = expected(project, request, prepared, history, database, sink).await?;
    let counts = project.config.schema_check.source == SchemaSource::Declared
        && request.mode == LockMode::Update
        && !project.is_bundled()
        && prepared.plan.remaining == 0
        && !matches!(made, Expected::Nothing(_));
    let declared = if counts {
        let Declared { schema, server, .. } =
            declared(project, &prepared.merged, request.connect, sink).await?;
        if request.check == CheckMode::Fail && !prepared.is_mixed() {
            refuse_undeclared(project, &made, &schema, &server, database)?;
        }
        Some((schema, server))
    } else {
        None
    };
    Ok(Expectation { made, declared })
}

/// What the lock makes is known before anything runs: if that is not what is declared, a run is in vain.
fn refuse_undeclared(
    project: &Project,
    made: &Expected,
    declared: &Schema,
    server: &str,
    database: &mut dyn Database,
) -> Result<(), Failure> {
    let Expected::Known { schema, .. } = made else { return Ok(()) };
    match check::compare_schemas(project, declared, Some(server), schema, database.server())? {
        Verdict::Drifted(drift) => Err(Failure::new(Kind::Refused, undeclared(&drift))),
        Verdict::Passed(_) | Verdict::NotChecked(_) => Ok(()),
    }
}

/// The migrations make something else than people declare: every object with both.
pub fn undeclared(drift: &Drift) -> Diagnostic {
    let n = drift.differences.len();
    let fault = Diagnostic::new(format!(
        "the migrations do not make what is declared: {}",
        count(n, "difference", "differences")
    ));
    listed(fault, drift).help("`db-migrations diff` writes the migration that does")
}

/// Where the expected schema comes from; replays if the snapshot is not this lock's.
async fn expected(
    project: &Project,
    request: &Request<'_>,
    prepared: &Prepared,
    history: &History,
    database: &mut dyn Database,
    sink: &mut dyn Sink,
) -> Result<Expected, Failure> {
    let dialect = request.connect.dialect();
    if !snapshots::checked(project) {
        return Ok(Expected::Nothing("switched off in the configuration".to_owned()));
    }
    if request.check == CheckMode::Off {
        return Ok(Expected::Nothing("switched off by --schema-check".to_owned()));
    }
    if prepared.plan.undoes && prepared.plan.remaining > 0 {
        return Ok(Expected::Nothing(pending(prepared)));
    }
    match snapshots::snapshot_state(project, &prepared.fingerprint, dialect) {
        SnapshotState::Fresh(snapshot) => {
            let snapshot = snapshot.read().map_err(|fault| Failure::new(Kind::Refused, fault))?;
            return Ok(Expected::Known { schema: snapshot.schema, server: snapshot.server, fresh: false });
        }
        // what takes another one's place moves lines, too
        SnapshotState::Edited(_) if prepared.merged.findings.iter().any(|f| f.rule == Rule::Replaced) => {}
        state @ SnapshotState::Edited(_) => {
            if let Some(mut diagnostic) = state.diagnostic(project, dialect) {
                diagnostic.help.clear(); // this run makes the snapshot anew
                sink.tell(Event::Warned(diagnostic));
            }
        }
        SnapshotState::Stale(_) | SnapshotState::Missing => {}
        SnapshotState::Unreadable(diagnostic) => sink.tell(Event::Warned(diagnostic)),
    }
    if prepared.plan.remaining == 0 && history.is_empty() && database.introspect().await?.is_empty() {
        return Ok(Expected::TheRun);
    }
    match replay(project, &prepared.merged, request.connect, sink).await {
        Replayed::Schema { schema, server, left_out } => {
            if !left_out.is_empty() {
                sink.tell(Event::Noted(format!(
                    "not replayed, since it reaches beyond a database: {}",
                    left_out.join(", ")
                )));
            }
            Ok(Expected::Known { schema, server, fresh: true })
        }
        Replayed::NotProved(reason) => {
            // said with the verdict: if the run fails too, its own report is the better one
            Ok(Expected::Unproved(reason))
        }
    }
}

/// Why a run that stops before the lock's end is not compared.
fn pending(prepared: &Prepared) -> String {
    prepared.plan.left()
}

/// A schema for the snapshot, the server that made it, and how far it is proved.
pub(super) type Live = Option<(Schema, String, Proof)>;

/// Checks inside the transaction. The error is what is wrong.
pub(super) async fn judge(
    project: &Project,
    request: &Request<'_>,
    prepared: &Prepared,
    expectation: Expectation,
    session: &mut Box<dyn Session>,
    sink: &mut dyn Sink,
) -> Result<(Verdict, Live), Vec<Diagnostic>> {
    sink.tell(Event::CheckStarted);
    let failed = |error: DatabaseError| vec![describe(&error)];
    let checks = check::queries(project, &mut **session).await.map_err(failed)?;
    if !checks.is_empty() && request.check == CheckMode::Fail {
        return Err(checks);
    }
    for diagnostic in checks {
        sink.tell(Event::Warned(diagnostic));
    }
    let verdict = compared(project, request, prepared, &expectation, session, sink).await?;
    match expectation.made {
        Expected::Nothing(why) => Ok((Verdict::NotChecked(why), None)),
        Expected::TheRun => {
            let schema = session.introspect().await.map_err(failed)?;
            let server = session.server().title();
            let verdict = verdict.unwrap_or_else(|| Verdict::Passed(Drift::default()));
            Ok((verdict, Some((schema, server, Proof::Replay))))
        }
        Expected::Unproved(_) if prepared.plan.remaining > 0 => {
            Ok((Verdict::NotChecked(pending(prepared)), None))
        }
        Expected::Unproved(reason) => {
            let schema = session.introspect().await.map_err(failed)?;
            let server = session.server().title();
            let live = (!prepared.is_mixed()).then(|| (schema, server, Proof::Unproved(reason.clone())));
            let unproved = || Verdict::NotChecked(format!("not proved by replay: {reason}"));
            Ok((verdict.unwrap_or_else(unproved), live))
        }
        Expected::Known { schema, server, fresh } => {
            let verdict = verdict.unwrap_or_else(|| Verdict::NotChecked(pending(prepared)));
            Ok((verdict, fresh.then_some((schema, server, Proof::Replay))))
        }
    }
}

/// Compares with what is known to be expected; `None` where nothing is, or not all of the lock has run.
async fn compared(
    project: &Project,
    request: &Request<'_>,
    prepared: &Prepared,
    expectation: &Expectation,
    session: &mut Box<dyn Session>,
    sink: &mut dyn Sink,
) -> Result<Option<Verdict>, Vec<Diagnostic>> {
    let Some((schema, server, is_declared)) = expectation.known().filter(|_| prepared.plan.remaining == 0)
    else {
        return Ok(None);
    };
    let verdict = compare_with(project, schema, Some(server), &mut **session)
        .await
        .map_err(|failure| failure.diagnostics)?;
    if let Verdict::Drifted(drift) = &verdict {
        let diagnostic = drift_diagnostic(drift, is_declared);
        if request.check == CheckMode::Fail && !prepared.is_mixed() {
            return Err(vec![diagnostic]);
        }
        sink.tell(Event::Warned(diagnostic));
    }
    Ok(Some(verdict))
}
