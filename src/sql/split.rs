//! A text cut into statements, each with its place.
//!
//! A statement is what stands between two terminators, without the blanks and comments around it;
//! where only those stand there is none. The last one needs no terminator. Of client commands only
//! the `DELIMITER` of MariaDB and MySQL is known, without which many of their scripts cannot be
//! cut: what stands between two delimiters other than `;` is one statement then, as for their client.

use std::ops::Range;

use super::cursor::Piece;
use super::lex::{LexError, Lexer, Quoting, Token, TokenKind, Unterminated};
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
    split_as(dialect, text, Quoting::Usual)
}

/// The same under another setting.
pub(super) fn split_as(dialect: Dialect, text: &str, quoting: Quoting) -> Result<Vec<Statement>, LexError> {
    let mut splitter = Splitter { text, found: Vec::new(), begin: 0, span: None, lines: (0, 1) };
    let mut nesting = Nesting::new(dialect);
    let mut lexer = Lexer::quoting(dialect, text, quoting);
    while let Some(token) = lexer.next() {
        let Token { kind, span } = token?;
        let piece = Piece { kind, text: &text[span.clone()], at: span.start };
        let ends = match kind {
            TokenKind::ClientCommand => {
                if !lexer.has_delimiter() {
                    closed(&nesting)?;
                }
                true
            }
            TokenKind::Delimiter => true,
            _ if !kind.is_significant() => continue,
            // the client hands several statements over at once, and the server runs them one by one
            _ if lexer.has_delimiter() => {
                let ends = nesting.ends_statement(piece) && !nesting.is_program();
                if kind == TokenKind::Semicolon && !ends {
                    continue;
                }
                ends
            }
            _ => nesting.ends_statement(piece),
        };
        if !ends {
            splitter.take(span);
            continue;
        }
        if let Some(span) = lexer.open_comment() {
            return Err(LexError { what: Unterminated::BlockComment, span });
        }
        splitter.end_statement(span.end);
        nesting = Nesting::new(dialect);
    }
    if !lexer.has_delimiter() {
        closed(&nesting)?;
    }
    splitter.end_statement(text.len());
    Ok(splitter.found)
}

fn closed(nesting: &Nesting<'_>) -> Result<(), LexError> {
    match nesting.open_body() {
        Some(span) => Err(LexError { what: Unterminated::Body, span }),
        None => Ok(()),
    }
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
mod mysql_tests;
#[cfg(test)]
mod tests;
