//! What a merge has to say about lock, catalogue and history.

use crate::diagnostic::Diagnostic;
use crate::id::MigrationId;

/// What is the matter. How much it weighs belongs to the command: see [`Rule::needs_hand`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Found, and not locked before.
    New,
    /// A new one that is a copy of another module's migration.
    Copy,
    /// A new one that takes the place of one that it `replaces`.
    Replaced,
    /// Locked without a checksum; filled in at the next write.
    Unfilled,
    /// The text differs from the locked checksum.
    Changed,
    /// Locked, not found, and not run here.
    Missing,
    /// Locked, not found, and run here.
    Orphaned,
    /// Run here, and neither locked nor found.
    Unknown,
    /// `skip: true`, and yet it has run here.
    SkippedAfterRun,
    /// One id went and one came, with the same version or text.
    Rename,
    /// `same-as` names no entry that runs.
    SameAs,
    /// A new migration has an id that another one replaces.
    Reused,
    /// Same version and slug as another module's migration, other text.
    CopyDiffers,
    /// The order by hand contradicts a `depends-on`.
    HandOrder,
    /// A `depends-on` that names nothing.
    UnknownDependency,
    /// A skipped entry was not found any more.
    SkippedMissing,
    /// Two that run stand for one and the same migration.
    Overlap,
    /// A base would take the place of entries of which some are skipped.
    MixedBase,
    /// The same line twice, as a union merge leaves it.
    DuplicateLine,
    /// An external module's migration that a person should have looked at.
    Unreviewed,
    /// A `contract-of` that names nothing.
    UnknownContract,
}

impl Rule {
    /// The name in JSON and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Copy => "copy",
            Self::Replaced => "replaced",
            Self::Unfilled => "unfilled",
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Orphaned => "orphaned",
            Self::Unknown => "unknown",
            Self::SkippedAfterRun => "skipped-after-run",
            Self::Rename => "rename",
            Self::SameAs => "same-as",
            Self::Reused => "reused",
            Self::CopyDiffers => "copy-differs",
            Self::HandOrder => "hand-order",
            Self::UnknownDependency => "unknown-dependency",
            Self::SkippedMissing => "skipped-missing",
            Self::Overlap => "overlap",
            Self::MixedBase => "mixed-base",
            Self::DuplicateLine => "duplicate-line",
            Self::Unreviewed => "unreviewed",
            Self::UnknownContract => "unknown-contract",
        }
    }

    /// A person must decide before anything may run: `migrate` refuses in every mode.
    pub const fn needs_hand(self) -> bool {
        matches!(
            self,
            Self::Changed
                | Self::Missing
                | Self::Rename
                | Self::SameAs
                | Self::Reused
                | Self::Overlap
                | Self::MixedBase
                | Self::UnknownContract
        )
    }

    /// The next `lock` writes it down: news in update mode, a misfit under `--locked`.
    pub const fn changes_lock(self) -> bool {
        matches!(self, Self::New | Self::Copy | Self::Replaced | Self::Unfilled | Self::DuplicateLine)
    }

    /// Worth a warning; the rest are notes.
    pub const fn warns(self) -> bool {
        matches!(
            self,
            Self::Orphaned
                | Self::Unknown
                | Self::SkippedAfterRun
                | Self::CopyDiffers
                | Self::HandOrder
                | Self::UnknownDependency
        )
    }
}

/// One result of a merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is the matter.
    pub rule: Rule,
    /// With which migration.
    pub id: MigrationId,
    /// What a person is told.
    pub diagnostic: Diagnostic,
}

impl Finding {
    /// A finding with its message.
    pub fn new(rule: Rule, id: &MigrationId, message: impl Into<String>) -> Self {
        let mut diagnostic = Diagnostic::new(message);
        diagnostic.about = Some((rule.name(), id.to_string()));
        Self { rule, id: id.clone(), diagnostic }
    }

    /// Adds the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.diagnostic = self.diagnostic.help(help);
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.diagnostic = self.diagnostic.note(note);
        self
    }
}
