//! Bodies: of functions, triggers, `DO` blocks, and texts that are executed.
//!
//! A body is no statement: variables, loops and conditions stand in it. What begins with a word that a statement
//! begins with is read as one; the rest is looked through for changes of rows and for calls.

use super::super::cursor::{Cursor, Piece};
use super::super::lex::TokenKind;
use super::create::is_text;
use super::walk::said;
use super::{Class, Deed, Reader};

/// Behind these a statement can begin.
const BEFORE: &[&str] = &[
    "BEGIN",
    "ATOMIC",
    "THEN",
    "ELSE",
    "LOOP",
    "DO",
    "ALSO",
    "INSTEAD",
    "REPEAT",
    "ROW",
    "STATEMENT",
    "SQLEXCEPTION",
    "SQLWARNING",
    "FOUND",
];

/// So many texts inside of texts are looked into.
const DEPTH: usize = 4;

impl Reader {
    /// Reads what runs only when it is called.
    pub(super) fn later(&mut self, read: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.later, true);
        read(self);
        self.later = before;
    }

    /// The tokens of a body. Changes of rows and calls in the same tokens are found by the statement around.
    pub(super) fn body(&mut self, pieces: &[Piece<'_>]) {
        for (n, piece) in pieces.iter().enumerate() {
            let begins = n.checked_sub(1).is_none_or(|before| {
                let before = &pieces[before];
                before.kind == TokenKind::Semicolon
                    || before.is_any(BEFORE)
                    || self.is_mysql() && matches!(before.kind, TokenKind::Number | TokenKind::Text)
                    || before.text == "("
                    || before.text == ")"
            });
            if piece.kind != TokenKind::Word || !begins && !piece.is("EXECUTE") {
                continue;
            }
            let end = pieces[n..].iter().position(|piece| piece.kind == TokenKind::Semicolon);
            let statement = &pieces[n..end.map_or(pieces.len(), |end| n + end)];
            match piece.text.to_ascii_uppercase().as_str() {
                "EXECUTE"
                    if statement.get(1).is_some_and(|next| next.is_any(&["FUNCTION", "PROCEDURE", "ON"])) => {
                }
                "EXECUTE" | "PREPARE" | "CALL" => self.dynamic(statement),
                "CREATE" | "ALTER" | "DROP" | "GRANT" | "REVOKE" | "COPY" | "LOAD" | "SET" | "REASSIGN"
                | "RENAME" | "FLUSH" | "SECURITY" | "IMPORT" => {
                    self.head(statement);
                }
                "COMMIT" | "ROLLBACK" => {
                    self.push(
                        piece.at,
                        Deed::new(Class::Transaction, "ends the transaction", "", "").always(),
                    );
                }
                _ => {}
            }
        }
    }

    /// What is executed as a text: it cannot be read; what can be seen of it is told as well.
    pub(super) fn dynamic(&mut self, statement: &[Piece<'_>]) {
        let Some(first) = statement.first() else { return };
        self.push(
            first.at,
            Deed::new(Class::Opaque, "runs what cannot be read:", "", said(statement, 5)).always(),
        );
        for text in statement.iter().filter(|piece| is_text(piece)) {
            self.text(text);
        }
    }

    /// Looks into the texts behind a word: `AS '…'`, `DO $$…$$`.
    pub(super) fn texts_behind(&mut self, pieces: &[Piece<'_>], word: &str) {
        for pair in pieces.windows(2).filter(|pair| pair[0].is(word) && is_text(&pair[1])) {
            self.text(&pair[1]);
        }
    }

    /// Looks into a text as if it were a body.
    pub(super) fn text(&mut self, piece: &Piece<'_>) {
        if self.depth >= DEPTH {
            self.push(piece.at, Deed::new(Class::Opaque, "is nested too deeply", "", "").always());
            return;
        }
        let text = piece.unquoted();
        if piece.text.starts_with(['e', 'E', 'u', 'U']) && text.contains('\\') {
            let deed = Deed::new(Class::Opaque, "is written with escapes", "", "");
            self.push(piece.at, deed.always());
        }
        // between dollars nothing is escaped: then places are exact
        let tag =
            if piece.text.starts_with('$') { piece.text.len().saturating_sub(text.len()) / 2 } else { 0 };
        let exact = tag > 0;
        let pieces: Vec<Piece<'_>> = Cursor::new(self.dialect, &text)
            .map(|inner| Piece { at: if exact { piece.at + tag + inner.at } else { piece.at }, ..inner })
            .collect();
        self.depth += 1;
        self.body(&pieces);
        self.rows(&pieces);
        self.calls(&pieces, false);
        self.depth -= 1;
    }
}
