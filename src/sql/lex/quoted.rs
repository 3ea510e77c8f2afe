//! Literals and names between quotes, and SQLite's parameters, which can hold quotes too.

use super::{Continuation, Lexer, Quoting, Scan, TokenKind, Unterminated, count, is_space, is_word};
use crate::dialect::Dialect;

/// The length of what stands before the quote of a literal or name that begins with a letter.
pub(super) fn prefix(dialect: Dialect, rest: &[u8]) -> Option<usize> {
    let letters: &[u8] = match dialect {
        Dialect::Postgres => b"eEbBxXnN",
        Dialect::Sqlite => b"xX",
        Dialect::MariaDb | Dialect::MySql => b"bBxXnN",
    };
    match rest {
        [letter, b'\'', ..] if letters.contains(letter) => Some(1),
        [b'u' | b'U', b'&', b'\'' | b'"', ..] if dialect == Dialect::Postgres => Some(2),
        _ => None,
    }
}

impl Lexer<'_> {
    /// A string literal whose quote stands after `prefix` bytes.
    pub(super) fn string(&mut self, rest: &[u8], prefix: usize) -> Scan {
        self.escapes = match self.dialect {
            Dialect::Postgres if prefix == 0 => {
                let continues = self.continuation == Continuation::AfterTextAndLineBreak;
                continues || self.quoting == Quoting::Backslashes
            }
            Dialect::Postgres => matches!(rest[0], b'e' | b'E'),
            Dialect::Sqlite => false,
            Dialect::MariaDb | Dialect::MySql => match self.quoting {
                Quoting::NoBackslashes => false,
                Quoting::AnsiQuotes => rest[prefix] != b'"',
                Quoting::Usual | Quoting::Backslashes => true,
            },
        };
        match length(rest, prefix, self.escapes) {
            Some(length) => Ok((TokenKind::Text, length)),
            None => Err(self.open(Unterminated::String, prefix + 1)),
        }
    }

    /// A quoted identifier whose quote stands after `prefix` bytes.
    pub(super) fn quoted_name(&self, rest: &[u8], prefix: usize) -> Scan {
        let length = match rest[prefix] {
            b'[' => rest.iter().position(|byte| *byte == b']').map(|at| at + 1),
            _ => length(rest, prefix, false),
        };
        match length {
            Some(length) => Ok((TokenKind::QuotedName, length)),
            None => Err(self.open(Unterminated::QuotedName, prefix + 1)),
        }
    }

    /// What begins with `$` on PostgreSQL: a dollar quote, `$1`, or a lone character.
    pub(super) fn dollar(&self, rest: &[u8]) -> Scan {
        let digits = count(&rest[1..], |byte| byte.is_ascii_digit());
        if digits > 0 {
            return Ok((TokenKind::Parameter, 1 + digits));
        }
        let tag = 1 + count(&rest[1..], |byte| is_word(byte) && byte != b'$');
        if rest.get(tag) != Some(&b'$') {
            return Ok((TokenKind::Other, 1));
        }
        let body = self.at + tag + 1;
        let delimiter = &self.text[self.at..body];
        match self.text[body..].find(delimiter) {
            Some(at) => Ok((TokenKind::Text, delimiter.len() + at + delimiter.len())),
            None => Err(self.open(Unterminated::DollarQuote, delimiter.len())),
        }
    }

    /// SQLite's `?1`, `:a`, `@a`, `#a` and `$a`, with the `::` and `(…)` that Tcl's variables have:
    /// in `$a(')` the quote opens nothing.
    pub(super) fn sqlite_parameter(&self, rest: &[u8]) -> Scan {
        if rest[0] == b'?' {
            return Ok((TokenKind::Parameter, 1 + count(&rest[1..], |byte| byte.is_ascii_digit())));
        }
        let (mut at, mut letters) = (1, 0);
        while let Some(&byte) = rest.get(at) {
            if is_word(byte) {
                (at, letters) = (at + 1, letters + 1);
            } else if byte == b':' && rest.get(at + 1) == Some(&b':') {
                at += 2;
            } else if byte == b'(' && letters > 0 {
                at += count(&rest[at..], |byte| byte != b')' && !is_space(byte));
                if rest.get(at) != Some(&b')') {
                    return Err(self.open(Unterminated::Parameter, at));
                }
                return Ok((TokenKind::Parameter, at + 1));
            } else {
                break;
            }
        }
        Ok((if letters > 0 { TokenKind::Parameter } else { TokenKind::Other }, at))
    }
}

/// The length of something quoted, if it is closed; inside, the doubled quote stands for itself.
fn length(rest: &[u8], prefix: usize, escapes: bool) -> Option<usize> {
    let quote = rest[prefix];
    let mut at = prefix + 1;
    loop {
        match *rest.get(at)? {
            b'\\' if escapes => at += 2,
            byte if byte == quote && rest.get(at + 1) == Some(&quote) => at += 2,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}
