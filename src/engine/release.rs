//! What a release is called, and what a deploy of it may run here.
//!
//! Somebody names it, or it is the revision that is checked out. Git is asked only where the name is needed: for
//! the row of a run, and for contract steps that are linked to others.

use std::path::PathBuf;

use crate::config::Phases;
use crate::database::{DatabaseError, Read};
use crate::git;
use crate::history::History;
use crate::id::MigrationId;
use crate::lock::Merged;
use crate::migration::Phase;
use crate::plan::Deploy;

use super::prepare::Aim;
use super::project::Project;

/// Where the name of a release comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Release {
    /// Nobody knows it.
    #[default]
    Unknown,
    /// This is it.
    Named(String),
    /// It is the revision that is checked out in this folder.
    Revision(PathBuf),
}

impl Release {
    /// The name, if there is one.
    pub fn name(&self) -> Option<String> {
        match self {
            Self::Unknown => None,
            Self::Named(name) => Some(name.clone()),
            Self::Revision(folder) => git::revision(folder),
        }
    }
}

/// What a plan must know of a deploy.
pub(super) struct Deployed {
    phases: Phases,
    release: Option<String>,
    is_empty: bool,
}

impl Deployed {
    /// Looks for it; `None` where no phase makes a difference.
    pub(super) async fn find(
        project: &Project,
        merged: &Merged,
        history: &History,
        aim: &Aim,
        read: &mut (dyn Read + '_),
    ) -> Result<Option<Self>, DatabaseError> {
        let phases = aim.phases.unwrap_or(project.config.policy.phase);
        let pending = |id: &&MigrationId| !history.contains(id);
        let pending = merged.lock.runnable().filter(pending).filter_map(|id| project.catalogue.get(id));
        let (mut contracts, mut is_linked) = (false, false);
        for migration in pending.filter(|migration| migration.phase == Phase::Contract) {
            contracts = true;
            is_linked |= !migration.contract_of.is_empty();
        }
        if !contracts && phases != Phases::Contract {
            return Ok(None);
        }
        let is_empty = history.is_empty() && read.introspect().await?.is_empty();
        let release = if is_linked { aim.release.name() } else { None };
        Ok(Some(Self { phases, release, is_empty }))
    }

    /// The same, for the plan.
    pub(super) fn deploy(&self) -> Deploy<'_> {
        Deploy { phases: self.phases, release: self.release.as_deref(), is_empty: self.is_empty }
    }
}
