//! The renames that comments of a declared text mean for two schemas.
//!
//! `-- was: NAME` speaks of the column that stands before it on its line, or, alone on its line, of the next
//! one; before the table, behind its head or behind its end it speaks of the table.

use std::collections::BTreeMap;

use crate::dialect::Dialect;
use crate::schema::Schema;
use crate::sql::{self, TokenKind};

use super::rename::{Rename, parse};
use super::text::{quoted, unquoted, words};

/// What the comments of a text say, as far as the old names are there and the new ones are declared: a
/// comment may stand there for long after its rename was done.
pub fn said(dialect: Dialect, from: &Schema, to: &Schema, text: &str) -> Vec<Rename> {
    let mut renames = Vec::new();
    for (table, was) in was(dialect, text) {
        let path =
            |names: &[String]| names.iter().map(|name| quoted(dialect, name)).collect::<Vec<_>>().join(".");
        let (new, mut old) = (path(&table), path(&table));
        if let Some(name) = &was.table {
            let mut before = table.clone();
            before.pop();
            before.push(name.clone());
            let before = path(&before);
            if let Ok(rename) = parse(dialect, from, to, &format!("{before}={new}")) {
                renames.push(rename);
                old = before;
            }
        }
        renames.extend(was.columns.iter().filter_map(|(column, before)| {
            let (column, before) = (quoted(dialect, column), quoted(dialect, before));
            parse(dialect, from, to, &format!("{old}.{before}={new}.{column}")).ok()
        }));
    }
    renames
}

/// Old names in one table, without quotes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Was {
    /// The table's.
    table: Option<String>,
    /// New and old names of its columns.
    columns: Vec<(String, String)>,
}

/// What the comments of a text say, by the table as it is declared, without quotes.
fn was(dialect: Dialect, text: &str) -> BTreeMap<Vec<String>, Was> {
    let mut found: BTreeMap<Vec<String>, Was> = BTreeMap::new();
    let Ok(statements) = sql::split(dialect, text) else { return found };
    let mut end = 0;
    for statement in statements {
        // what follows a statement on its line belongs to that one
        let line = text[statement.span.end..].find('\n').map_or(text.len(), |at| statement.span.end + at);
        let (lead, body) =
            (&text[end.min(statement.span.start)..statement.span.start], &text[statement.span.start..line]);
        end = line;
        let Some(table) = created(dialect, &text[statement.span]) else { continue };
        let mut was = of_table(dialect, body);
        was.table = was.table.or_else(|| comments(dialect, lead).pop().map(|(_, name)| name));
        if was != Was::default() {
            found.insert(table, was);
        }
    }
    found
}

/// The name of the table that a statement makes.
fn created(dialect: Dialect, statement: &str) -> Option<Vec<String>> {
    let table = sql::table_text(dialect, statement)?;
    let words = words(dialect, table.head);
    let start = words.iter().position(|word| word.is_outer(&["TABLE"]))? + 1;
    let skip = if words.get(start)?.is_outer(&["IF"]) { 3 } else { 0 };
    let names = words.get(start + skip..)?.iter().filter(|word| word.text != ".");
    Some(names.map(|word| unquoted(word.text)).collect())
}

/// The old names that comments give, and where.
fn comments(dialect: Dialect, text: &str) -> Vec<(usize, String)> {
    let old = |comment: &str| {
        let comment = comment.trim_start_matches(['-', '#', '/', '*', ' ']).trim_end_matches(['*', '/', ' ']);
        let (word, name) = comment.split_at_checked(4)?;
        word.eq_ignore_ascii_case("was:").then(|| unquoted(name.trim()))
    };
    let tokens = sql::tokens(dialect, text).unwrap_or_default().into_iter();
    let comments =
        tokens.filter(|token| matches!(token.kind, TokenKind::LineComment | TokenKind::BlockComment));
    comments.filter_map(|token| Some((token.span.start, old(&text[token.span])?))).collect()
}

fn of_table(dialect: Dialect, body: &str) -> Was {
    let words = words(dialect, body);
    let mut was = Was::default();
    let Some(open) = words.iter().position(|word| word.kind == TokenKind::OpenParen) else { return was };
    let list = words[open].span.end;
    let end = words.iter().skip(open).find(|word| word.kind == TokenKind::CloseParen && word.depth == 1);
    let end = end.map_or(body.len(), |word| word.span.start);
    let begins = |at: &usize| {
        let before = &words[at - 1];
        *at == open + 1 || before.kind == TokenKind::Comma && before.depth == 1
    };
    let parts: Vec<_> = (open + 1..words.len()).filter(begins).map(|at| &words[at]).collect();
    for (at, name) in comments(dialect, body) {
        let line = body[..at].rfind('\n').map_or(0, |at| at + 1);
        let alone = body[line..at].trim().is_empty();
        let before = parts.iter().rev().find(|part| part.span.start < at);
        let column = match before {
            _ if at < list || at > end => None,
            Some(_) if alone => parts.iter().find(|part| part.span.start > at).or(before),
            None if alone => parts.first(),
            other => other,
        };
        match column {
            Some(part) => was.columns.push((unquoted(part.text), name)),
            None => was.table = Some(name),
        }
    }
    was
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Kind, Object};

    #[test]
    fn comments_count_while_the_old_names_are_there() {
        let schema = |name: &str, text: &str| {
            Schema::new(vec![Object {
                kind: Kind::Table,
                name: name.to_owned(),
                definition: text.to_owned(),
            }])
        };
        let text = "-- was: users\nCREATE TABLE accounts (\n    id INT, -- was: nr\n    \"of\" INT -- was: since\n);\n";
        let from = schema("users", "CREATE TABLE users (nr INT, of INT);");
        let to = schema("accounts", "CREATE TABLE accounts (id INT, \"of\" INT);");
        let table = Rename::Table { from: "users".to_owned(), to: "accounts".to_owned() };
        let column =
            Rename::Column { table: "accounts".to_owned(), from: "nr".to_owned(), to: "id".to_owned() };
        assert_eq!(said(Dialect::Sqlite, &from, &to, text), [table, column]);
        assert_eq!(said(Dialect::Sqlite, &to, &to, text), []);
    }

    #[test]
    fn comments_say_what_something_was() {
        let text = "-- was: people\nCREATE TABLE users (\n  id int, -- the key\n  poster text, -- was: image\n  \"B\" int -- was: b\n);\nCREATE TABLE t ( -- was: \"Old\"\n  a int\n);\nCREATE TABLE s (a int /* was: b */);";
        let was = was(Dialect::Postgres, text);
        let of = |name: &str| was[&vec![name.to_owned()]].clone();
        assert_eq!(of("users").table.as_deref(), Some("people"));
        assert_eq!(
            of("users").columns,
            [("poster".to_owned(), "image".to_owned()), ("B".to_owned(), "b".to_owned())]
        );
        assert_eq!(of("t").table.as_deref(), Some("Old"));
        assert_eq!(of("s").columns, [("a".to_owned(), "b".to_owned())]);
    }

    #[test]
    fn a_comment_speaks_of_what_stands_before_it() {
        let columns = |text: &str| {
            let was = was(Dialect::Sqlite, text).into_values().next().unwrap_or_default();
            (was.table, was.columns)
        };
        let b = vec![("b".to_owned(), "old".to_owned())];
        for text in [
            "CREATE TABLE t (\n id int,\n a text, b text, -- was: old\n keep int);",
            "CREATE TABLE t (id int, a text, b text /* was: old */, c int);",
            "CREATE TABLE t (\n id int\n , b text -- was: old\n);",
            "CREATE TABLE t (\n id int,\n b text\n   NOT NULL, -- WAS: old\n c int);",
            "CREATE TABLE t (\n id int,\n -- was: old\n b text);",
            "CREATE TABLE t (\n -- was: old\n b text);",
        ] {
            assert_eq!(columns(text), (None, b.clone()), "{text}");
        }
        let t = (Some("old".to_owned()), Vec::new());
        for text in [
            "SELECT 1; -- was: other\n-- was: old\n\n-- more\nCREATE TABLE t (a int);",
            "CREATE TABLE t ( -- was: old\n a int);",
            "CREATE TABLE t (\n a int\n); -- was: old\nCREATE TABLE u (a int);",
        ] {
            assert_eq!(columns(text), t, "{text}");
        }
    }
}
