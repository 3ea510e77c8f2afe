//! Texts that read differently once a setting is in force.
//!
//! Whether a backslash in a string escapes the quote behind it is a setting on PostgreSQL, MariaDB and
//! MySQL. A text is cut before any of it runs, as the setting usually is; so a text that changes it
//! and is another one then cannot be trusted: what looks like a string could be a `COMMIT`.

use std::collections::BTreeMap;
use std::ops::Range;

use super::cursor::Cursor;
use super::lex::{Lexer, Quoting, TokenKind};
use super::split::{Statement, split_as};
use crate::dialect::Dialect;

/// A setting under which a text is another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadsOtherwise {
    /// The name of the setting.
    pub setting: &'static str,
    /// The statement that sets it; `None` where it is asked for beside the text.
    pub set: Option<Range<usize>>,
}

/// Whether a script sets something under which what follows reads otherwise; `session` are the settings
/// that are asked for beside it.
pub fn reads_otherwise(
    dialect: Dialect,
    text: &str,
    statements: &[Statement],
    session: &BTreeMap<String, String>,
) -> Option<ReadsOtherwise> {
    let setting = setting(dialect)?;
    let value = session.iter().find(|(name, _)| name.eq_ignore_ascii_case(setting)).map(|(_, value)| value);
    if value.is_some_and(|value| quotings(dialect, value).iter().any(|q| differs(dialect, text, *q))) {
        return Some(ReadsOtherwise { setting, set: None });
    }
    if !contains(text, setting) {
        return None;
    }
    let set = statements.iter().find(|statement| {
        let rest = &text[statement.span.end..];
        let quotings = set_by(dialect, &text[statement.span.clone()], setting);
        quotings.iter().any(|quoting| differs(dialect, rest, *quoting))
    })?;
    Some(ReadsOtherwise { setting, set: Some(set.span.clone()) })
}

const fn setting(dialect: Dialect) -> Option<&'static str> {
    match dialect {
        Dialect::Postgres => Some("standard_conforming_strings"),
        Dialect::MariaDb | Dialect::MySql => Some("sql_mode"),
        Dialect::Sqlite => None,
    }
}

fn contains(text: &str, word: &str) -> bool {
    text.as_bytes().windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}

/// How literals are read behind a statement, if it names the setting.
fn set_by(dialect: Dialect, statement: &str, setting: &str) -> Vec<Quoting> {
    let mut cursor = Cursor::new(dialect, statement);
    if cursor.eat_any(&["SET", "SELECT"]).is_none() || !contains(statement, setting) {
        return Vec::new();
    }
    cursor.flat_map(|piece| quotings(dialect, &piece.unquoted())).collect()
}

/// How literals are read under a value of the setting, where that is not as usual.
fn quotings(dialect: Dialect, value: &str) -> Vec<Quoting> {
    let value = value.to_ascii_uppercase();
    if dialect == Dialect::Postgres {
        let off = matches!(value.as_str(), "OFF" | "FALSE" | "NO" | "0");
        return if off { vec![Quoting::Backslashes] } else { Vec::new() };
    }
    let has = |word: &str| value.split(',').any(|mode| mode.trim() == word);
    let mut found = Vec::new();
    if has("NO_BACKSLASH_ESCAPES") {
        found.push(Quoting::NoBackslashes);
    }
    if ["ANSI_QUOTES", "ANSI", "ORACLE", "MSSQL", "DB2", "POSTGRESQL", "MAXDB"].into_iter().any(has) {
        found.push(Quoting::AnsiQuotes);
    }
    found
}

/// Whether a text is another one under this quoting. On PostgreSQL a whole script is read before the
/// setting is in force, so there a backslash in a plain string suffices: its value would be another.
fn differs(dialect: Dialect, text: &str, quoting: Quoting) -> bool {
    if dialect == Dialect::Postgres {
        let plain = |token: &str| token.starts_with('\'') && token.contains('\\');
        return Lexer::new(dialect, text)
            .map_while(Result::ok)
            .any(|token| token.kind == TokenKind::Text && plain(&text[token.span]));
    }
    split_as(dialect, text, Quoting::Usual) != split_as(dialect, text, quoting)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::split;

    fn of(dialect: Dialect, text: &str) -> bool {
        reads_otherwise(dialect, text, &split(dialect, text).unwrap_or_default(), &BTreeMap::new()).is_some()
    }

    #[test]
    fn backslashes_on_postgres() {
        let of = |text| of(Dialect::Postgres, text);
        assert!(of("SET standard_conforming_strings = off; SELECT 'a\\'; COMMIT; SELECT 'b'"));
        assert!(of("SELECT set_config('standard_conforming_strings', 'false', true); SELECT '\\n'"));
        assert!(!of("SET standard_conforming_strings = on; SELECT '\\n'"));
        assert!(!of("SET standard_conforming_strings TO off; SELECT E'\\n', $$\\$$, 'n'"));
        assert!(!of("SELECT '\\n'; SET standard_conforming_strings = off"));
        let session = BTreeMap::from([("standard_conforming_strings".to_owned(), "off".to_owned())]);
        assert!(reads_otherwise(Dialect::Postgres, "SELECT '\\'", &[], &session).is_some());
    }

    #[test]
    fn backslashes_on_mariadb() {
        let of = |text| of(Dialect::MariaDb, text);
        assert!(of("SET sql_mode = 'NO_BACKSLASH_ESCAPES'; SELECT 'a\\'; COMMIT; SELECT 'c'; -- '"));
        assert!(of(
            "SET SESSION SQL_MODE = 'STRICT_ALL_TABLES,ANSI_QUOTES'; SELECT \"a\\\"; COMMIT; SELECT \"c\"; -- \""
        ));
        assert!(!of("SET sql_mode = 'NO_BACKSLASH_ESCAPES'; SELECT 'a\\\\', 'it''s', \"; COMMIT;\""));
        assert!(!of("SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'; SELECT 'it\\'s'"));
        assert!(!of("SET sql_mode = 'ANSI_QUOTES'; SELECT 'it\\'s'"));
    }
}
