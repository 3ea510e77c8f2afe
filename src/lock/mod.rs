//! The lock file `migrations-lock.yml`, as a value.
//!
//! - `merge` (pure): lock × catalogue × history → the lock that should be, and findings
//! - `text`: reading the file with every refusal, and editing its text so that a hand's work survives
//! - `find`: the migration that a short form of an id means
//! - `resolve`: one lock of two that have a common ancestor
//! - `finding`: what merge has to say, and how much it weighs
//!
//! Line order is execution order. Reading and writing the file itself is `lockfile`'s.

mod diff;
mod edit;
mod find;
mod finding;
mod merge;
mod order;
mod read;
mod reconcile;
pub mod resolve;
mod sequence;
mod text;

use indexmap::IndexMap;

use crate::id::{Checksum, MigrationId};
use crate::migration::Former;

pub use diff::{Change, Diff};
pub use find::find;
pub use finding::{Finding, Rule};
pub use merge::{Merged, merge};
pub use text::{Document, HEADER};

/// One line of the lock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Do not run it.
    pub skip: bool,
    /// It is a copy of that entry, which runs in its place.
    pub same_as: Option<MigrationId>,
    /// The checksum of its up texts; absent until the next write.
    pub checksum: Option<Checksum>,
    /// Migrations that it stands for: a database that ran all of them does not run it.
    pub replaces: Vec<Former>,
    /// A person has seen what it does.
    pub reviewed: Option<bool>,
}

impl Entry {
    /// Locks this text. Who has looked at another one has not looked at it.
    pub fn accept(&mut self, checksum: Checksum) {
        if self.checksum != Some(checksum) {
            self.checksum = Some(checksum);
            self.reviewed = None;
        }
    }

    /// The names of all that it stands for.
    pub fn former_names(&self) -> impl Iterator<Item = &MigrationId> {
        self.replaces.iter().flat_map(Former::names)
    }

    /// Whether several were put together into it. One that stands for a single one is that one under another name.
    pub fn is_base(&self) -> bool {
        self.replaces.len() > 1
    }

    /// It stands for this one, too, under another name: a database that ran either has run it.
    pub fn was_called(&mut self, old: &MigrationId) {
        if self.replaces.is_empty() {
            self.replaces.push(old.clone().into());
        }
        for former in &mut self.replaces {
            former.was_called(old.clone());
        }
    }

    /// What one that takes the place of this entry stands for.
    pub fn as_formers(&self, id: &MigrationId) -> Vec<Former> {
        let mut renamed = self.clone();
        renamed.was_called(id);
        renamed.replaces
    }
}

/// The lock: entries in execution order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// id → entry, in order.
    pub entries: IndexMap<MigrationId, Entry>,
}

impl Lock {
    /// Equal in order, too (an `IndexMap` compares as a set).
    pub fn same(&self, other: &Self) -> bool {
        self.entries.len() == other.entries.len() && self.entries.iter().eq(other.entries.iter())
    }

    /// Gives an entry another id, at its place: it stands for the old one from now on. Copies follow.
    pub fn rename(&mut self, old: &MigrationId, new: &MigrationId) {
        let Some((place, old, mut entry)) = self.entries.shift_remove_full(old) else { return };
        entry.was_called(&old);
        self.entries.shift_insert(place, new.clone(), entry);
        for entry in self.entries.values_mut().filter(|entry| entry.same_as.as_ref() == Some(&old)) {
            entry.same_as = Some(new.clone());
        }
    }

    /// Entries that run on an empty database, in order.
    pub fn runnable(&self) -> impl Iterator<Item = &MigrationId> {
        self.entries.iter().filter(|(_, entry)| !entry.skip).map(|(id, _)| id)
    }
}
