//! What external modules bring into a run: told where the lock may grow, refused where a review is demanded.

use std::collections::HashSet;

use crate::config::Review;
use crate::dialect::Dialect;
use crate::event::{Event, Sink};
use crate::id::MigrationId;
use crate::review::{self, Account, accounts, told};

use super::failure::{Failure, Kind};
use super::migrate::{LockMode, Request};
use super::prepare::Prepared;
use super::project::Project;

/// Accounts of the external migrations that this run would carry out.
fn running(project: &Project, prepared: &Prepared, dialect: Dialect) -> Vec<Account> {
    let mut all = accounts(project.document.lock(), &prepared.merged.lock, &project.catalogue, &[dialect]);
    let steps: HashSet<&MigrationId> = prepared.plan.steps().map(|step| &step.id).collect();
    all.retain(|account| steps.contains(&account.id));
    all
}

/// `lock.review: external` under `--locked`: what has run here already is not asked about any more.
pub(super) fn refuse_unreviewed(
    project: &Project,
    prepared: &Prepared,
    dialect: Dialect,
) -> Result<(), Failure> {
    if project.config.review != Review::External || prepared.plan.is_empty() || prepared.plan.undoes {
        return Ok(());
    }
    let faults = review::unreviewed(&running(project, prepared, dialect));
    if faults.is_empty() { Ok(()) } else { Err(Failure::all(Kind::Refused, faults)) }
}

/// Says what comes into the lock by this run.
pub(super) fn tell_external(
    project: &Project,
    request: &Request<'_>,
    prepared: &Prepared,
    sink: &mut dyn Sink,
) {
    let grows = prepared.lock_text != project.document.text();
    if request.mode == LockMode::Update && grows && !prepared.plan.undoes {
        let accounts = running(project, prepared, request.connect.dialect());
        for line in told(&accounts, &project.catalogue) {
            sink.tell(Event::Noted(line));
        }
    }
}
