//! Where discovery gathers what is wrong, so that all of it is told at once.

use crate::diagnostic::Diagnostic;

/// The faults found so far.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// What stops everything.
    pub(super) errors: Vec<Diagnostic>,
    /// What is only said.
    pub(super) warnings: Vec<Diagnostic>,
}

impl Faults {
    pub(super) fn error(&mut self, diagnostic: Diagnostic) {
        self.errors.push(diagnostic);
    }

    pub(super) fn warn(&mut self, diagnostic: Diagnostic) {
        self.warnings.push(diagnostic);
    }

    /// The value; the error is kept.
    pub(super) fn keep<T>(&mut self, result: Result<T, Diagnostic>) -> Option<T> {
        result.map_err(|diagnostic| self.errors.push(diagnostic)).ok()
    }
}

/// "a, b and c", in backticks.
pub(super) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<_> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => words.concat(),
    }
}
