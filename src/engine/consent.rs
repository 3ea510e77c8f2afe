//! What external modules bring into a run: told where the lock may grow, refused where a review is demanded.

use crate::config::Review;
use crate::event::{Event, Sink};
use crate::review::{self, Account, accounts, told};

use super::failure::{Failure, Kind};
use super::migrate::{LockMode, Request};
use super::prepare::Prepared;
use super::project::Project;

/// Accounts of the external migrations that this run would carry out.
fn running(project: &Project, request: &Request<'_>, prepared: &Prepared) -> Vec<Account> {
    let dialect = request.connect.dialect();
    let mut all = accounts(project.document.lock(), &prepared.merged.lock, &project.catalogue, &[dialect]);
    all.retain(|account| prepared.plan.steps().any(|step| step.id == account.id));
    all
}

/// `lock.review: external` under `--locked`: what has run here already is not asked about any more.
pub(super) fn refuse_unreviewed(
    project: &Project,
    request: &Request<'_>,
    prepared: &Prepared,
) -> Result<(), Failure> {
    if project.config.review != Review::External
        || request.mode != LockMode::Locked
        || prepared.plan.is_empty()
    {
        return Ok(());
    }
    let faults = review::unreviewed(&running(project, request, prepared));
    if faults.is_empty() { Ok(()) } else { Err(Failure::all(Kind::Refused, faults)) }
}

/// Says what comes into the lock by this run.
pub(super) fn tell_external(
    project: &Project,
    request: &Request<'_>,
    prepared: &Prepared,
    sink: &mut dyn Sink,
) {
    if request.mode == LockMode::Update && !prepared.plan.undoes && !prepared.plan.is_empty() {
        let accounts = running(project, request, prepared);
        for line in told(&accounts, &project.catalogue) {
            sink.tell(Event::Noted(line));
        }
    }
}
