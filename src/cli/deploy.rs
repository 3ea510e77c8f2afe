//! Which phase of a deploy a command means, and what the release is called.

use clap::ValueEnum;
use clap::builder::NonEmptyStringValueParser;

use super::context::Context;
use crate::config::Phases;
use crate::engine::{Aim, Release};
use crate::plan::Goal;

/// The variable that stands in for `--release`.
const RELEASE: &str = "DB_MIGRATIONS_RELEASE";

/// What the release is called.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Named {
    /// What the release is called, kept in the history [default: `DB_MIGRATIONS_RELEASE`, else the git revision]
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    release: Option<String>,
}

impl Named {
    /// By flag, environment, bundle, git.
    pub(super) fn release(&self, context: &Context) -> Release {
        if let Some(name) = self.release.clone().or_else(|| context.variable(RELEASE)) {
            return Release::Named(name);
        }
        match context.bundle() {
            Some(bundle) => bundle.release.clone().map_or(Release::Unknown, Release::Named),
            None => Release::Revision(context.root.clone()),
        }
    }

    /// What is written into a bundle: by flag or git.
    pub(super) fn built(&self, context: &Context) -> Option<String> {
        self.release.clone().or_else(|| Release::Revision(context.root.clone()).name())
    }
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
    pub(super) fn aim(&self, context: &Context, goal: Goal) -> Aim {
        let release = self.named.release(context);
        Aim { goal, apart: false, phases: self.phase.phases(), release }
    }
}
