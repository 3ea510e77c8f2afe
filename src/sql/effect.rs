//! What a statement means for the plan, read from its tokens.
//!
//! Given is the text of one statement, as `split` cuts it. The answers hold for what stands
//! in the statement itself; what a function or a `DO` block does when it is called is not known, nor
//! whether a named object exists. Where an engine decides by the state of the database (`REINDEX` of
//! a partitioned table, say) the answer is the ordinary one, and the run will tell.

mod client;
mod commits;
mod dynamic;
mod engine;
mod event;
mod object;
mod place;
mod rows;
mod session;

pub use commits::{Commits, ObjectKind, ObjectName, commits, completion};
pub use dynamic::{Executed, Source, body_only_changes_rows, called_procedure, executed, prepared};
pub use engine::{created_with_engine, creates_table, recovers, written_tables};
pub use event::asleep;
pub use object::{
    AddedValue, added_enum_value, changes_rows, creates_temporary, dropped_tables, is_data, is_pragma,
    sets_session,
};
pub use place::beyond_database;
pub use rows::{Rows, Way, creates_code, rows, selects};
pub use session::{Leftovers, Lost, leftovers, lost_by_restart};

use super::cursor::Cursor;
use super::lex::TokenKind;
use crate::dialect::Dialect;

/// How a statement stands to the transaction around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Boundary {
    /// It takes part in the transaction.
    Ordinary,
    /// It begins, ends or marks one itself: this one.
    TransactionControl(&'static str),
    /// It cannot run inside one: `CREATE INDEX CONCURRENTLY`, say.
    NoTransaction(&'static str),
    /// It needs the database's own client: `COPY … FROM STDIN`, say.
    Client(&'static str),
}

use Boundary::{Client, NoTransaction, Ordinary, TransactionControl};

/// How one statement stands to the transaction around it.
///
/// ```
/// use db_migrations::{dialect::Dialect, sql::{boundary, Boundary}};
/// let of = |text| boundary(Dialect::Postgres, text);
/// assert_eq!(of("create unique index concurrently i on t (a)"), Boundary::NoTransaction("CREATE INDEX CONCURRENTLY"));
/// assert_eq!(of("COMMIT AND CHAIN"), Boundary::TransactionControl("COMMIT"));
/// assert_eq!(of("CREATE TABLE t (a int)"), Boundary::Ordinary);
/// ```
pub fn boundary(dialect: Dialect, statement: &str) -> Boundary {
    let cursor = Cursor::new(dialect, statement);
    match dialect {
        Dialect::Postgres => postgres_control(cursor.clone())
            .map(TransactionControl)
            .or_else(|| postgres_refuses(statement, cursor).map(NoTransaction))
            .or_else(|| client::needs_client(dialect, statement).map(Client)),
        Dialect::Sqlite => sqlite(cursor),
        Dialect::MariaDb | Dialect::MySql => mysql_control(cursor).map(TransactionControl),
    }
    .unwrap_or(Ordinary)
}

fn postgres_control(mut cursor: Cursor<'_>) -> Option<&'static str> {
    let word = cursor.eat_any(&[
        "BEGIN",
        "START",
        "COMMIT",
        "END",
        "ROLLBACK",
        "ABORT",
        "SAVEPOINT",
        "RELEASE",
        "PREPARE",
        "SET",
    ])?;
    match word {
        "START" => cursor.eat(&["TRANSACTION"]).then_some("START TRANSACTION"),
        "PREPARE" => cursor.eat(&["TRANSACTION"]).then_some("PREPARE TRANSACTION"),
        "COMMIT" if cursor.next_is("PREPARED") => Some("COMMIT PREPARED"),
        "ROLLBACK" if cursor.next_is("PREPARED") => Some("ROLLBACK PREPARED"),
        "ROLLBACK" => {
            cursor.eat_any(&["WORK", "TRANSACTION"]);
            Some(if cursor.next_is("TO") { "ROLLBACK TO SAVEPOINT" } else { word })
        }
        "SET" => {
            cursor.eat_any(&["SESSION", "LOCAL"]);
            let is_variable = |sign: &str| matches!(sign, "=" | ".");
            let transaction = cursor.eat(&["TRANSACTION"]);
            let variable = cursor.peek().is_some_and(|piece| is_variable(piece.text));
            (transaction && !variable).then_some("SET TRANSACTION")
        }
        _ => Some(word),
    }
}

/// By a real parse where there is one; else by the tokens.
fn postgres_refuses(statement: &str, cursor: Cursor<'_>) -> Option<&'static str> {
    #[cfg(feature = "postgres")]
    match super::postgres::outside(statement) {
        super::postgres::Parsed::Refused(what) => return Some(what),
        super::postgres::Parsed::Ordinary => return None,
        super::postgres::Parsed::Unclear => {}
    }
    let _ = statement;
    postgres_outside(cursor)
}

fn postgres_outside(mut cursor: Cursor<'_>) -> Option<&'static str> {
    match cursor.eat_any(&["VACUUM", "CREATE", "DROP", "ALTER", "REINDEX", "CLUSTER", "DISCARD"])? {
        "CREATE" => {
            cursor.eat(&["UNIQUE"]);
            match cursor.eat_any(&["DATABASE", "TABLESPACE", "SUBSCRIPTION", "INDEX"])? {
                "DATABASE" => Some("CREATE DATABASE"),
                "TABLESPACE" => Some("CREATE TABLESPACE"),
                "SUBSCRIPTION" => Some("CREATE SUBSCRIPTION"),
                _ => cursor.eat(&["CONCURRENTLY"]).then_some("CREATE INDEX CONCURRENTLY"),
            }
        }
        "DROP" => match cursor.eat_any(&["DATABASE", "TABLESPACE", "SUBSCRIPTION", "INDEX"])? {
            "DATABASE" => Some("DROP DATABASE"),
            "TABLESPACE" => Some("DROP TABLESPACE"),
            "SUBSCRIPTION" => Some("DROP SUBSCRIPTION"),
            _ => cursor.eat(&["CONCURRENTLY"]).then_some("DROP INDEX CONCURRENTLY"),
        },
        "ALTER" => postgres_alter(cursor),
        "REINDEX" => postgres_reindex(cursor),
        "CLUSTER" => cluster(cursor),
        "DISCARD" => cursor.eat(&["ALL"]).then_some("DISCARD ALL"),
        word => Some(word),
    }
}

fn postgres_alter(mut cursor: Cursor<'_>) -> Option<&'static str> {
    match cursor.eat_any(&["SYSTEM", "DATABASE", "TABLE", "SUBSCRIPTION"])? {
        "SYSTEM" => Some("ALTER SYSTEM"),
        "DATABASE" => {
            let tablespace = cursor.qualified_name().is_some() && cursor.eat(&["SET", "TABLESPACE"]);
            tablespace.then_some("ALTER DATABASE SET TABLESPACE")
        }
        "SUBSCRIPTION" => {
            let refresh = cursor.qualified_name().is_some() && cursor.eat(&["REFRESH"]);
            refresh.then_some("ALTER SUBSCRIPTION REFRESH")
        }
        _ => {
            cursor.eat(&["IF", "EXISTS"]);
            cursor.eat(&["ONLY"]);
            let detaches = cursor.qualified_name().is_some() && cursor.eat(&["DETACH", "PARTITION"]);
            let at_once = detaches && cursor.qualified_name().is_some() && cursor.eat(&["CONCURRENTLY"]);
            at_once.then_some("DETACH PARTITION CONCURRENTLY")
        }
    }
}

fn postgres_reindex(mut cursor: Cursor<'_>) -> Option<&'static str> {
    let mut concurrently = false;
    if cursor.eat_sign("(") {
        while let Some(option) = cursor.next().filter(|piece| piece.kind != TokenKind::CloseParen) {
            if option.is("CONCURRENTLY") {
                let value = cursor.peek().map(|value| value.unquoted()).unwrap_or_default();
                concurrently = !matches!(value.as_str(), "false" | "off" | "0");
            }
        }
    }
    match cursor.eat_any(&["SCHEMA", "DATABASE", "SYSTEM", "TABLE", "INDEX"])? {
        "SCHEMA" => Some("REINDEX SCHEMA"),
        "DATABASE" => Some("REINDEX DATABASE"),
        "SYSTEM" => Some("REINDEX SYSTEM"),
        _ => (concurrently || cursor.next_is("CONCURRENTLY")).then_some("REINDEX CONCURRENTLY"),
    }
}

/// `CLUSTER` of every table of the database; of one table it is ordinary.
fn cluster(mut cursor: Cursor<'_>) -> Option<&'static str> {
    if cursor.eat_sign("(") {
        while cursor.next().is_some_and(|piece| piece.kind != TokenKind::CloseParen) {}
    }
    cursor.eat(&["VERBOSE"]);
    cursor.next().is_none_or(|piece| piece.kind == TokenKind::Semicolon).then_some("CLUSTER")
}

fn sqlite(mut cursor: Cursor<'_>) -> Option<Boundary> {
    const CONTROL: &[&str] = &["BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE"];
    if let Some(word) = cursor.eat_any(CONTROL) {
        return Some(TransactionControl(word));
    }
    match cursor.eat_any(&["VACUUM", "ATTACH", "DETACH", "PRAGMA"])? {
        "PRAGMA" => {
            let name = cursor.qualified_name()?.pop()?;
            let sets = cursor.peek().is_some_and(|piece| matches!(piece.text, "=" | "("));
            match name.to_ascii_lowercase().as_str() {
                "journal_mode" if sets => Some(NoTransaction("PRAGMA journal_mode")),
                "synchronous" if sets => Some(NoTransaction("PRAGMA synchronous")),
                "wal_checkpoint" => Some(NoTransaction("PRAGMA wal_checkpoint")),
                _ => None,
            }
        }
        word => Some(NoTransaction(word)),
    }
}

fn mysql_control(mut cursor: Cursor<'_>) -> Option<&'static str> {
    const FIRST: &[&str] = &[
        "START",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT",
        "RELEASE",
        "XA",
        "SET",
        "LOCK",
        "UNLOCK",
        "FLUSH",
    ];
    match cursor.eat_any(FIRST)? {
        "START" => cursor.eat(&["TRANSACTION"]).then_some("START TRANSACTION"),
        // a compound statement of MariaDB
        "BEGIN" if cursor.eat(&["NOT", "ATOMIC"]) => None,
        "RELEASE" => cursor.eat(&["SAVEPOINT"]).then_some("RELEASE SAVEPOINT"),
        "LOCK" => cursor.eat_any(&["TABLES", "TABLE"]).map(|_| "LOCK TABLES"),
        "UNLOCK" => cursor.eat_any(&["TABLES", "TABLE"]).map(|_| "UNLOCK TABLES"),
        "FLUSH" if !cursor.clone().any(|piece| piece.is_any(&["TABLES", "TABLE"])) => None,
        "FLUSH" if cursor.clone().any(|piece| piece.is("LOCK")) => Some("FLUSH TABLES WITH READ LOCK"),
        "FLUSH" => cursor.any(|piece| piece.is("EXPORT")).then_some("FLUSH TABLES FOR EXPORT"),
        "SET" if sets_transaction(cursor.clone()) => Some("SET TRANSACTION"),
        "SET" => sets_autocommit(cursor).then_some("SET autocommit"),
        word => Some(word),
    }
}

fn sets_transaction(mut cursor: Cursor<'_>) -> bool {
    cursor.eat_any(&["SESSION", "LOCAL"]);
    cursor.eat(&["TRANSACTION"])
}

/// Whether the variable is among those that a `SET` sets; `@autocommit` is the user's own.
fn sets_autocommit(mut cursor: Cursor<'_>) -> bool {
    let mut signs = 0;
    while let Some(piece) = cursor.next() {
        let own = signs == 1;
        signs = if piece.text == "@" { signs + 1 } else { 0 };
        let assigned = || cursor.peek().is_some_and(|sign| matches!(sign.text, "=" | ":="));
        if piece.is("autocommit") && !own && assigned() {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests;
