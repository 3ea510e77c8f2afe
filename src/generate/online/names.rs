//! Names of what the steps make, and expressions over a row.
//!
//! Names are cut to what every database takes; what is cut ends in a digest, so that two of them stay apart.

use crate::dialect::Dialect;
use crate::diff::{unquoted, words};
use crate::id::Checksum;
use crate::sql::TokenKind;

/// The longest name that PostgreSQL keeps whole; the others take more.
const LONGEST: usize = 60;

/// Words that a name may not be without quotes, in one of the databases.
const RESERVED: [&str; 36] = [
    "add",
    "all",
    "and",
    "as",
    "case",
    "check",
    "column",
    "create",
    "default",
    "desc",
    "end",
    "for",
    "from",
    "grant",
    "group",
    "in",
    "index",
    "is",
    "key",
    "limit",
    "not",
    "null",
    "offset",
    "on",
    "or",
    "order",
    "primary",
    "references",
    "select",
    "table",
    "to",
    "union",
    "unique",
    "user",
    "values",
    "where",
];

/// The names in a dotted path that a person wrote, without quotes.
pub fn path(dialect: Dialect, text: &str) -> Vec<String> {
    crate::diff::rename::path(dialect, text)
}

/// A name as a statement spells it: in quotes where that may be needed.
pub fn identifier(dialect: Dialect, name: &str) -> String {
    let is_small = |c: char| c.is_ascii_lowercase() || c == '_';
    let is_plain = name.starts_with(is_small) && name.chars().all(|c| is_small(c) || c.is_ascii_digit());
    if is_plain && dialect.facts().body_delimiter.is_none() && !RESERVED.contains(&name) {
        return name.to_owned();
    }
    crate::diff::quoted(dialect, name)
}

/// A name of ours, made of words; quoted where that is needed.
pub(super) fn made(dialect: Dialect, words: &[&str]) -> String {
    let whole = words.join("_");
    if whole.len() <= LONGEST {
        return identifier(dialect, &whole);
    }
    let digest = Checksum::of(whole.as_bytes()).short();
    let digest: String = digest.chars().take(8).collect();
    let mut end = LONGEST - 9;
    while !whole.is_char_boundary(end) {
        end -= 1;
    }
    identifier(dialect, &format!("{}_{digest}", &whole[..end]))
}

/// An expression over a row, with each of its columns behind `NEW.`; a name behind a dot, or before a parenthesis,
/// is something else.
pub(super) fn of_new(dialect: Dialect, expression: &str, columns: &[String]) -> String {
    let words = words(dialect, expression);
    let mut result = String::new();
    let mut at = 0;
    for (place, word) in words.iter().enumerate() {
        let is_name = matches!(word.kind, TokenKind::Word | TokenKind::QuotedName);
        let qualified = place > 0 && words[place - 1].text == ".";
        let called = words.get(place + 1).is_some_and(|next| next.text == "(" || next.text == ".");
        let named = unquoted(word.text);
        let is_column = columns.iter().any(|column| {
            let column = unquoted(column);
            if dialect == Dialect::Postgres && word.kind == TokenKind::QuotedName {
                column == named
            } else {
                column.eq_ignore_ascii_case(&named)
            }
        });
        if is_name && is_column && !qualified && !called {
            result.push_str(&expression[at..word.span.start]);
            result.push_str("NEW.");
            at = word.span.start;
        }
    }
    result.push_str(&expression[at..]);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_an_expression_are_those_of_the_new_row() {
        let columns = ["total".to_owned(), "\"Unit\"".to_owned()];
        let new = |text| of_new(Dialect::Postgres, text, &columns);
        assert_eq!(
            new("round(total * 100) || 'total' || t.total"),
            "round(NEW.total * 100) || 'total' || t.total"
        );
        assert_eq!(new("total(\"Unit\")"), "total(NEW.\"Unit\")");
    }

    #[test]
    fn long_names_stay_apart() {
        let long = "a".repeat(70);
        let (one, two) = (made(Dialect::Postgres, &[&long, "b"]), made(Dialect::Postgres, &[&long, "c"]));
        assert!(one.len() == LONGEST && one != two);
        assert_eq!(identifier(Dialect::Sqlite, "order"), "\"order\"");
        assert_eq!(identifier(Dialect::MariaDb, "a"), "`a`");
    }
}
