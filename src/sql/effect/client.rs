//! Statements that only the client of a database can carry out: it sends or takes rows beside the
//! statement, or it knows a command that no server does.
//!
//! A migration is handed over by a driver. `COPY … FROM STDIN` would wait there for ever for rows that
//! nobody sends.

use crate::dialect::Dialect;
use crate::sql::cursor::Cursor;

/// What of a statement needs the database's own client; `None` where nothing does.
pub(super) fn needs_client(dialect: Dialect, statement: &str) -> Option<&'static str> {
    if dialect != Dialect::Postgres {
        return None;
    }
    if statement.starts_with('\\') {
        return Some("\\");
    }
    let mut cursor = Cursor::new(dialect, statement);
    if !cursor.eat(&["COPY"]) {
        return None;
    }
    let mut depth = 0_usize;
    while let Some(piece) = cursor.next() {
        match piece.text {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            _ if piece.is("FROM") && cursor.next_is("STDIN") => return Some("COPY FROM STDIN"),
            _ if piece.is("TO") && cursor.next_is("STDOUT") => return Some("COPY TO STDOUT"),
            _ => {}
        }
    }
    None
}
