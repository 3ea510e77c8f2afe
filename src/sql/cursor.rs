//! Walking through the significant tokens of one statement, keyword by keyword.
//!
//! What is not closed simply ends the walk: whoever asks what a statement means has split the text
//! before, and there it was an error.

use super::lex::{Lexer, TokenKind, is_mark};
use crate::dialect::Dialect;

/// A significant token and its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) kind: TokenKind,
    pub(super) text: &'a str,
    /// Where the text begins.
    pub(super) at: usize,
}

impl Piece<'_> {
    /// Whether it is this unquoted word, in any case.
    pub(super) fn is(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    pub(super) fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    /// The name or the value that it stands for: without quotes; unquoted names lower-cased.
    pub(super) fn unquoted(&self) -> String {
        match self.kind {
            TokenKind::QuotedName | TokenKind::Text => unquote(self.text),
            _ => self.text.to_ascii_lowercase(),
        }
    }
}

/// The significant tokens of a statement. Copies are cheap: to look ahead, walk with a copy.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(dialect: Dialect, text: &'a str) -> Self {
        Self { text, lexer: Lexer::new(dialect, text) }
    }

    pub(super) fn peek(&self) -> Option<Piece<'a>> {
        self.clone().next()
    }

    pub(super) fn next_is(&self, word: &str) -> bool {
        self.peek().is_some_and(|piece| piece.is(word))
    }

    /// Steps over these words if all of them come next.
    pub(super) fn eat(&mut self, words: &[&str]) -> bool {
        let mut ahead = self.clone();
        let found = words.iter().all(|word| ahead.next().is_some_and(|piece| piece.is(word)));
        if found {
            *self = ahead;
        }
        found
    }

    /// Steps over the next word if it is one of these, and says which.
    pub(super) fn eat_any(&mut self, words: &[&'static str]) -> Option<&'static str> {
        let piece = self.peek()?;
        let found = words.iter().find(|word| piece.is(word))?;
        self.next();
        Some(found)
    }

    /// Steps over a token of this text.
    pub(super) fn eat_sign(&mut self, sign: &str) -> bool {
        let found = self.peek().is_some_and(|piece| piece.text == sign);
        if found {
            self.next();
        }
        found
    }

    /// Steps over every one of these words, in any order.
    pub(super) fn skip_any(&mut self, words: &[&'static str]) {
        while self.eat_any(words).is_some() {}
    }

    /// Reads `[schema .] name` and gives its parts, unquoted.
    pub(super) fn qualified_name(&mut self) -> Option<Vec<String>> {
        let mut parts = Vec::new();
        loop {
            let piece = self.next()?;
            if !matches!(piece.kind, TokenKind::Word | TokenKind::QuotedName | TokenKind::Text) {
                return None;
            }
            parts.push(piece.unquoted());
            if !self.eat_sign(".") {
                return Some(parts);
            }
        }
    }
}

impl<'a> Iterator for Cursor<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        loop {
            let token = self.lexer.next()?.ok()?;
            let text = &self.text[token.span.clone()];
            if token.kind.is_significant() && !is_mark(token.kind, text) {
                return Some(Piece { kind: token.kind, text, at: token.span.start });
            }
        }
    }
}

/// The content of a literal or a quoted name, whatever its quotes. Of backslash escapes only those
/// of a quote and of the backslash itself are undone.
fn unquote(text: &str) -> String {
    let Some(open) = text.find(['\'', '"', '`', '[', '$']) else { return text.to_owned() };
    let (prefix, quoted) = text.split_at(open);
    if let Some(tagged) = quoted.strip_prefix('$') {
        let tag = tagged.find('$').map_or(quoted.len(), |at| at + 2);
        return quoted.get(tag..quoted.len() - tag).unwrap_or_default().to_owned();
    }
    let inner = quoted.get(1..quoted.len() - 1).unwrap_or_default();
    let plain = match quoted.as_bytes()[0] {
        b'[' => inner.to_owned(),
        quote => {
            let quote = char::from(quote);
            inner.replace(&format!("{quote}{quote}"), &quote.to_string())
        }
    };
    if prefix.eq_ignore_ascii_case("e") {
        return plain.replace("\\'", "'").replace("\\\\", "\\");
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unquoting() {
        for (dialect, text, expected) in [
            (Dialect::Postgres, "Ab", "ab"),
            (Dialect::Postgres, "\"A\"\"b\"", "A\"b"),
            (Dialect::Postgres, "'it''s'", "it's"),
            (Dialect::Postgres, r"E'it\'s \\'", r"it's \"),
            (Dialect::Postgres, "$a$b$$c$a$", "b$$c"),
            (Dialect::Postgres, "''", ""),
            (Dialect::Sqlite, "[A b]", "A b"),
            (Dialect::Sqlite, "`a``b`", "a`b"),
        ] {
            assert_eq!(Cursor::new(dialect, text).next().unwrap().unquoted(), expected, "{text}");
        }
    }

    #[test]
    fn words_are_eaten_all_or_not_at_all() {
        let mut cursor = Cursor::new(Dialect::Postgres, "If /* x */ not NULL");
        assert!(!cursor.eat(&["IF", "NOT", "EXISTS"]));
        assert!(cursor.eat(&["IF", "NOT"]));
        assert!(cursor.next_is("null"));
    }

    #[test]
    fn executable_comments_are_transparent() {
        let mut cursor = Cursor::new(Dialect::MySql, "/*!50003 CREATE*/ /*!50017 DEFINER*/ x");
        assert!(cursor.eat(&["CREATE", "DEFINER", "X"]));
    }
}
