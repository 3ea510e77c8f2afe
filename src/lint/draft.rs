//! What a rule says, before it is known what it weighs.

use std::ops::Range;

use super::fix::Fix;
use crate::sql::{Act, Object};

/// One finding of a rule.
pub(super) struct Draft {
    /// The statement that it is about; none where something is missing.
    pub(super) statement: Option<usize>,
    /// The bytes that are marked.
    pub(super) span: Range<usize>,
    /// The table that is touched.
    pub(super) table: Option<Object>,
    pub(super) message: String,
    pub(super) notes: Vec<String>,
    pub(super) help: Vec<String>,
    /// The way back is meant.
    pub(super) in_down: bool,
    /// How it can be taken away.
    pub(super) fix: Option<Fix>,
    /// Squawk is not asked.
    pub(super) is_ours: bool,
    /// The statement fails, however small the table is.
    pub(super) fails: bool,
}

impl Draft {
    /// On a change.
    pub(super) fn new(at: (usize, &Act), message: impl Into<String>) -> Self {
        let (n, act) = at;
        Self::at(Some(n), act.span.clone(), message).table(act.what.table())
    }

    /// On some bytes.
    pub(super) fn at(statement: Option<usize>, span: Range<usize>, message: impl Into<String>) -> Self {
        let (notes, help) = (Vec::new(), Vec::new());
        Self {
            statement,
            span,
            table: None,
            message: message.into(),
            notes,
            help,
            in_down: false,
            fix: None,
            is_ours: false,
            fails: false,
        }
    }

    pub(super) fn table(mut self, table: Option<&Object>) -> Self {
        self.table = table.cloned();
        self
    }

    /// Squawk has no rule for it.
    pub(super) fn ours(mut self) -> Self {
        self.is_ours = true;
        self
    }

    pub(super) fn failing(mut self, fails: bool) -> Self {
        self.fails = fails;
        self
    }

    pub(super) fn fix(mut self, fix: Option<Fix>) -> Self {
        self.fix = fix;
        self
    }

    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
}
