//! What really contradicts: both sides, with a frame each, and the way out.

use crate::diagnostic::{Diagnostic, Frame};
use crate::id::MigrationId;

use super::order::Who;
use super::value::Clash;
use super::{Side, Sides};

/// The contradictions of one merge.
pub(super) struct Clashes<'a> {
    sides: Sides<'a>,
    found: Vec<Diagnostic>,
}

impl<'a> Clashes<'a> {
    pub(super) fn new(sides: Sides<'a>) -> Self {
        Self { sides, found: Vec::new() }
    }

    /// The contradictions, if there are any.
    pub(super) fn none(&mut self) -> Result<(), Vec<Diagnostic>> {
        if self.found.is_empty() { Ok(()) } else { Err(std::mem::take(&mut self.found)) }
    }

    fn frame(&self, side: Side, id: &MigrationId, label: &str) -> Option<Frame> {
        let document = match side {
            Side::Ours => self.sides.ours,
            Side::Theirs => self.sides.theirs,
        };
        Some(document.frame(id)?.label(label))
    }

    /// `side` changed an entry that the other side removed.
    pub(super) fn removed(&mut self, id: &MigrationId, side: Side) {
        let (keeps, removes) = match side {
            Side::Ours => (Side::Ours, Side::Theirs),
            Side::Theirs => (Side::Theirs, Side::Ours),
        };
        let mut fault = Diagnostic::new(format!(
            "`{id}` was changed by {} and removed by {}",
            keeps.name(),
            removes.name()
        ));
        fault.about = Some(("removed", id.to_string()));
        fault.frames.extend(self.frame(side, id, "changed here"));
        self.found.push(
            fault
                .help(format!("to keep it, add `--{} {id}`", keeps.name()))
                .help(format!("to remove it, add `--{} {id}`", removes.name())),
        );
    }

    /// Both sides have a value of their own.
    pub(super) fn values(&mut self, id: &MigrationId, clashes: Vec<Clash>) {
        for clash in clashes {
            let mut fault = Diagnostic::new(format!("both sides changed `{}` of `{id}`", clash.field));
            fault.about = Some(("value", id.to_string()));
            fault.frames.extend(self.frame(Side::Ours, id, &format!("ours: {}", clash.ours)));
            fault.frames.extend(self.frame(Side::Theirs, id, &format!("theirs: {}", clash.theirs)));
            self.found.push(fault.help(format!("add `--ours {id}` or `--theirs {id}`")));
        }
    }

    /// Each stands before the next one, as somebody says, and the last before the first.
    pub(super) fn orders(&mut self, circle: &[(MigrationId, Who)]) {
        let Some((first, _)) = circle.first() else { return };
        let next = |at: usize| &circle[(at + 1) % circle.len()].0;
        let mut fault = Diagnostic::new("the orders of both sides contradict each other");
        fault.about = Some(("order", first.to_string()));
        for (at, (id, who)) in circle.iter().enumerate() {
            let name = match who {
                Who::One(side) => side.name(),
                Who::Both => "both sides",
            };
            fault.notes.push(format!("{name}: `{id}` before `{}`", next(at)));
            let side = if let Who::One(side) = who { *side } else { Side::Ours };
            fault.frames.extend(self.frame(side, id, &format!("in {} before `{}`", side.name(), next(at))));
        }
        self.found.push(
            fault
                .help(format!(
                    "add `--ours {first}` or `--theirs {first}`: then only that side's place of it counts"
                ))
                .help("or `--prefer ours` or `--prefer theirs` for all that contradicts"),
        );
    }
}
