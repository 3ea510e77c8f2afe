//! Texts of the server as UTF-8.
//!
//! Columns of `SHOW` and `information_schema` are typed as binary or text as the version likes, so
//! their bytes are taken. MariaDB prints the default of a binary column as a string of its very bytes:
//! such a literal is written in hexadecimal instead, which means the same and is text.

use std::fmt::Write as _;

use sqlx::Row as _;
use sqlx::mysql::MySqlRow;

use super::DIALECT;
use crate::sql::{TokenKind, tokens};

/// A cell of a row as text.
pub(super) fn cell(row: &MySqlRow, at: usize) -> Result<Option<String>, sqlx::Error> {
    Ok(row.try_get_unchecked::<Option<Vec<u8>>, _>(at)?.map(text))
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| with_hexadecimal(error.as_bytes()))
}

/// Byte by byte as characters, so that the lexer can read it, and back.
fn with_hexadecimal(bytes: &[u8]) -> String {
    let wide: String = bytes.iter().copied().map(char::from).collect();
    let narrow = |text: &str| text.chars().filter_map(|c| u8::try_from(c).ok()).collect::<Vec<u8>>();
    let Ok(tokens) = tokens(DIALECT, &wide) else { return String::from_utf8_lossy(bytes).into_owned() };
    let spelled = tokens.into_iter().map(|token| {
        let bytes = narrow(&wide[token.span]);
        match std::str::from_utf8(&bytes) {
            Ok(text) => text.to_owned(),
            Err(_) if token.kind == TokenKind::Text => hexadecimal(&bytes),
            Err(_) => String::from_utf8_lossy(&bytes).into_owned(),
        }
    });
    spelled.collect()
}

/// `'\0ÿ'` as `x'00ff'`.
fn hexadecimal(literal: &[u8]) -> String {
    let mut text = "x'".to_owned();
    let mut rest = literal.get(1..literal.len() - 1).unwrap_or_default();
    while let [first, behind @ ..] = rest {
        let (value, taken) = match (first, behind.first()) {
            (b'\'', Some(b'\'')) => (b'\'', 2),
            (b'\\', Some(b'0')) => (0, 2),
            (b'\\', Some(b'n')) => (b'\n', 2),
            (b'\\', Some(b'r')) => (b'\r', 2),
            (b'\\', Some(escaped)) => (*escaped, 2),
            _ => (*first, 1),
        };
        let _ = write!(text, "{value:02x}");
        rest = &rest[taken..];
    }
    text + "'"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_that_are_no_text_become_hexadecimal() {
        for (bytes, expected) in [
            (&b"a 'b'"[..], "a 'b'"),
            ("é 'ü'".as_bytes(), "é 'ü'"),
            (b"DEFAULT '\\0\xff''\\\\\\n' COMMENT '\xc3\xa9'", "DEFAULT x'00ff275c0a' COMMENT 'é'"),
            (b"`\xff`", "`\u{fffd}`"),
        ] {
            assert_eq!(text(bytes.to_vec()), expected);
        }
    }
}
