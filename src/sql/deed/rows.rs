//! Rows that come, change or go, wherever in a statement that stands: at its head, in a `WITH`, in a body.

use super::super::cursor::Piece;
use super::super::lex::TokenKind;
use super::walk::Walk;
use super::{Class, Deed, Kind, Object, Reader, Weight};

/// Behind these the words of changing rows say when something happens, or what is allowed.
const NO_STATEMENT: &[&str] = &["ON", "FOR", "KEY", "BEFORE", "AFTER", "OR", "OF", "GRANT", "REVOKE"];

impl Reader {
    /// Finds every change of rows.
    pub(super) fn rows(&mut self, pieces: &[Piece<'_>]) {
        for (n, piece) in pieces.iter().enumerate() {
            if piece.kind != TokenKind::Word {
                continue;
            }
            let begins = n == 0 || !pieces[n - 1].is_any(NO_STATEMENT);
            let walk = Walk::new(&pieces[n + 1..]);
            match piece.text.to_ascii_uppercase().as_str() {
                "INSERT" => self.insert(piece.at, walk, begins),
                "REPLACE" if begins => self.replace(piece.at, walk),
                "DELETE" => self.delete(piece.at, walk, begins),
                "UPDATE" if begins => self.update(piece.at, walk),
                "MERGE" if walk.next_is("INTO") => self.merge(piece.at, walk),
                "TRUNCATE" if begins => self.truncate(piece.at, walk),
                "OUTFILE" | "DUMPFILE" => {
                    self.push(piece.at, Deed::new(Class::Program, "writes a file", "", "").always());
                }
                _ => {}
            }
        }
    }

    /// The table whose rows are changed; one that cannot be told is not passed over.
    fn changed(&mut self, at: usize, walk: &mut Walk<'_>) -> Option<Object> {
        walk.skip_conditions();
        walk.eat_sign("(");
        let table = walk.object(Kind::Relation);
        if table.is_none() {
            self.push(
                at,
                Deed::new(Class::Unknown, "changes rows of what was not understood", "", "").always(),
            );
        }
        table
    }

    fn touch(&mut self, at: usize, verb: &'static str, table: Object) {
        let name = table.to_string();
        self.push(at, Deed::new(Class::Data, verb, "", name).weighs(Weight::UnlessOwn, table));
    }

    /// Rows that are lost: at once, or when a body is called.
    fn lose(&mut self, at: usize, verb: &'static str, table: Object) {
        let weight = if self.later { Weight::UnlessOwn } else { Weight::Always };
        let name = table.to_string();
        self.push(at, Deed::new(Class::Data, verb, "", name).weighs(weight, table));
    }

    fn insert(&mut self, at: usize, mut walk: Walk<'_>, begins: bool) {
        walk.skip_any(&["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE"]);
        let replaces = walk.eat(&["OR", "REPLACE"]);
        if walk.eat(&["OR"]) {
            walk.next();
        }
        if !walk.eat(&["INTO"]) && (!begins || !self.is_mysql() || ends_a_word(walk)) {
            return;
        }
        if let Some(table) = self.changed(at, &mut walk) {
            self.touch(at, if replaces { "replaces rows of" } else { "inserts into" }, table);
        }
    }

    fn replace(&mut self, at: usize, mut walk: Walk<'_>) {
        walk.skip_any(&["LOW_PRIORITY", "DELAYED", "INTO"]);
        if walk.rest.get(1).is_some_and(|next| next.is_any(&["FUNCTION", "VIEW"])) {
            return;
        }
        if ends_a_word(walk) {
            return; // a function
        }
        if let Some(table) = self.changed(at, &mut walk) {
            self.touch(at, "replaces rows of", table);
        }
    }

    fn delete(&mut self, at: usize, mut walk: Walk<'_>, begins: bool) {
        walk.skip_any(&["LOW_PRIORITY", "QUICK", "IGNORE"]);
        if walk.eat(&["FROM"]) {
            let mut ahead = walk;
            if self.changed(at, &mut ahead).is_some() {
                walk.skip_conditions();
                walk.eat_sign("(");
                for table in walk.objects(Kind::Relation) {
                    self.lose(at, "deletes from", table);
                }
            }
        } else if begins && self.is_mysql() {
            // `DELETE a, b FROM a JOIN b`
            let mut ahead = walk;
            if ahead.find(&["FROM"]) {
                self.joined(at, ahead, "deletes from");
            }
        }
    }

    fn update(&mut self, at: usize, mut walk: Walk<'_>) {
        walk.skip_any(&["ONLY", "LOW_PRIORITY", "IGNORE"]);
        if walk.eat(&["OR"]) {
            walk.next();
        }
        let mut ahead = walk;
        if walk.peek().is_none_or(|piece| piece.is_any(&["ON", "OF", "SET"])) || !ahead.find(&["SET"]) {
            return;
        }
        let length = walk.rest.len() - ahead.rest.len();
        if self.is_mysql() {
            self.joined(at, Walk::new(&walk.rest[..length]), "updates");
        } else if let Some(table) = self.changed(at, &mut walk) {
            self.touch(at, "updates", table);
        }
    }

    /// Every table of a list of joined ones.
    fn joined(&mut self, at: usize, walk: Walk<'_>, verb: &'static str) {
        let mut names = true;
        let mut walk = walk;
        while let Some(piece) = walk.peek() {
            if piece.is_any(&["WHERE", "SET", "USING", "ORDER", "LIMIT"]) {
                return;
            }
            let table = if names { walk.object(Kind::Relation) } else { None };
            names = false;
            match table {
                Some(table) if verb == "updates" => self.touch(at, verb, table),
                Some(table) => self.lose(at, verb, table),
                None => {
                    walk.next();
                    names = piece.is("JOIN") || piece.text == "," || piece.text == "(";
                }
            }
        }
    }

    fn merge(&mut self, at: usize, mut walk: Walk<'_>) {
        walk.skip_any(&["INTO", "ONLY"]);
        if let Some(table) = self.changed(at, &mut walk) {
            self.lose(at, "merges into", table);
        }
    }

    fn truncate(&mut self, at: usize, mut walk: Walk<'_>) {
        if ends_a_word(walk) {
            return; // of a trigger; a function
        }
        walk.eat(&["TABLE"]);
        walk.skip_conditions();
        for table in walk.objects(Kind::Relation) {
            self.lose(at, "truncates", table);
        }
    }
}

/// Whether what follows a word says that it was no statement's.
fn ends_a_word(walk: Walk<'_>) -> bool {
    walk.peek().is_none_or(|next| next.is_any(&["ON", "OR"]) || matches!(next.text, "(" | "," | ")" | ";"))
}
