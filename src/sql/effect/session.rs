//! What a script of MariaDB or MySQL leaves in its session, and what of it a restart loses.
//!
//! A connection there cannot be reset without losing the guard, so what the next migration must not
//! see is undone by name. A migration that stopped half-way goes on in another session: settings are
//! made again, but a value that was computed then, or a temporary table, is gone.

use std::collections::BTreeSet;
use std::ops::Range;

use super::object::creates_temporary;
use crate::dialect::Dialect;
use crate::sql::cursor::{Cursor, Piece};
use crate::sql::lex::TokenKind;
use crate::sql::split::Statement;

/// What a script may leave in its session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// User variables that it names.
    pub variables: BTreeSet<String>,
    /// Temporary tables that it creates.
    pub temporary: BTreeSet<String>,
    /// Prepared statements.
    pub prepared: BTreeSet<String>,
    /// Tables that `HANDLER` opened, by the names that it knows them by.
    pub handlers: BTreeSet<String>,
    /// It may change settings.
    pub settings: bool,
}

impl Leftovers {
    /// Whether there is nothing to undo.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The first words of statements that leave more than rows: by themselves, or by what runs inside.
const LEAVING: &[&str] = &[
    "PREPARE", "HANDLER", "SET", "USE", "CALL", "EXECUTE", "BEGIN", "IF", "CASE", "LOOP", "REPEAT", "WHILE",
    "FOR",
];

/// The name by which `HANDLER table OPEN [[AS] name]` is closed.
fn opened_handler(mut cursor: Cursor<'_>) -> Option<String> {
    let table = cursor.qualified_name()?.pop()?;
    if !cursor.eat(&["OPEN"]) {
        return None;
    }
    cursor.eat(&["AS"]);
    Some(cursor.next().map_or(table, |alias| alias.unquoted()))
}

/// What these statements may leave behind.
pub fn leftovers(dialect: Dialect, text: &str, statements: &[Statement]) -> Leftovers {
    let mut found = Leftovers::default();
    for statement in statements {
        let text = &text[statement.span.clone()];
        let mut cursor = Cursor::new(dialect, text);
        if text.contains('@') {
            found.variables.extend(variables(dialect, text));
        }
        if creates_temporary(dialect, text) {
            found.temporary.extend(created_table(dialect, text));
        }
        // the guard is such a lock
        found.settings |=
            Cursor::new(dialect, text).any(|piece| piece.is_any(&["RELEASE_LOCK", "RELEASE_ALL_LOCKS"]));
        match cursor.eat_any(LEAVING) {
            Some("PREPARE") => found.prepared.extend(cursor.next().map(|name| name.unquoted())),
            Some("HANDLER") => found.handlers.extend(opened_handler(cursor)),
            Some(_) => found.settings = true,
            // a block that has a label
            None => found.settings |= cursor.nth(1).is_some_and(|sign| sign.text == ":"),
        }
    }
    found
}

/// The user variables (`@a`, not `@@a`) that a text names.
fn variables(dialect: Dialect, text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut signs = 0;
    for piece in Cursor::new(dialect, text) {
        let name = matches!(piece.kind, TokenKind::Word | TokenKind::QuotedName | TokenKind::Text);
        if signs == 1 && name {
            found.insert(piece.unquoted());
        }
        signs = if piece.text == "@" { signs + 1 } else { 0 };
    }
    found
}

/// The table that `CREATE [OR REPLACE] TEMPORARY TABLE` makes.
fn created_table(dialect: Dialect, text: &str) -> Option<String> {
    let mut cursor = Cursor::new(dialect, text);
    cursor.find(|piece| piece.is("TABLE"))?;
    cursor.eat(&["IF", "NOT", "EXISTS"]);
    cursor.qualified_name()?.pop()
}

/// Something that a restarted migration would miss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// `@id`, or the name of a temporary table.
    pub name: String,
    /// The statement that made it.
    pub made: Range<usize>,
    /// The first one behind the stop that needs it.
    pub needed: Range<usize>,
}

/// What the statements from `from` on need of the session and cannot be made again: a variable whose
/// value was computed, a temporary table. `SET @a = 1` and `SET @a = @@b` can be.
pub fn lost_by_restart(dialect: Dialect, text: &str, statements: &[Statement], from: usize) -> Option<Lost> {
    if dialect.facts().transactional_ddl {
        return None;
    }
    let (before, after) = statements.split_at(from.min(statements.len()));
    if let Some(lost) = last_statement(dialect, text, before, after) {
        return Some(lost);
    }
    before.iter().find_map(|made| {
        let names = made_once(dialect, &text[made.span.clone()]);
        let lost = |name: &String| {
            let needed = first_need(dialect, text, after, name)?;
            Some(Lost { name: name.clone(), made: made.span.clone(), needed })
        };
        names.iter().find_map(lost)
    })
}

/// `LAST_INSERT_ID()` and its kin speak of a statement before the stop, until one behind it changes rows.
fn last_statement(dialect: Dialect, text: &str, before: &[Statement], after: &[Statement]) -> Option<Lost> {
    let made = before.last()?.span.clone();
    for statement in after {
        let sql = &text[statement.span.clone()];
        if let Some(read) = Cursor::new(dialect, sql).find(|piece| piece.is_any(LAST)) {
            let name = read.text.to_ascii_uppercase();
            return Some(Lost { name, made, needed: statement.span.clone() });
        }
        let verbs = ["INSERT", "REPLACE", "UPDATE", "DELETE", "SELECT", "LOAD", "CALL"];
        if Cursor::new(dialect, sql).peek().is_some_and(|first| first.is_any(&verbs)) {
            return None;
        }
    }
    None
}

/// What speaks of the last statement of the session.
const LAST: &[&str] =
    &["LAST_INSERT_ID", "LAST_VALUE", "LASTVAL", "PREVIOUS", "ROW_COUNT", "FOUND_ROWS", "IDENTITY"];

/// The first statement that reads a variable or names a table before another one makes it anew.
fn first_need(dialect: Dialect, text: &str, after: &[Statement], name: &str) -> Option<Range<usize>> {
    for statement in after {
        let sql = &text[statement.span.clone()];
        let bare = name.strip_prefix('@');
        if bare.is_some() && Cursor::new(dialect, sql).next_is("CALL") {
            return Some(statement.span.clone()); // a procedure sees the session's variables
        }
        let wanted = bare.unwrap_or(name);
        let mentions = Cursor::new(dialect, sql).filter(|piece| piece.unquoted() == wanted).count();
        let makes = match bare {
            Some(bare) => {
                usize::from(assigned(dialect, sql, Cursor::new(dialect, sql).next_is("SET")).contains(bare))
            }
            None => 0,
        };
        if mentions > makes {
            return Some(statement.span.clone());
        }
        if makes > 0 {
            return None;
        }
    }
    None
}

/// What a statement makes in the session that running it again would not bring back.
fn made_once(dialect: Dialect, sql: &str) -> BTreeSet<String> {
    if creates_temporary(dialect, sql) {
        return created_table(dialect, sql).into_iter().collect();
    }
    let mut cursor = Cursor::new(dialect, sql);
    let sets = cursor.eat(&["SET"]);
    if cursor.next_is("CALL") {
        // parameters of a procedure may be its results
        return variables(dialect, sql).into_iter().map(|name| format!("@{name}")).collect();
    }
    let once = |piece: &Piece<'_>| piece.is_any(LAST) || piece.is_any(&["SELECT", "NEXT"]);
    let computed = cursor.any(|piece| piece.kind == TokenKind::OpenParen || once(&piece));
    if sets && !computed || !sql.contains('@') {
        return BTreeSet::new();
    }
    assigned(dialect, sql, sets).into_iter().map(|name| format!("@{name}")).collect()
}

/// The user variables that a statement gives a value: `SET @a = …`, `@a := …`, `INTO @a, @b`.
fn assigned(dialect: Dialect, sql: &str, sets: bool) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut cursor = Cursor::new(dialect, sql);
    let mut into = false;
    while let Some(piece) = cursor.next() {
        if piece.text != "@" {
            into = piece.is("INTO") || (into && piece.kind == TokenKind::Comma);
            continue;
        }
        if cursor.eat_sign("@") {
            continue;
        }
        let Some(name) = cursor.next() else { break };
        let sign = cursor.peek().map_or("", |sign| sign.text);
        if into || sign == ":=" || (sets && sign == "=") {
            found.insert(name.unquoted());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::split;

    const DIALECT: Dialect = Dialect::MariaDb;

    #[test]
    fn what_stays_in_the_session() {
        let text = "SET @a = 1, @`b c` := @@sql_mode; CREATE TEMPORARY TABLE IF NOT EXISTS x.t (a INT);
            PREPARE s FROM 'SELECT ''@no'''; SELECT 1 INTO @d";
        let found = leftovers(DIALECT, text, &split(DIALECT, text).unwrap());
        let names = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(names(&found.variables), "a b c d");
        assert_eq!((names(&found.temporary), names(&found.prepared)), ("t".to_owned(), "s".to_owned()));
        assert!(found.settings);
        let text = "CREATE TABLE t (a INT); INSERT INTO t VALUES (1)";
        assert!(leftovers(DIALECT, text, &split(DIALECT, text).unwrap()).is_empty());
    }

    #[test]
    fn what_a_restart_loses() {
        let lost = |text: &str| {
            let statements = split(DIALECT, text).unwrap();
            lost_by_restart(DIALECT, text, &statements, 2).map(|lost| lost.name)
        };
        let id = "INSERT INTO p VALUES (); SET @id = LAST_INSERT_ID(); INSERT INTO c VALUES (@id)";
        assert_eq!(lost(id).as_deref(), Some("@id"));
        assert_eq!(
            lost("CREATE TEMPORARY TABLE t (a INT); SELECT 1; INSERT INTO u SELECT * FROM T").as_deref(),
            Some("t")
        );
        assert_eq!(lost("SELECT max(a) INTO @m FROM t; SELECT 1; SELECT @m").as_deref(), Some("@m"));
        assert_eq!(lost("SET @old = @@sql_mode; SET sql_mode = ''; SET sql_mode = @old"), None);
        assert_eq!(lost("SET @id = LAST_INSERT_ID(); SELECT 1; SELECT 2"), None);
        assert_eq!(
            lost("INSERT INTO p VALUES (); CREATE TABLE c (p INT); INSERT INTO c VALUES (LAST_INSERT_ID())")
                .as_deref(),
            Some("LAST_INSERT_ID")
        );
        assert_eq!(lost("CALL p(@out); SELECT 1; SELECT @out").as_deref(), Some("@out"));
        assert_eq!(lost("SELECT max(a) INTO @m FROM t; SELECT 1; CALL p()").as_deref(), Some("@m"));
        assert_eq!(lost("SET @a = @@last_insert_id; SELECT 1; SELECT @a").as_deref(), Some("@a"));
        assert_eq!(lost("SELECT 1; SELECT 1; INSERT INTO p VALUES (); SELECT LAST_INSERT_ID()"), None);
        assert_eq!(lost("INSERT INTO t SELECT 1; SELECT 1; SELECT 2"), None);
        let again =
            "SET @s = IF(1, 'a', 'b'); PREPARE x FROM @s; SET @s = IF(2, 'c', 'd'); PREPARE y FROM @s";
        assert_eq!(lost(again), None);
        assert_eq!(lost(&again.replace("IF(2", "CONCAT(@s")).as_deref(), Some("@s"));
        assert_eq!(lost("SET @day = '2024'; INSERT INTO t VALUES (@day); INSERT INTO u VALUES (@day)"), None);
        assert_eq!(lost("SELECT a, b INTO @a, @b FROM t; SELECT 1; SELECT @b").as_deref(), Some("@b"));
    }
}
