//! A text cut into statements, each with its place.
//!
//! A statement is what stands between two terminators, without the blanks and comments around it;
//! where only those stand there is none. The last one needs no terminator. Client commands (psql's
//! `\i`, MySQL's `DELIMITER`) are not known: no server knows them either.

use std::ops::Range;

use super::lex::{LexError, Lexer, TokenKind, Unterminated};
use super::nesting::Nesting;
use crate::dialect::Dialect;

/// One statement of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// From its first to its last significant token, without the terminator.
    pub span: Range<usize>,
    /// The blanks and comments before it, since the previous terminator.
    pub leading: Range<usize>,
    /// The line on which it begins, from 1.
    pub line: usize,
}

/// The statements of a text, in order.
///
/// ```
/// use db_migrations::{dialect::Dialect, sql::split};
/// let text = "-- first\nCREATE TABLE t (a text DEFAULT ';');\n\nDROP TABLE u";
/// let statements = split(Dialect::Postgres, text)?;
/// assert_eq!(&text[statements[0].span.clone()], "CREATE TABLE t (a text DEFAULT ';')");
/// assert_eq!(&text[statements[0].leading.clone()], "-- first\n");
/// assert_eq!((statements.len(), statements[1].line), (2, 4));
/// # Ok::<(), db_migrations::sql::LexError>(())
/// ```
pub fn split(dialect: Dialect, text: &str) -> Result<Vec<Statement>, LexError> {
    let mut splitter = Splitter { text, found: Vec::new(), begin: 0, span: None, lines: (0, 1) };
    let mut nesting = Nesting::new(dialect);
    for token in Lexer::new(dialect, text) {
        let token = token?;
        if !token.kind.is_significant() || (token.kind == TokenKind::Semicolon && splitter.span.is_none()) {
            splitter.skip(token.kind, token.span.end);
        } else if nesting.ends_statement(token.kind, &text[token.span.clone()], &token.span) {
            splitter.end_statement(token.span.end);
            nesting = Nesting::new(dialect);
        } else {
            splitter.take(token.span);
        }
    }
    if let Some(span) = nesting.open_body() {
        return Err(LexError { what: Unterminated::Body, span });
    }
    splitter.end_statement(text.len());
    Ok(splitter.found)
}

struct Splitter<'a> {
    text: &'a str,
    found: Vec<Statement>,
    /// Where the previous terminator ends.
    begin: usize,
    /// The statement so far.
    span: Option<Range<usize>>,
    /// An offset and the line on which it stands.
    lines: (usize, usize),
}

impl Splitter<'_> {
    /// Passes a token that belongs to no statement; a lone terminator begins a new one.
    fn skip(&mut self, kind: TokenKind, end: usize) {
        if kind == TokenKind::Semicolon {
            self.begin = end;
        }
    }

    fn take(&mut self, token: Range<usize>) {
        let start = self.span.as_ref().map_or(token.start, |span| span.start);
        self.span = Some(start..token.end);
    }

    fn end_statement(&mut self, end: usize) {
        if let Some(span) = self.span.take() {
            let (from, line) = self.lines;
            let breaks = self.text[from..span.start].matches('\n').count();
            self.lines = (span.start, line + breaks);
            self.found.push(Statement { leading: self.begin..span.start, line: self.lines.1, span });
        }
        self.begin = end;
    }
}

#[cfg(test)]
mod tests;
