//! What the client of MariaDB and MySQL knows and no server does: `DELIMITER` lines.
//!
//! As the client has it, such a line stands where a statement could begin; the new delimiter then
//! counts wherever it stands outside of strings, quoted names and comments, even within a word. The
//! client's other commands (`source`, `\g`) are not known.

use super::{Lexer, Scan, TokenKind, Unterminated};

/// The client cuts longer ones short.
const LONGEST: usize = 15;

impl Lexer<'_> {
    /// The next token, by the client's rules where there are any.
    pub(super) fn scan_script(&mut self) -> Scan {
        let rest = self.rest();
        if let Some(delimiter) = self.delimiter
            && rest.starts_with(delimiter.as_bytes())
        {
            return Ok((TokenKind::Delimiter, delimiter.len()));
        }
        if self.between && self.begins_command() {
            return self.command();
        }
        let (kind, length) = self.scan()?;
        Ok((kind, self.up_to_delimiter(kind, length)))
    }

    fn begins_command(&self) -> bool {
        const WORD: &[u8] = b"delimiter";
        let rest = self.rest();
        let alone = rest.get(WORD.len()).is_none_or(u8::is_ascii_whitespace);
        if !alone || !rest.get(..WORD.len()).is_some_and(|word| word.eq_ignore_ascii_case(WORD)) {
            return false;
        }
        let before = self.text[..self.at].trim_end_matches([' ', '\t']);
        before.is_empty() || before.ends_with('\n')
    }

    /// Takes the rest of the line; what stands behind the delimiter means nothing.
    fn command(&mut self) -> Scan {
        let rest = &self.text[self.at..];
        let line = rest.lines().next().unwrap_or_default();
        let argument = line.split_ascii_whitespace().nth(1).map(unquoted).unwrap_or_default();
        if argument.is_empty() || argument.len() > LONGEST || argument.contains('\\') {
            return Err(self.open(Unterminated::Delimiter, line.trim_end().len()));
        }
        self.delimiter = (argument != ";").then_some(argument);
        Ok((TokenKind::ClientCommand, line.len()))
    }

    /// A token ends where the delimiter begins.
    fn up_to_delimiter(&self, kind: TokenKind, length: usize) -> usize {
        let Some(delimiter) = self.delimiter else { return length };
        let rest = self.rest();
        let mark = rest.starts_with(b"/*") || rest.starts_with(b"*/");
        if mark || !matches!(kind, TokenKind::Word | TokenKind::Number | TokenKind::Other) {
            return length;
        }
        let mut places = rest.windows(delimiter.len()).take(length).skip(1);
        places.position(|place| place == delimiter.as_bytes()).map_or(length, |at| at + 1)
    }
}

/// The client takes the delimiter between quotes, too.
fn unquoted(word: &str) -> &str {
    let inner = |quote| word.strip_prefix(quote)?.strip_suffix(quote);
    ['\'', '"', '`'].into_iter().find_map(inner).unwrap_or(word)
}
