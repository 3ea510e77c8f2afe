//! What differs between two locks, entry by entry.
//!
//! An entry that `replaces` one that went is that one under another name. Of the entries that both have, as few as
//! can be count as moved. Where the locks come from is not known here.

use std::collections::{HashMap, HashSet};

use crate::id::MigrationId;

use super::sequence::stayed;
use super::{Entry, Lock};

/// What happened to an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It came.
    Added,
    /// It went.
    Removed,
    /// It had this id.
    Renamed(MigrationId),
    /// It stands elsewhere: behind this one now, or first.
    Moved(Option<MigrationId>),
    /// It will not run any more.
    Skipped,
    /// It will run again.
    Unskipped,
    /// Another text is locked.
    Changed,
}

impl Change {
    /// The word in reports and JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Renamed(_) => "renamed",
            Self::Moved(_) => "moved",
            Self::Skipped => "skipped",
            Self::Unskipped => "unskipped",
            Self::Changed => "changed",
        }
    }
}

/// All that happened, in the order of the new lock; what went comes last, in the order of the old.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// Each with its migration; one can have several.
    pub changes: Vec<(MigrationId, Change)>,
}

impl Diff {
    /// Compares.
    ///
    /// ```
    /// use db_migrations::lock::{Diff, Document};
    /// let lock = |text| Document::parse("lock", text).unwrap().lock().clone();
    /// let diff = Diff::of(&lock("a::1_x: {}\na::2_y: {}\na::3_z: {}\n"), &lock("a::2_y: {}\na::3_z: {}\na::1_x: { skip: true }\n"));
    /// let words: Vec<_> = diff.changes.iter().map(|(id, change)| (id.as_str(), change.name())).collect();
    /// assert_eq!(words, [("a::1_x", "moved"), ("a::1_x", "skipped")]);
    /// ```
    pub fn of(old: &Lock, new: &Lock) -> Self {
        let before = |id: &MigrationId, entry: &Entry| -> Option<usize> {
            old.entries.get_index_of(id).or_else(|| {
                let gone = |id: &&MigrationId| !new.entries.contains_key(*id);
                entry.former_names().filter(gone).find_map(|id| old.entries.get_index_of(id))
            })
        };
        let places: Vec<Option<usize>> = new.entries.iter().map(|(id, entry)| before(id, entry)).collect();
        let common: Vec<usize> = places.iter().copied().flatten().collect();
        let order: HashMap<usize, bool> = common.iter().copied().zip(stayed(&common)).collect();
        let mut diff = Self::default();
        let mut last: Option<&MigrationId> = None;
        for ((id, entry), place) in new.entries.iter().zip(&places) {
            let was = place.and_then(|place| old.entries.get_index(place).map(|was| (place, was)));
            match was {
                None => diff.push(id, Change::Added),
                Some((place, (old_id, old_entry))) => {
                    if old_id != id {
                        diff.push(id, Change::Renamed(old_id.clone()));
                    }
                    if order.get(&place) == Some(&false) {
                        diff.push(id, Change::Moved(last.cloned()));
                    }
                    diff.fields(id, old_entry, entry);
                }
            }
            last = Some(id);
        }
        let known: HashSet<usize> = common.into_iter().collect();
        for (_, id) in old.entries.keys().enumerate().filter(|(place, _)| !known.contains(place)) {
            diff.push(id, Change::Removed);
        }
        diff
    }

    fn push(&mut self, id: &MigrationId, change: Change) {
        self.changes.push((id.clone(), change));
    }

    fn fields(&mut self, id: &MigrationId, old: &Entry, new: &Entry) {
        match (old.skip, new.skip) {
            (false, true) => self.push(id, Change::Skipped),
            (true, false) => self.push(id, Change::Unskipped),
            _ => {}
        }
        // one that is filled in is no change of the text
        if old.checksum.is_some() && old.checksum != new.checksum {
            self.push(id, Change::Changed);
        }
    }
}
