//! Merge and plan, as one value: what `plan` prints and `migrate` carries out.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::config::{Phases, Reaction};
use crate::database::Read;
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::history::History;
use crate::lock::{Finding, Merged, Rule, merge};
use crate::plan::{Circumstances, Goal, Plan};
use crate::snapshot::Fingerprint;

use super::adopt::{Adoption, adopted};
use super::failure::{Failure, Kind};
use super::mirror;
use super::project::Project;
use super::release::{Deployed, Release};

/// What a run would do, and why.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The lock that should be, and what there is to say; findings point at their lines.
    pub merged: Merged,
    /// The lock's text that should be.
    pub lock_text: String,
    /// The steps.
    pub plan: Plan,
    /// What the merged lock means for this database.
    pub fingerprint: Fingerprint,
    /// What is taken over from other tools before anything runs.
    pub adoption: Adoption,
    /// Whether another tool's table lacks rows that it must have.
    pub mirror_lacks: bool,
}

impl Prepared {
    /// Whether rows of other tools count: they can change without a change of ours.
    pub(super) fn depends_on_others(&self) -> bool {
        !self.adoption.rows.is_empty() || self.mirror_lacks
    }

    /// Whether migrations that the lock does not name have run here: then its schema is not the whole truth.
    pub(super) fn is_mixed(&self) -> bool {
        self.merged.findings.iter().any(|f| matches!(f.rule, Rule::Unknown | Rule::SkippedAfterRun))
    }

    /// Whether nothing is to be run or written.
    pub fn nothing_to_do(&self, project: &Project) -> bool {
        self.plan.is_empty()
            && self.adoption.rows.is_empty()
            && !self.mirror_lacks
            && self.plan.recorded.is_empty()
            && self.plan.refusals.is_empty()
            && self.lock_text == project.document.text()
    }
}

/// Merges lock, catalogue and history.
pub(super) fn merged(project: &Project, history: Option<&History>) -> Result<(Merged, String), Failure> {
    let mut merged = merge(project.document.lock(), &project.catalogue, history)
        .map_err(|circle| Failure::new(Kind::Usage, circle))?;
    merged.findings.splice(0..0, project.document.findings().iter().cloned());
    merged.findings = merged.findings.into_iter().map(|finding| located(project, finding)).collect();
    let text = project.document.edit(&merged.lock).map_err(|fault| Failure::new(Kind::Bug, fault))?;
    Ok((merged, text))
}

fn located(project: &Project, finding: Finding) -> Finding {
    project.document.locate(finding)
}

/// Merges and plans for the database that `read` is connected to.
pub async fn prepare(
    project: &Project,
    history: &History,
    read: &mut (dyn Read + '_),
) -> Result<Prepared, Failure> {
    prepare_for(project, history, &Aim::default(), read).await
}

/// What a run is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aim {
    /// What is asked for.
    pub goal: Goal,
    /// Each migration in a transaction of its own.
    pub apart: bool,
    /// Which steps of a deploy; `None` = what the configuration says.
    pub phases: Option<Phases>,
    /// The release that is deployed.
    pub release: Release,
}

/// Merges, and plans what an aim means for the database that `read` is connected to. What undoes leaves the
/// lock as it is.
pub async fn prepare_for(
    project: &Project,
    history: &History,
    aim: &Aim,
    read: &mut (dyn Read + '_),
) -> Result<Prepared, Failure> {
    let dialect = read.server().dialect;
    // what does not fit refuses the run, and must not keep anybody from looking
    let (adoption, misfits) = match adopted(project, history, read).await {
        Ok(adoption) => (adoption, Vec::new()),
        Err(failure) if failure.kind == Kind::Refused => (Adoption::default(), failure.diagnostics),
        Err(failure) => return Err(failure),
    };
    let taken_over = (!adoption.rows.is_empty()).then(|| adoption.history());
    let history = taken_over.as_ref().unwrap_or(history);
    let (merged, mut lock_text) = merged(project, Some(history))?;
    let pending = aim.goal.may_undo() || merged.lock.runnable().any(|id| !history.contains(id));
    let referenced = if pending && dialect.facts().settings_by_pragma {
        read.referenced_tables().await?
    } else {
        BTreeSet::new()
    };
    let unrecoverable = if pending && !dialect.facts().transactional_ddl {
        read.unrecoverable().await?
    } else {
        BTreeMap::new()
    };
    let live = Live { referenced, unrecoverable };
    let foreign_keys = project.foreign_keys();
    let deployed = Deployed::find(project, &merged, history, aim, read).await?;
    let mut at = circumstances(project, dialect, &foreign_keys, &live, aim.apart);
    at.deploy = deployed.as_ref().map(Deployed::deploy);
    let mut plan = Plan::toward(&aim.goal, &merged.lock, &project.catalogue, history, &at)
        .map_err(|fault| Failure::new(Kind::Usage, fault))?;
    plan.refusals.extend(misfits);
    if !plan.undoes && project.config.policy.unknown_executed == Reaction::Deny {
        plan.refusals.extend(merged.findings.iter().filter(|f| f.rule == Rule::Unknown).map(denied));
    }
    if plan.undoes {
        project.document.text().clone_into(&mut lock_text);
    }
    let fingerprint = Fingerprint::of(&merged.lock, &project.catalogue, dialect);
    let behind = if history.is_empty() {
        mirror::Behind::default()
    } else {
        mirror::behind(project, history, &plan, read).await?
    };
    plan.warnings.extend(behind.wrong);
    let mirror_lacks = !behind.lacking.is_empty();
    Ok(Prepared { merged, lock_text, plan, fingerprint, adoption, mirror_lacks })
}

/// What `policy.unknown-executed: deny` says.
fn denied(finding: &Finding) -> Diagnostic {
    finding
        .diagnostic
        .clone()
        .help("`policy: { unknown-executed: deny }` refuses to run on top of it")
        .help(format!("when it is gone for good: `db-migrations version {} --delete`", finding.id))
}

/// What a plan must know of the live schema.
#[derive(Default)]
pub(super) struct Live {
    /// Tables that a foreign key points at.
    referenced: BTreeSet<String>,
    /// Tables whose changes cannot be undone, with their engine.
    unrecoverable: BTreeMap<String, String>,
}

/// The plan alone.
pub(super) fn plan(
    project: &Project,
    merged: &Merged,
    history: &History,
    dialect: Dialect,
    live: &Live,
) -> Plan {
    let foreign_keys = project.foreign_keys();
    let at = circumstances(project, dialect, &foreign_keys, live, false);
    Plan::new(&merged.lock, &project.catalogue, history, &at)
}

pub(super) fn circumstances<'a>(
    project: &Project,
    dialect: Dialect,
    foreign_keys: &'a HashMap<String, bool>,
    live: &'a Live,
    apart: bool,
) -> Circumstances<'a> {
    let late = project.config.policy.out_of_order;
    let Live { referenced, unrecoverable } = live;
    Circumstances { dialect, late, foreign_keys, referenced, apart, unrecoverable, deploy: None }
}
