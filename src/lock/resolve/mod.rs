//! Two locks with a common ancestor → one lock, with what every person wrote into either.
//!
//! - `order` merges the two orders, `value` the fields of an entry, `piece` the texts around them
//! - `clash` says what really contradicts, and shows where
//! - `marker` reads and writes git's conflict markers
//!
//! An entry that one side removed and the other left alone is removed; what either side added is there.
//! The result is read again and compared, as after every edit. Git and files are not known here.

mod clash;
mod marker;
mod order;
mod piece;
mod value;

use std::collections::{HashMap, HashSet};

use indexmap::IndexSet;

use crate::diagnostic::Diagnostic;
use crate::id::{Checksum, MigrationId};

use super::edit;
use super::text::Document;
use super::{Entry, Lock};
use clash::Clashes;
use order::Orders;
use piece::{Piece, Pieces};

pub use marker::{Unmarked, has_markers, marked, unmarked};

/// One of the two that are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The branch that is checked out (in a rebase: the one that is rebased on).
    Ours,
    /// The branch that is merged into it (in a rebase: the commits that are moved).
    Theirs,
}

impl Side {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Theirs => "theirs",
        }
    }
}

/// What a person decided about things that contradict.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// The side that wins wherever nothing else is said.
    pub prefer: Option<Side>,
    /// The side that wins for one migration.
    pub ids: HashMap<MigrationId, Side>,
}

impl Choice {
    fn of(&self, id: &MigrationId) -> Option<Side> {
        self.ids.get(id).copied().or(self.prefer)
    }
}

/// The three locks of a merge.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    /// The common ancestor, where there is one that can be read.
    pub base: Option<&'a Document>,
    /// Our side.
    pub ours: &'a Document,
    /// Their side.
    pub theirs: &'a Document,
}

/// Merges; `now` is the checksum of a migration's text as it is found, for the entries that both sides
/// locked anew. The errors are contradictions that `choice` does not decide.
///
/// ```
/// use db_migrations::lock::{Document, resolve::{Choice, Sides, resolve}};
/// let [base, ours, theirs] = [
///     "a::1_x: { skip: false }\n",
///     "a::1_x: { skip: true }\na::2_y: { skip: false }\n",
///     "a::1_x: { skip: false }\nb::1_z: { skip: false }\n",
/// ]
/// .map(|text| Document::parse("lock", text).unwrap());
/// let sides = Sides { base: Some(&base), ours: &ours, theirs: &theirs };
/// let text = resolve(&sides, &Choice::default(), &|_| None).unwrap();
/// assert_eq!(text, "a::1_x: { skip: true }\na::2_y: { skip: false }\nb::1_z: { skip: false }\n");
/// ```
pub fn resolve(
    sides: &Sides<'_>,
    choice: &Choice,
    now: &dyn Fn(&MigrationId) -> Option<Checksum>,
) -> Result<String, Vec<Diagnostic>> {
    let mut merging = Merging::new(sides, choice);
    let kept = merging.kept();
    let order = merging.order(&kept);
    let pieces = Texts::of(sides, &kept);
    let mut lock = Lock::default();
    let mut texts = Vec::with_capacity(order.len());
    for id in order {
        let (entry, piece) = merging.entry(&id, &pieces, now);
        texts.push(piece);
        lock.entries.insert(id, entry);
    }
    merging.clashes.none()?;
    let text = compose(sides, &pieces, &texts);
    let document = Document::parse(sides.ours.path(), &text)?;
    document.edit(&lock).map_err(|fault| vec![fault])
}

/// The three texts taken apart.
struct Texts {
    base: Option<Pieces>,
    ours: Pieces,
    theirs: Pieces,
}

impl Texts {
    fn of(sides: &Sides<'_>, kept: &IndexSet<MigrationId>) -> Self {
        let pieces = |document| Pieces::of(document, |id| kept.contains(id));
        Self { base: sides.base.map(pieces), ours: pieces(sides.ours), theirs: pieces(sides.theirs) }
    }
}

struct Merging<'a> {
    sides: Sides<'a>,
    choice: &'a Choice,
    clashes: Clashes<'a>,
}

impl<'a> Merging<'a> {
    fn new(sides: &Sides<'a>, choice: &'a Choice) -> Self {
        Self { sides: *sides, choice, clashes: Clashes::new(*sides) }
    }

    /// What is there in the end: ours in our order, then what only theirs has.
    fn kept(&mut self) -> IndexSet<MigrationId> {
        let all = Texts::of(&self.sides, &IndexSet::new());
        let (ours, theirs) = (self.sides.ours.lock(), self.sides.theirs.lock());
        let only_theirs = theirs.entries.keys().filter(|id| !ours.entries.contains_key(*id));
        let mut kept = IndexSet::new();
        for id in ours.entries.keys().chain(only_theirs) {
            let side = match (ours.entries.contains_key(id), theirs.entries.contains_key(id)) {
                (true, true) => None,
                (true, false) => Some((Side::Ours, ours, &all.ours)),
                _ => Some((Side::Theirs, theirs, &all.theirs)),
            };
            let stays = match (side, self.old(id)) {
                (None, _) | (_, None) => true,
                (Some((side, lock, pieces)), Some(old)) => {
                    let old_piece = all.base.as_ref().and_then(|base| base.entries.get(id));
                    let words =
                        pieces.entries.get(id).zip(old_piece).is_none_or(|(new, old)| new.same_words(old));
                    let untouched = words && lock.entries.get(id) == Some(old);
                    !untouched && self.stays(id, side)
                }
            };
            if stays {
                kept.insert(id.clone());
            }
        }
        kept
    }

    fn old(&self, id: &MigrationId) -> Option<&'a Entry> {
        self.sides.base.and_then(|base| base.lock().entries.get(id))
    }

    /// Whether an entry stays that `side` changed and the other side removed.
    fn stays(&mut self, id: &MigrationId, side: Side) -> bool {
        let chosen = self.choice.of(id);
        if chosen.is_none() {
            self.clashes.removed(id, side);
        }
        chosen.is_none_or(|chosen| chosen == side)
    }

    fn order(&mut self, kept: &IndexSet<MigrationId>) -> Vec<MigrationId> {
        let numbers = |lock: &Lock| -> Vec<usize> {
            lock.entries.keys().filter_map(|id| kept.get_index_of(id)).collect()
        };
        let base = self.sides.base.map(|base| numbers(base.lock())).unwrap_or_default();
        let (ours, theirs) = (numbers(self.sides.ours.lock()), numbers(self.sides.theirs.lock()));
        let n = kept.len();
        let merged =
            order::merge(&Orders { n, base: &base, ours: &ours, theirs: &theirs }).or_else(|circle| {
                if self.choice.ids.is_empty() {
                    return Err(circle);
                }
                // for a migration with a side of its own, the other side's place of it does not count
                let without = |order: &[usize], other: &[usize], side: Side| -> Vec<usize> {
                    let other: HashSet<&usize> = other.iter().collect();
                    let loses = |entry: &usize| {
                        other.contains(entry) && self.choice.ids.get(&kept[*entry]) == Some(&side)
                    };
                    order.iter().copied().filter(|entry| !loses(entry)).collect()
                };
                let left = without(&ours, &theirs, Side::Theirs);
                let right = without(&theirs, &ours, Side::Ours);
                order::merge(&Orders { n, base: &base, ours: &left, theirs: &right })
            });
        let order = merged.unwrap_or_else(|circle| match self.choice.prefer {
            Some(Side::Ours) => order::follow(n, &ours, &theirs),
            Some(Side::Theirs) => order::follow(n, &theirs, &ours),
            None => {
                let circle: Vec<_> =
                    circle.into_iter().map(|(entry, who)| (kept[entry].clone(), who)).collect();
                self.clashes.orders(&circle);
                (0..n).collect()
            }
        });
        order.into_iter().map(|entry| kept[entry].clone()).collect()
    }

    fn entry(
        &mut self,
        id: &MigrationId,
        texts: &Texts,
        now: &dyn Fn(&MigrationId) -> Option<Checksum>,
    ) -> (Entry, Piece) {
        let entries = (self.sides.ours.lock().entries.get(id), self.sides.theirs.lock().entries.get(id));
        let pieces = (texts.ours.entries.get(id), texts.theirs.entries.get(id));
        match (entries, pieces) {
            ((Some(ours), Some(theirs)), (Some(our_piece), Some(their_piece))) => {
                let (entry, clashes) = value::join(self.old(id), ours, theirs, now(id), self.choice.of(id));
                self.clashes.values(id, clashes);
                let old = texts.base.as_ref().and_then(|base| base.entries.get(id));
                (entry, piece::join(old, our_piece, their_piece))
            }
            ((ours, theirs), (our_piece, their_piece)) => (
                ours.or(theirs).cloned().unwrap_or_default(),
                our_piece.or(their_piece).cloned().unwrap_or_default(),
            ),
        }
    }
}

/// The text of all pieces, with our line ends.
fn compose(sides: &Sides<'_>, texts: &Texts, entries: &[Piece]) -> String {
    let words = |of: fn(&Pieces) -> &String| {
        piece::words(texts.base.as_ref().map(|base| of(base).as_str()), of(&texts.ours), of(&texts.theirs))
    };
    let mut text = words(|pieces| &pieces.header);
    for (i, piece) in entries.iter().enumerate() {
        text.push_str(&piece.lead);
        // a comment right below the file's own one would become a part of it
        let apart = text.is_empty() || text.ends_with("\n\n");
        if i == 0 && !piece.comment.is_empty() && !apart {
            text.push('\n');
        }
        text.push_str(&piece.comment);
        text.push_str(&piece.lines);
    }
    text.push_str(&words(|pieces| &pieces.tail));
    let ours = sides.ours.text();
    if edit::newline(if ours.is_empty() { sides.theirs.text() } else { ours }) == "\r\n" {
        text = text.replace('\n', "\r\n");
    }
    if ours.starts_with('\u{feff}') { format!("\u{feff}{text}") } else { text }
}
