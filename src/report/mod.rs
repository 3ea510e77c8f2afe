//! Turning values into text: for people (`human`) and for machines (`json`).
//!
//! Nothing here decides anything; it prints what the engine says. All text that came from outside
//! (file names, server messages) passes through `clean`, so that no control character reaches a
//! terminal, and no password of a URL anybody.

pub use crate::diagnostic::count;
use crate::id::is_deceptive;
use crate::secret;

pub mod human;
pub mod json;

/// A text without control, bidirectional and zero-width characters: those are written as `\u{…}`.
/// Line breaks and tabs stay. Passwords of URLs are `***`.
pub fn clean(text: &str) -> String {
    let text = &secret::masked(text);
    let harmless = |c: char| matches!(c, '\n' | '\t') || !(c.is_control() || is_deceptive(c));
    if text.chars().all(harmless) {
        return text.to_owned();
    }
    text.chars().map(|c| if harmless(c) { c.to_string() } else { c.escape_unicode().to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn escapes_do_not_reach_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\nc\u{202e}"), "a\\u{1b}[2Jb\nc\\u{202e}");
        assert_eq!(clean("Grüße\t✓"), "Grüße\t✓");
    }
}
