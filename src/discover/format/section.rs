//! Formats with several sections in a file: lines with their offsets, and sections as scripts.
//!
//! A section keeps the numbers of its lines (`Script::lines_before`), so that a message about a
//! statement names the line of the file. Where the parts of one direction are apart, the lines
//! between them become empty: what runs is one text, and its lines still have their numbers.

use std::ops::Range;

use super::SqlFile;
use crate::diagnostic::{Diagnostic, Frame};
use crate::migration::Script;

/// A line and its bytes, with the line's end.
pub(super) struct Line<'a> {
    pub(super) text: &'a str,
    pub(super) span: Range<usize>,
}

impl Line<'_> {
    /// Neither empty nor only a comment.
    pub(super) fn is_statement(&self) -> bool {
        let text = self.text.trim();
        !text.is_empty() && !text.starts_with("--")
    }
}

pub(super) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut start = 0;
    text.split_inclusive('\n').map(move |line| {
        let span = start..start + line.len();
        start = span.end;
        Line { text: line.strip_suffix('\n').unwrap_or(line), span }
    })
}

/// The text before the first section: directives may stand there.
pub(super) fn preamble(file: &SqlFile, end: usize) -> Script {
    Script::new(&file.text[..end], file.path.clone())
}

/// The script made of these parts of the file, which are whole lines and in order.
pub(super) fn script(file: &SqlFile, parts: &[Range<usize>]) -> Script {
    let start = parts.first().map_or(0, |part| part.start);
    let mut text = String::new();
    let mut at = start;
    for part in parts {
        text.extend(file.text[at..part.start].matches('\n'));
        text.push_str(&file.text[part.clone()]);
        at = part.end;
    }
    let mut script = Script::new(text, file.path.clone());
    script.lines_before = file.text[..start].matches('\n').count();
    script
}

/// A fault in a line.
pub(super) fn fault(file: &SqlFile, span: Range<usize>, message: impl Into<String>) -> Diagnostic {
    let end = span.start + file.text[span.clone()].trim_end().len();
    Diagnostic::new(message).frame(Frame::new(file.path.as_ref(), file.text.clone(), span.start..end))
}

/// A fault of the file as a whole: it is shown at its first line.
pub(super) fn file_fault(file: &SqlFile, message: impl Into<String>) -> Diagnostic {
    let first = lines(&file.text).next().map_or(0..0, |line| line.span);
    fault(file, first, message)
}

#[cfg(test)]
mod tests {
    use super::super::tests::file;
    use super::*;

    #[test]
    fn parts_that_are_apart_keep_their_lines() {
        let file = file("1.sql", "0\na\nx\ny\nb\n");
        let script = script(&file, &[2..4, 8..10]);
        assert_eq!((script.text.as_ref(), script.lines_before), ("a\n\n\nb\n", 1));
    }

    #[test]
    fn no_parts_no_text() {
        assert_eq!(script(&file("1.sql", "0\n"), &[]).text.as_ref(), "");
    }
}
