//! Walking over the tokens of one statement, forwards only.

use super::super::cursor::Piece;
use super::super::lex::TokenKind;
use super::{Kind, Object};

/// What is left of a statement. Copies are cheap.
#[derive(Clone, Copy)]
pub(in crate::sql) struct Walk<'a> {
    pub(in crate::sql) rest: &'a [Piece<'a>],
}

impl<'a> Walk<'a> {
    pub(in crate::sql) const fn new(pieces: &'a [Piece<'a>]) -> Self {
        Self { rest: pieces }
    }

    pub(in crate::sql) fn peek(&self) -> Option<Piece<'a>> {
        self.rest.first().copied()
    }

    pub(in crate::sql) fn next(&mut self) -> Option<Piece<'a>> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    pub(in crate::sql) fn next_is(&self, word: &str) -> bool {
        self.peek().is_some_and(|piece| piece.is(word))
    }

    /// Steps over these words if all of them come next.
    pub(in crate::sql) fn eat(&mut self, words: &[&str]) -> bool {
        let found =
            words.len() <= self.rest.len() && words.iter().zip(self.rest).all(|(word, piece)| piece.is(word));
        if found {
            self.rest = &self.rest[words.len()..];
        }
        found
    }

    /// Steps over the next word if it is one of these, and says which.
    pub(in crate::sql) fn eat_any(&mut self, words: &[&'static str]) -> Option<&'static str> {
        let piece = self.peek()?;
        let found = words.iter().find(|word| piece.is(word))?;
        self.next();
        Some(found)
    }

    pub(in crate::sql) fn eat_sign(&mut self, sign: &str) -> bool {
        let found = self.peek().is_some_and(|piece| piece.text == sign);
        if found {
            self.next();
        }
        found
    }

    /// Steps over every one of these words, in any order; whether the first of them was among them.
    pub(in crate::sql) fn skip_any(&mut self, words: &[&'static str]) {
        while self.eat_any(words).is_some() {}
    }

    /// `IF EXISTS`, `IF NOT EXISTS`, `ONLY`, `CONCURRENTLY`.
    pub(in crate::sql) fn skip_conditions(&mut self) {
        while self.eat(&["IF", "NOT", "EXISTS"])
            || self.eat(&["IF", "EXISTS"])
            || self.eat_any(&["ONLY", "CONCURRENTLY"]).is_some()
        {}
    }

    /// Reads `[schema .] name`.
    pub(in crate::sql) fn object(&mut self, kind: Kind) -> Option<Object> {
        let mut parts = Vec::new();
        loop {
            let piece = self.peek()?;
            if !matches!(piece.kind, TokenKind::Word | TokenKind::QuotedName | TokenKind::Text) {
                return None;
            }
            self.next();
            parts.push(piece.unquoted());
            if !self.eat_sign(".") {
                break;
            }
        }
        let name = parts.pop()?;
        Some(Object { kind, schema: parts.pop(), name })
    }

    /// Reads `name [, name] …`, each with what stands behind it up to the next comma.
    pub(in crate::sql) fn objects(&mut self, kind: Kind) -> Vec<Object> {
        let mut objects = Vec::new();
        while let Some(object) = self.object(kind) {
            objects.push(object);
            if self.peek().is_some_and(|piece| piece.text == "*") {
                self.next();
            }
            if !self.eat_sign(",") {
                break;
            }
            self.skip_conditions();
        }
        objects
    }

    /// Goes behind the next of these words that stands outside of parentheses.
    pub(in crate::sql) fn find(&mut self, words: &[&str]) -> bool {
        let mut depth = 0_usize;
        while let Some(piece) = self.next() {
            match piece.kind {
                TokenKind::OpenParen => depth += 1,
                TokenKind::CloseParen => depth = depth.saturating_sub(1),
                _ if depth == 0 && piece.is_any(words) => return true,
                _ => {}
            }
        }
        false
    }

    /// Whether these words stand anywhere, one behind the other.
    pub(in crate::sql) fn has(&self, words: &[&str]) -> bool {
        self.rest
            .windows(words.len())
            .any(|window| window.iter().zip(words).all(|(piece, word)| piece.is(word)))
    }

    /// The parts between the commas outside of parentheses.
    pub(in crate::sql) fn clauses(&self) -> Vec<Walk<'a>> {
        let (mut clauses, mut depth, mut from) = (Vec::new(), 0_usize, 0);
        for (at, piece) in self.rest.iter().enumerate() {
            match piece.kind {
                TokenKind::OpenParen => depth += 1,
                TokenKind::CloseParen => depth = depth.saturating_sub(1),
                TokenKind::Comma if depth == 0 => {
                    clauses.push(Walk::new(&self.rest[from..at]));
                    from = at + 1;
                }
                _ => {}
            }
        }
        clauses.push(Walk::new(&self.rest[from..]));
        clauses
    }
}

/// The first words of a statement, to be shown.
pub(in crate::sql) fn said(pieces: &[Piece<'_>], limit: usize) -> String {
    let mut words: Vec<String> =
        pieces.iter().take(limit).map(|piece| piece.text.chars().take(40).collect()).collect();
    if pieces.len() > limit {
        words.push("…".to_owned());
    }
    words.join(" ")
}
