//! Text → tokens, by the rules of each database's own scanner.
//!
//! The tokens are contiguous: their spans join to the whole text, so that whatever reads them can
//! cut the text without losing a byte. Words are not told apart from keywords, and operators matter
//! only as far as they end. A token that is not closed is an error even where an engine would take
//! it (SQLite lets a comment run to the end of the text and so swallows what follows it).
//!
//! One pass without recursion, linear for every input; what was read before is remembered in a few flags.

mod client;
mod quoted;

use std::fmt;
use std::ops::Range;

use crate::dialect::Dialect;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// A run of blanks and line breaks.
    Whitespace,
    /// `-- …` (MariaDB and MySQL: `# …` too), without the line break.
    LineComment,
    /// `/* … */`.
    BlockComment,
    /// An unquoted identifier or a keyword.
    Word,
    /// A quoted identifier: `"x"`, `` `x` ``, `[x]`, as the dialect has them.
    QuotedName,
    /// A string literal of any kind, with its prefix: `'x'`, `E'x'`, `X'00'`, `$$x$$`.
    Text,
    /// A number.
    Number,
    /// `;`
    Semicolon,
    /// What a `DELIMITER` line has put in its place (MariaDB, MySQL).
    Delimiter,
    /// A `DELIMITER` line, without the line break (MariaDB, MySQL).
    ClientCommand,
    /// `,`
    Comma,
    /// `(`
    OpenParen,
    /// `)`
    CloseParen,
    /// A placeholder: `$1` on PostgreSQL; `?1`, `:a`, `@a`, `$a` on SQLite.
    Parameter,
    /// An operator or any other character.
    Other,
}

impl TokenKind {
    /// Whether a database acts on it: not blank, not a comment, not for the client.
    pub const fn is_significant(self) -> bool {
        !matches!(self, Self::Whitespace | Self::LineComment | Self::BlockComment | Self::ClientCommand)
    }
}

/// One token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Its bytes in the text.
    pub span: Range<usize>,
}

/// What was opened and not closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unterminated {
    /// A string literal.
    String,
    /// A quoted identifier.
    QuotedName,
    /// A block comment.
    BlockComment,
    /// A dollar-quoted string.
    DollarQuote,
    /// A placeholder with a parenthesis, `$a(…)` (SQLite).
    Parameter,
    /// The body of a routine, trigger or event, from its `BEGIN` or what it has in its place.
    Body,
    /// A `DELIMITER` line without a delimiter, or with one that the client does not take.
    Delimiter,
}

impl fmt::Display for Unterminated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::String => "string",
            Self::QuotedName => "quoted name",
            Self::BlockComment => "block comment",
            Self::DollarQuote => "dollar-quoted string",
            Self::Parameter => "parameter",
            Self::Body => "body: its `END` is missing",
            Self::Delimiter => "`DELIMITER` line",
        })
    }
}

/// Something is opened and never closed; the text is not safe to cut or to run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unterminated {what}")]
pub struct LexError {
    /// What is open.
    pub what: Unterminated,
    /// The token that opens it.
    pub span: Range<usize>,
}

impl LexError {
    /// What to say of the place.
    pub const fn label(&self) -> &'static str {
        match self.what {
            Unterminated::Delimiter => "no delimiter stands here",
            _ => "begins here, never ends",
        }
    }

    /// What to do about it.
    pub const fn help(&self) -> &'static str {
        match self.what {
            Unterminated::Delimiter => "write it behind the word: up to 15 characters, none of them `\\`",
            _ => "close it; what follows would be swallowed",
        }
    }
}

/// All tokens of a text; their spans join to the whole of it.
///
/// ```
/// use db_migrations::{dialect::Dialect, sql::{tokens, TokenKind}};
/// let text = "SELECT 1;";
/// let kinds: Vec<_> = tokens(Dialect::Postgres, text)?.iter().map(|token| token.kind).collect();
/// use TokenKind::*;
/// assert_eq!(kinds, [Word, Whitespace, Number, Semicolon]);
/// # Ok::<(), db_migrations::sql::LexError>(())
/// ```
pub fn tokens(dialect: Dialect, text: &str) -> Result<Vec<Token>, LexError> {
    Lexer::new(dialect, text).collect()
}

/// Whether a string literal that begins now would continue one with backslash escapes: PostgreSQL
/// joins literals that are parted by a line break, and the rules of the first hold for the next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Continuation {
    None,
    AfterText,
    AfterTextAndLineBreak,
}

/// How quotes are read, where a setting decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quoting {
    /// As the databases do by themselves.
    Usual,
    /// A backslash escapes in plain strings, too (PostgreSQL, `standard_conforming_strings = off`).
    Backslashes,
    /// No backslash escapes (MariaDB, MySQL, `NO_BACKSLASH_ESCAPES`).
    NoBackslashes,
    /// Double quotes are of names (MariaDB, MySQL, `ANSI_QUOTES`).
    AnsiQuotes,
}

/// The tokens of a text, read one at a time; ends after the first error.
#[derive(Clone)]
pub(super) struct Lexer<'a> {
    dialect: Dialect,
    quoting: Quoting,
    text: &'a str,
    at: usize,
    /// The opening of a `/*! … */` whose content is executed (MariaDB, MySQL).
    executable: Option<Range<usize>>,
    continuation: Continuation,
    /// The last literal has backslash escapes.
    escapes: bool,
    /// The last token is a name, so that a `.` belongs to it and not to a number.
    after_name: bool,
    /// What ends statements instead of `;` (MariaDB, MySQL).
    delimiter: Option<&'a str>,
    /// No statement has begun since the last one ended, so that a client command could come.
    between: bool,
}

type Scan = Result<(TokenKind, usize), LexError>;

impl<'a> Lexer<'a> {
    pub(super) const fn new(dialect: Dialect, text: &'a str) -> Self {
        Self::quoting(dialect, text, Quoting::Usual)
    }

    pub(super) const fn quoting(dialect: Dialect, text: &'a str, quoting: Quoting) -> Self {
        Self {
            dialect,
            quoting,
            text,
            at: 0,
            executable: None,
            continuation: Continuation::None,
            escapes: false,
            after_name: false,
            delimiter: None,
            between: true,
        }
    }

    /// Whether something other than `;` ends statements now.
    pub(super) const fn has_delimiter(&self) -> bool {
        self.delimiter.is_some()
    }

    /// The opening of a comment whose content is executed and that has not ended.
    pub(super) fn open_comment(&self) -> Option<Range<usize>> {
        self.executable.clone()
    }

    fn is_mysql(&self) -> bool {
        matches!(self.dialect, Dialect::MariaDb | Dialect::MySql)
    }

    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    /// The kind and the length of the token that begins here; there is at least one byte.
    fn scan(&mut self) -> Scan {
        let rest = self.rest();
        let next = rest.get(1).copied();
        let sqlite = self.dialect == Dialect::Sqlite;
        let postgres = self.dialect == Dialect::Postgres;
        match rest[0] {
            byte if is_space(byte) => Ok((TokenKind::Whitespace, count(rest, is_space))),
            b';' => Ok((TokenKind::Semicolon, 1)),
            b',' => Ok((TokenKind::Comma, 1)),
            b'(' => Ok((TokenKind::OpenParen, 1)),
            b')' => Ok((TokenKind::CloseParen, 1)),
            b'-' | b'#' if self.begins_line_comment(rest) => Ok((TokenKind::LineComment, self.line(rest))),
            b'/' if next == Some(b'*') => self.block_comment(rest),
            b'*' if next == Some(b'/') && self.executable.take().is_some() => Ok((TokenKind::Other, 2)),
            b'\'' => self.string(rest, 0),
            b'"' if self.is_mysql() => self.string(rest, 0),
            b'"' => self.quoted_name(rest, 0),
            b'`' if !postgres => self.quoted_name(rest, 0),
            b'[' if sqlite => self.quoted_name(rest, 0),
            b'$' if postgres => self.dollar(rest),
            b'$' | b'@' | b'#' | b':' | b'?' if sqlite => self.sqlite_parameter(rest),
            b'0'..=b'9' => Ok((TokenKind::Number, number(rest))),
            b'.' if !self.after_name && next.is_some_and(|byte| byte.is_ascii_digit()) => {
                Ok((TokenKind::Number, number(rest)))
            }
            // SQLite takes a byte order mark between tokens for a blank
            0xef if sqlite && rest.starts_with("\u{feff}".as_bytes()) => Ok((TokenKind::Whitespace, 3)),
            byte if self.begins_word(byte) => self.word(rest),
            _ => Ok((TokenKind::Other, self.operator(rest))),
        }
    }

    fn begins_word(&self, byte: u8) -> bool {
        byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80 || (byte == b'$' && self.is_mysql())
    }

    fn word(&mut self, rest: &[u8]) -> Scan {
        match quoted::prefix(self.dialect, rest) {
            Some(prefix) if rest[prefix] == b'"' => self.quoted_name(rest, prefix),
            Some(prefix) => self.string(rest, prefix),
            None => Ok((TokenKind::Word, count(rest, is_word))),
        }
    }

    fn begins_line_comment(&self, rest: &[u8]) -> bool {
        if !self.is_mysql() {
            return rest.starts_with(b"--");
        }
        // there, `5--1` is an expression: the comment needs a blank
        let blank = rest.get(2).is_none_or(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control());
        rest[0] == b'#' || (rest.starts_with(b"--") && blank)
    }

    fn line(&self, rest: &[u8]) -> usize {
        let cr_ends = self.dialect == Dialect::Postgres;
        count(rest, |byte| byte != b'\n' && !(cr_ends && byte == b'\r'))
    }

    fn block_comment(&mut self, rest: &[u8]) -> Scan {
        let executable = match self.dialect {
            Dialect::MariaDb => rest.starts_with(b"/*!") || rest.starts_with(b"/*M!"),
            Dialect::MySql => rest.starts_with(b"/*!"),
            Dialect::Postgres | Dialect::Sqlite => false,
        };
        if executable && !(self.dialect == Dialect::MariaDb && is_for_mysql_only(rest)) {
            let mark = count(rest, |byte| byte != b'!') + 1;
            let length = mark + count(&rest[mark..], |byte| byte.is_ascii_digit());
            self.executable = Some(self.at..self.at + length);
            return Ok((TokenKind::Other, length));
        }
        match comment_length(rest, self.dialect == Dialect::Postgres) {
            Some(length) => Ok((TokenKind::BlockComment, length)),
            None => Err(self.open(Unterminated::BlockComment, 2)),
        }
    }

    fn open(&self, what: Unterminated, length: usize) -> LexError {
        LexError { what, span: self.at..self.at + length }
    }

    fn operator(&self, rest: &[u8]) -> usize {
        if self.dialect == Dialect::Postgres {
            return postgres_operator(rest);
        }
        OPERATORS.iter().find(|known| rest.starts_with(known.as_bytes())).map_or(1, |known| known.len())
    }

    fn remember(&mut self, kind: TokenKind, token: &str) {
        self.continuation = match (kind, self.continuation) {
            (TokenKind::Text, _) if self.escapes => Continuation::AfterText,
            (TokenKind::Whitespace, Continuation::AfterText) if token.contains(['\n', '\r']) => {
                Continuation::AfterTextAndLineBreak
            }
            (TokenKind::Whitespace | TokenKind::LineComment, state) => state,
            _ => Continuation::None,
        };
        self.after_name = matches!(kind, TokenKind::Word | TokenKind::QuotedName);
        self.between = match kind {
            TokenKind::Delimiter => true,
            TokenKind::Semicolon => !self.has_delimiter(),
            _ => self.between && !kind.is_significant(),
        };
    }
}

impl Iterator for Lexer<'_> {
    type Item = Result<Token, LexError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at == self.text.len() {
            let span = self.executable.take()?;
            return Some(Err(LexError { what: Unterminated::BlockComment, span }));
        }
        let next = if self.is_mysql() { self.scan_script() } else { self.scan() };
        match next {
            Ok((kind, length)) => {
                let span = self.at..self.at + length;
                self.remember(kind, &self.text[span.clone()]);
                self.at = span.end;
                Some(Ok(Token { kind, span }))
            }
            Err(error) => {
                self.at = self.text.len();
                self.executable = None;
                Some(Err(error))
            }
        }
    }
}

/// Whether a token is the opening or the end of a comment whose content is executed.
pub(super) fn is_mark(kind: TokenKind, token: &str) -> bool {
    kind == TokenKind::Other && (token.starts_with("/*") || token == "*/")
}

/// MariaDB passes over what is written for MySQL 5.7 and 8: `/*!50700` to `/*!99999`.
fn is_for_mysql_only(rest: &[u8]) -> bool {
    let digits = rest.strip_prefix(b"/*!").unwrap_or_default();
    let length = count(digits, |byte| byte.is_ascii_digit());
    length == 5 && digits[..5] >= b"50700"[..]
}

fn count(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| !belongs(*byte)).unwrap_or(bytes.len())
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Every byte of a character beyond ASCII belongs to a word, in all of these databases.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// The length of a block comment, if it ends.
fn comment_length(rest: &[u8], nests: bool) -> Option<usize> {
    let (mut depth, mut at) = (1_usize, 2);
    while depth > 0 {
        match (rest.get(at)?, rest.get(at + 1)) {
            (b'*', Some(b'/')) => (depth, at) = (depth - 1, at + 2),
            (b'/', Some(b'*')) if nests => (depth, at) = (depth + 1, at + 2),
            _ => at += 1,
        }
    }
    Some(at)
}

/// Digits, `.`, exponent, and whatever letters are glued to them; but not the prefix of a string.
fn number(rest: &[u8]) -> usize {
    let hexadecimal = rest.get(1).is_some_and(|byte| matches!(byte, b'x' | b'X'));
    let mut at = 1;
    while let Some(&byte) = rest.get(at) {
        let next = rest.get(at + 1).copied();
        let exponent = matches!(rest[at - 1], b'e' | b'E') && !hexadecimal;
        match byte {
            b'+' | b'-' if exponent && next.is_some_and(|byte| byte.is_ascii_digit()) => {}
            b'a'..=b'z' | b'A'..=b'Z' if next == Some(b'\'') => break,
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'.' => {}
            _ => break,
        }
        at += 1;
    }
    at
}

/// The operators of more than one character, the longer first, where only these are known.
const OPERATORS: [&str; 13] =
    ["->>", "<=>", "->", "||", "&&", "<<", ">>", "<=", ">=", "<>", "!=", "==", ":="];

/// PostgreSQL's rule: a run of operator characters ends before a comment, and may end in `+` or `-`
/// only if it holds one of the characters that SQL itself has no use for.
fn postgres_operator(rest: &[u8]) -> usize {
    // longer ones the server refuses; the limit keeps the scan linear
    const LONGEST: usize = 64;
    if rest.starts_with(b"::") || rest.starts_with(b":=") {
        return 2;
    }
    let comment = |at: usize| rest[at..].starts_with(b"--") || rest[at..].starts_with(b"/*");
    let mut end = 0;
    while end < rest.len().min(LONGEST) && b"+-*/<>=~!@#%^&|`?".contains(&rest[end]) && !comment(end) {
        end += 1;
    }
    if !rest[..end].iter().any(|byte| b"~!@#%^&|`?".contains(byte)) {
        while end > 1 && matches!(rest[end - 1], b'+' | b'-') {
            end -= 1;
        }
    }
    end.max(1)
}

#[cfg(test)]
mod tests;
