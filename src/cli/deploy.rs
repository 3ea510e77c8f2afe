//! Which phase of a deploy a command means, and what the release is called.

use clap::ValueEnum;

use super::context::Context;
use crate::config::Phases;
use crate::diagnostic::Diagnostic;
use crate::engine::{Aim, Failure, FailureKind, Release};
use crate::plan::Goal;

/// The variable that stands in for `--release`.
const RELEASE: &str = "DB_MIGRATIONS_RELEASE";

/// What the release is called.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Named {
    /// What the release is called, kept in the history [default: `DB_MIGRATIONS_RELEASE`, else the git revision]
    #[arg(long, value_name = "NAME")]
    release: Option<String>,
}

impl Named {
    /// By flag, environment, bundle, git.
    pub(super) fn release(&self, context: &Context) -> Result<Release, Failure> {
        if let Some(flag) = self.flag()? {
            return Ok(flag);
        }
        if let Some(variable) = context.variable(RELEASE) {
            return Release::named(&variable, &format!("`{RELEASE}`")).map_err(usage);
        }
        Ok(match context.bundle() {
            Some(bundle) => bundle.release.clone().map_or(Release::Unknown, Release::Named),
            None => Release::Revision(context.root.clone()),
        })
    }

    fn flag(&self) -> Result<Option<Release>, Failure> {
        let named = |name: &String| Release::named(name, "`--release`").map_err(usage);
        self.release.as_ref().map(named).transpose()
    }

    /// What is written into a bundle: by flag or git.
    pub(super) fn built(&self, context: &Context) -> Result<Option<String>, Failure> {
        let release = self.flag()?.unwrap_or_else(|| Release::Revision(context.root.clone()));
        Ok(release.name())
    }
}

fn usage(fault: Diagnostic) -> Failure {
    Failure::new(FailureKind::Usage, fault)
}

/// Which steps of a deploy.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Phase {
    /// Only what runs before the new code, or only what runs after it [default: `policy.phase`, else all that may run]
    #[arg(long, value_enum, value_name = "PHASE")]
    phase: Option<Which>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Which {
    /// All that may run now; a contract step that must wait is left out
    All,
    /// What must run before the new code
    Expand,
    /// What may run once no old code is left
    Contract,
}

impl Phase {
    /// `None` = what the configuration says.
    pub(super) fn phases(&self) -> Option<Phases> {
        self.phase.map(|which| match which {
            Which::All => Phases::All,
            Which::Expand => Phases::Expand,
            Which::Contract => Phases::Contract,
        })
    }
}

/// Both, for commands that look.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Deploy {
    #[command(flatten)]
    phase: Phase,
    #[command(flatten)]
    named: Named,
}

impl Deploy {
    /// What is looked at.
    pub(super) fn aim(&self, context: &Context, goal: Goal) -> Result<Aim, Failure> {
        let release = self.named.release(context)?;
        Ok(Aim { goal, apart: false, phases: self.phase.phases(), release })
    }
}
