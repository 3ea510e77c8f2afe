//! What a declared text does beside a schema: rows, rights, settings. Each is said in a note.
//!
//! Such statements are loaded like any other, since what follows may need them, and no command compares them or
//! writes them into a migration. Here only their first words are read.

use crate::diagnostic::count;
use crate::dialect::Dialect;
use crate::event::{Event, Sink};
use crate::migration::Script;
use crate::sql::{self, TokenKind};

/// What a statement changes that is no part of a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    Rows,
    Rights,
    Settings,
}

impl Beside {
    const ALL: [Self; 3] = [Self::Rows, Self::Rights, Self::Settings];

    const fn word(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Rights => "rights",
            Self::Settings => "settings",
        }
    }
}

/// Says for each text what of it is no part of a schema.
pub(super) fn tell(texts: &[Script], dialect: Dialect, sink: &mut dyn Sink) {
    for script in texts {
        let statements = sql::split(dialect, &script.text).unwrap_or_default();
        for beside in Beside::ALL {
            let is_it = |s: &&sql::Statement| of(dialect, &script.text[s.span.clone()]) == Some(beside);
            let found: Vec<_> = statements.iter().filter(is_it).collect();
            let Some(first) = found.first() else { continue };
            let word = beside.word();
            sink.tell(Event::Noted(format!(
                "`{}` changes {word} ({}, the first on line {}): {}",
                script.path,
                count(found.len(), "statement", "statements"),
                first.line,
                match beside {
                    Beside::Rows => "rows are no part of a schema",
                    Beside::Rights | Beside::Settings => "they are no part of a schema",
                }
            )));
        }
    }
}

fn of(dialect: Dialect, statement: &str) -> Option<Beside> {
    let tokens = sql::tokens(dialect, statement).ok()?.into_iter();
    let words = tokens.filter(|token| token.kind == TokenKind::Word);
    let words: Vec<String> = words.map(|token| statement[token.span].to_ascii_uppercase()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["INSERT" | "UPDATE" | "DELETE" | "REPLACE" | "MERGE" | "COPY" | "LOAD", ..] => Some(Beside::Rows),
        ["GRANT" | "REVOKE", ..] | ["ALTER", "DEFAULT", "PRIVILEGES", ..] | ["REASSIGN", "OWNED", ..] => {
            Some(Beside::Rights)
        }
        ["ALTER", ref rest @ ..] if gives_away(rest) => Some(Beside::Rights),
        ["SET" | "RESET" | "PRAGMA", ..] => Some(Beside::Settings),
        _ => None,
    }
}

fn gives_away(words: &[&str]) -> bool {
    // a column may be called `owner`
    !words.contains(&"RENAME") && words.windows(2).any(|pair| pair == ["OWNER", "TO"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_words_tell() {
        for (statement, wanted) in [
            ("insert into t values (1)", Some(Beside::Rows)),
            ("GRANT SELECT ON t TO PUBLIC", Some(Beside::Rights)),
            ("alter default privileges grant select on tables to public", Some(Beside::Rights)),
            ("ALTER TABLE \"t\" OWNER TO \"me\"", Some(Beside::Rights)),
            ("ALTER TABLE s.t OWNER /* whose */ TO me", Some(Beside::Rights)),
            ("ALTER TABLE t RENAME COLUMN owner TO keeper", None),
            ("CREATE TABLE grants (owner integer)", None),
            ("SET client_encoding = 'UTF8'", Some(Beside::Settings)),
            ("ALTER TABLE t ALTER COLUMN c SET DEFAULT 1", None),
        ] {
            assert_eq!(of(Dialect::Postgres, statement), wanted, "{statement}");
        }
        assert_eq!(of(Dialect::Sqlite, "PRAGMA foreign_keys = OFF"), Some(Beside::Settings));
    }
}
