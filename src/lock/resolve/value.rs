//! One entry of three: each field as the side has it that changed it.

use crate::id::{Checksum, MigrationId};
use crate::migration::Former;

use super::super::Entry;
use super::Side;

/// A field for which both sides have a value of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Clash {
    pub(super) field: &'static str,
    pub(super) ours: String,
    pub(super) theirs: String,
}

/// Joins two entries; where they clash, `prefer` decides, and without it the clashes are told.
///
/// Without a base, the base is what a line says that nobody touched: then a side's `skip: true` counts.
pub(super) fn join(
    base: Option<&Entry>,
    ours: &Entry,
    theirs: &Entry,
    now: Option<Checksum>,
    prefer: Option<Side>,
) -> (Entry, Vec<Clash>) {
    let untouched = Entry::default();
    let base = base.unwrap_or(&untouched);
    let mut fields = Fields { prefer, clashes: Vec::new() };
    let id = |id: &Option<MigrationId>| id.as_ref().map_or("none".to_owned(), ToString::to_string);
    let checksum = match (ours.checksum, theirs.checksum) {
        // both texts may have been locked anew: the one that the file has now is right
        (Some(a), Some(b)) if a != b && base.checksum != Some(a) && base.checksum != Some(b) => {
            now.filter(|now| [a, b].contains(now))
        }
        _ => None,
    };
    let mut entry = Entry {
        skip: fields.join("skip", &base.skip, &ours.skip, &theirs.skip, ToString::to_string),
        same_as: fields.join("same-as", &base.same_as, &ours.same_as, &theirs.same_as, id),
        checksum: checksum.or_else(|| {
            let text =
                |sum: &Option<Checksum>| sum.map_or("none".to_owned(), |sum| format!("{}…", sum.short()));
            fields.join("checksum", &base.checksum, &ours.checksum, &theirs.checksum, text)
        }),
        replaces: union(&base.replaces, &ours.replaces, &theirs.replaces),
        reviewed: fields.join("reviewed", &base.reviewed, &ours.reviewed, &theirs.reviewed, |reviewed| {
            reviewed.map_or("none".to_owned(), |reviewed| reviewed.to_string())
        }),
    };
    // who has looked at one side's text has not looked at the other's
    let looked = |side: &Entry| side.reviewed == entry.reviewed && side.checksum == entry.checksum;
    if !looked(ours) && !looked(theirs) {
        entry.reviewed = None;
    }
    (entry, fields.clashes)
}

struct Fields {
    prefer: Option<Side>,
    clashes: Vec<Clash>,
}

impl Fields {
    fn join<T: Clone + PartialEq>(
        &mut self,
        field: &'static str,
        base: &T,
        ours: &T,
        theirs: &T,
        text: impl Fn(&T) -> String,
    ) -> T {
        let chosen = match self.prefer {
            _ if ours == theirs || theirs == base => ours,
            _ if ours == base => theirs,
            Some(Side::Ours) => ours,
            Some(Side::Theirs) => theirs,
            None => {
                self.clashes.push(Clash { field, ours: text(ours), theirs: text(theirs) });
                ours
            }
        };
        chosen.clone()
    }
}

/// What both have, what a side added, and not what a side took away.
fn union(base: &[Former], ours: &[Former], theirs: &[Former]) -> Vec<Former> {
    let kept = ours.iter().filter(|one| theirs.contains(one) || !base.contains(one));
    let added = theirs.iter().filter(|one| !ours.contains(one) && !base.contains(one));
    kept.chain(added).cloned().collect()
}
