//! What a release is called, and what a deploy of it may run here.
//!
//! Somebody names it, or it is the revision that is checked out. Git is asked only where the name is needed: for
//! the row of a run, and for contract steps that are linked to others.

use std::path::PathBuf;

use crate::config::Phases;
use crate::database::{DatabaseError, Read};
use crate::diagnostic::Diagnostic;
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
    /// A name that a person gave, without the blanks around it. It stands in the history and in messages, and two that
    /// look the same must be the same.
    pub fn named(text: &str, setting: &str) -> Result<Self, Diagnostic> {
        let name = text.trim();
        let is_unfit = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        let fault = if name.is_empty() {
            format!("the release of {setting} has no name")
        } else if name.contains(is_unfit) {
            format!("the release of {setting} has a line break or a control character in its name: {name:?}")
        } else {
            return Ok(Self::Named(name.to_owned()));
        };
        Err(Diagnostic::new(fault).help("name it on one line: a version, a tag, a revision"))
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line() {
        let named = |text: &str| Release::named(text, "`--release`").map_err(|fault| fault.message);
        assert_eq!(named(" 1.0 beta\n"), Ok(Release::Named("1.0 beta".to_owned())));
        assert_eq!(named("ü"), Ok(Release::Named("ü".to_owned())));
        for empty in ["", " ", "\n\t"] {
            assert_eq!(named(empty), Err("the release of `--release` has no name".to_owned()), "{empty:?}");
        }
        for unfit in ["1\n2", "1\r2", "\u{1b}[31m1", "1\u{7f}", "1\u{85}2", "1\u{2028}2", "1\t2", "1\0"] {
            let fault = named(unfit).unwrap_err();
            assert!(fault.contains("has a line break or a control character"), "{unfit:?}");
            assert!(!fault.contains(|c: char| c.is_control()), "{fault:?}");
        }
    }
}
