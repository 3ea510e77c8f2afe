//! Statements of MariaDB and MySQL that stand for others: `PREPARE`, `EXECUTE`, `CALL`.
//!
//! Which text they mean may stand in a variable of the session, or in a procedure: then only the server
//! knows it, and here is only said where to look, and what to make of it.

use crate::dialect::Dialect;
use crate::sql::cursor::Cursor;
use crate::sql::lex::TokenKind;

/// Where the text of a prepared statement stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Here.
    Text(String),
    /// In a user variable of this name.
    Variable(String),
}

/// What an `EXECUTE` runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Executed {
    /// The statement that was prepared under this name.
    Named(String),
    /// This one.
    Immediate(Source),
}

/// The name of a `PREPARE`, and its text if that is said plainly.
pub fn prepared(dialect: Dialect, statement: &str) -> Option<(String, Option<Source>)> {
    let mut cursor = Cursor::new(dialect, statement);
    if dialect.facts().transactional_ddl || !cursor.eat(&["PREPARE"]) {
        return None;
    }
    let name = cursor.next()?.unquoted();
    let from = cursor.eat(&["FROM"]);
    Some((name, source(cursor).filter(|_| from)))
}

/// What an `EXECUTE` runs.
pub fn executed(dialect: Dialect, statement: &str) -> Option<Executed> {
    let mut cursor = Cursor::new(dialect, statement);
    if dialect.facts().transactional_ddl || !cursor.eat(&["EXECUTE"]) {
        return None;
    }
    if cursor.eat(&["IMMEDIATE"]) {
        return source(cursor).map(Executed::Immediate);
    }
    Some(Executed::Named(cursor.next()?.unquoted()))
}

/// A text or a variable, and nothing behind it but parameters.
fn source(mut cursor: Cursor<'_>) -> Option<Source> {
    let found = if cursor.eat_sign("@") {
        Source::Variable(cursor.next()?.unquoted())
    } else {
        Source::Text(cursor.next().filter(|piece| piece.kind == TokenKind::Text)?.unquoted())
    };
    let rest = cursor.next();
    rest.is_none_or(|piece| piece.is("USING")).then_some(found)
}

/// The procedure that a statement calls, `[database,] name`.
pub fn called_procedure(dialect: Dialect, statement: &str) -> Option<Vec<String>> {
    let mut cursor = Cursor::new(dialect, statement);
    if dialect.facts().transactional_ddl || !cursor.eat(&["CALL"]) {
        return None;
    }
    cursor.qualified_name()
}

/// Whether the definition of a procedure holds no word of a statement that commits, nor one behind
/// which such a statement could hide: then a call of it takes part in a transaction.
pub fn body_only_changes_rows(dialect: Dialect, definition: &str) -> bool {
    const WORDS: &[&str] = &[
        "CREATE",
        "ALTER",
        "DROP",
        "TRUNCATE",
        "RENAME",
        "GRANT",
        "REVOKE",
        "LOCK",
        "UNLOCK",
        "COMMIT",
        "ROLLBACK",
        "START",
        "XA",
        "EXECUTE",
        "PREPARE",
        "CALL",
        "ANALYZE",
        "OPTIMIZE",
        "REPAIR",
        "CHECK",
        "FLUSH",
        "RESET",
        "LOAD",
        "CACHE",
        "KILL",
        "AUTOCOMMIT",
        "PASSWORD",
    ];
    let mut cursor = Cursor::new(dialect, definition);
    cursor.eat(&["CREATE"]) && !cursor.any(|piece| piece.is_any(WORDS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_what() {
        let prepared = |text| prepared(Dialect::MariaDb, text);
        let executed = |text| executed(Dialect::MariaDb, text);
        let text = |text: &str| Source::Text(text.to_owned());
        let variable = |name: &str| Source::Variable(name.to_owned());
        assert_eq!(
            prepared("PREPARE s FROM 'DROP TABLE ''a'''"),
            Some(("s".to_owned(), Some(text("DROP TABLE 'a'"))))
        );
        assert_eq!(prepared("prepare `S` from @sql"), Some(("S".to_owned(), Some(variable("sql")))));
        assert_eq!(prepared("PREPARE s FROM CONCAT('a', 'b')"), Some(("s".to_owned(), None)));
        assert_eq!(executed("EXECUTE s USING @a"), Some(Executed::Named("s".to_owned())));
        assert_eq!(executed("EXECUTE IMMEDIATE @a"), Some(Executed::Immediate(variable("a"))));
        assert_eq!(
            executed("EXECUTE IMMEDIATE 'SELECT 1' USING @b"),
            Some(Executed::Immediate(text("SELECT 1")))
        );
        assert_eq!(executed("CALL p()"), None);
    }

    #[test]
    fn procedures_by_their_bodies() {
        assert_eq!(
            called_procedure(Dialect::MariaDb, "CALL `a`.p(1)"),
            Some(vec!["a".to_owned(), "p".to_owned()])
        );
        assert_eq!(called_procedure(Dialect::MariaDb, "SELECT 1"), None);
        let only =
            |body: &str| body_only_changes_rows(Dialect::MariaDb, &format!("CREATE PROCEDURE p() {body}"));
        assert!(only("BEGIN INSERT INTO t VALUES ('drop'); UPDATE `create` SET a = 1; END"));
        for body in ["BEGIN COMMIT; END", "TRUNCATE t", "BEGIN PREPARE s FROM @a; EXECUTE s; END", "CALL q()"]
        {
            assert!(!only(body), "{body}");
        }
    }
}
