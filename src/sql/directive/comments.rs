//! The comments of a migration's text, in which directives can stand.

use std::ops::Range;

use crate::dialect::Dialect;
use crate::sql::lex::{Lexer, TokenKind};

/// A comment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Comment {
    /// What stands behind its opening (the end of a block comment may belong to it).
    pub(super) body: Range<usize>,
    /// `/* … */`, not a line comment.
    pub(super) block: bool,
    /// No statement stands before it.
    pub(super) leading: bool,
}

const BOM: &str = "\u{feff}";

/// The comments of a text, up to its end or to the first token that is not closed.
pub(super) fn comments(dialect: Dialect, text: &str) -> Vec<Comment> {
    let skipped = if text.starts_with(BOM) { BOM.len() } else { 0 };
    let text = &text[skipped..];
    let mut leading = true;
    let mut found = Vec::new();
    for token in Lexer::new(dialect, text).map_while(Result::ok) {
        let block = token.kind == TokenKind::BlockComment;
        if block || token.kind == TokenKind::LineComment {
            let opening = if text[token.span.clone()].starts_with('#') { 1 } else { 2 };
            let body = skipped + token.span.start + opening..skipped + token.span.end;
            found.push(Comment { body, block, leading });
        } else {
            let terminator = matches!(token.kind, TokenKind::Semicolon | TokenKind::Delimiter);
            leading &= terminator || !token.kind.is_significant();
        }
    }
    found
}

/// The comments before anything else, as far as all dialects read them in the same way: neither
/// behind a lone carriage return in a line comment, which ends it on PostgreSQL only, nor in a
/// nested block comment, nor in one that MariaDB and MySQL execute.
pub(super) fn leading_comments(text: &str) -> Vec<Comment> {
    let mut found = Vec::new();
    let mut at = if text.starts_with(BOM) { BOM.len() } else { 0 };
    loop {
        at += text[at..].len() - text[at..].trim_ascii_start().len();
        let rest = &text[at..];
        let block = rest.starts_with("/*");
        let end = if block { block_end(rest) } else { line_end(rest) };
        let Some((end, agreed)) = end else { return found };
        found.push(Comment { body: at + 2..at + end, block, leading: true });
        if !agreed {
            return found;
        }
        at += end;
    }
}

/// Where the line comment that begins a text ends, and whether all dialects agree on it.
fn line_end(rest: &str) -> Option<(usize, bool)> {
    if !rest.starts_with("--") {
        return None;
    }
    let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
    Some(match line.trim_end_matches('\r').find('\r') {
        Some(carriage_return) => (carriage_return, false),
        None => (line.len(), true),
    })
}

/// The same for a block comment.
fn block_end(rest: &str) -> Option<(usize, bool)> {
    let end = 2 + rest[2..].find("*/")? + 2;
    let differs = rest.starts_with("/*!") || rest.starts_with("/*M!") || rest[2..end].contains("/*");
    (!differs).then_some((end, true))
}
