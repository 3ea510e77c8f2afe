//! What a person is told when something is wrong: message, place, causes, way out.
//!
//! Every floor makes these values; only `report` turns them into text on a terminal. A diagnostic
//! carries the source text it points into, so that printing one needs no second read of a file.

use std::ops::Range;
use std::sync::Arc;

/// A place in a text, shown as a code frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The file as it is shown.
    pub path: String,
    /// The whole text.
    pub source: Arc<str>,
    /// The bytes that are meant.
    pub span: Range<usize>,
    /// What is said beside them; may be empty.
    pub label: String,
    /// How many lines of the file stand before `source` (a section of a dbmate file, say).
    pub lines_before: usize,
}

impl Frame {
    /// A frame over `span` of `source`.
    pub fn new(path: impl Into<String>, source: impl Into<Arc<str>>, span: Range<usize>) -> Self {
        Self { path: path.into(), source: source.into(), span, label: String::new(), lines_before: 0 }
    }

    /// Says something beside the marked bytes.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Line and column (in characters) of the first marked byte, both from 1.
    pub fn line_column(&self) -> (usize, usize) {
        let (line, column) = line_column(&self.source, self.span.start);
        (line + self.lines_before, column)
    }
}

/// Line and column (in characters) of a byte offset, both from 1.
pub fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..floor_boundary(text, offset)];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// One thing that is wrong, with where and what to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostic {
    /// Lower case, no full stop, literals in backticks.
    pub message: String,
    /// The places, first the main one.
    pub frames: Vec<Frame>,
    /// `caused by:` lines, outermost first.
    pub causes: Vec<String>,
    /// Facts that are neither cause nor way out.
    pub notes: Vec<String>,
    /// `help:` lines: what to do now.
    pub help: Vec<String>,
    /// The rule that found it and the migration that is meant, for machines.
    pub about: Option<(&'static str, String)>,
}

impl Diagnostic {
    /// Only a message so far.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// Adds a place.
    #[must_use]
    pub fn frame(mut self, frame: Frame) -> Self {
        self.frames.push(frame);
        self
    }

    /// Adds a `caused by:` line.
    #[must_use]
    pub fn cause(mut self, cause: impl std::fmt::Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// Adds a `note:` line.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds a `help:` line.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
}

impl std::fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        if let Some(frame) = self.frames.first() {
            let (line, column) = frame.line_column();
            write!(f, " ({}:{line}:{column})", frame.path)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}

/// `1 entry`, `2 entries`.
pub fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// The nearest of `known` to a mistyped `word`, when it is near enough to be meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 2).clamp(1, 3);
    known
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        assert_eq!(line_column("a\näöü x", 9), (2, 5));
        assert_eq!(line_column("", 5), (1, 1));
    }

    #[test]
    fn nearest_is_near() {
        assert_eq!(nearest("skpi", ["skip", "checksum"]), Some("skip"));
        assert_eq!(nearest("colour", ["skip", "checksum"]), None);
    }
}
