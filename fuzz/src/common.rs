//! Laws that several targets share: what is refused is refused with its place, and can be shown.

use db_migrations::diagnostic::Diagnostic;
use db_migrations::dialect::Dialect;
use db_migrations::report::human::{Weight, render};

/// One byte chooses among the dialects.
pub(crate) fn dialect(byte: u8) -> Dialect {
    Dialect::ALL[usize::from(byte) % Dialect::ALL.len()]
}

/// Every fault says something, and can be printed on a terminal.
pub(crate) fn told(faults: &[Diagnostic]) {
    assert!(!faults.is_empty(), "refused without a word");
    for fault in faults {
        assert!(!fault.message.is_empty());
        for frame in &fault.frames {
            let (start, end) = (frame.span.start, frame.span.end);
            assert!(start <= end && end <= frame.source.len(), "a frame outside of its text: {fault:?}");
            assert!(frame.line_column().0 >= 1);
        }
        let shown = render(fault, Weight::Error, false);
        assert!(shown.chars().all(harmless), "not fit for a terminal: {shown:?}");
    }
}

/// The same, and each with a place and a way out.
pub(crate) fn told_with_place(faults: &[Diagnostic]) {
    told(faults);
    for fault in faults {
        assert!(!fault.frames.is_empty(), "no line is named: {fault:?}");
        assert!(!fault.help.is_empty(), "no way out is named: {fault:?}");
    }
}

/// Neither a control character nor one that makes a text look like another.
pub(crate) fn harmless(c: char) -> bool {
    let deceptive = matches!(
        c,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    );
    matches!(c, '\n' | '\t') || !(c.is_control() || deceptive)
}
