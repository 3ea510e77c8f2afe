//! What is cut out of the definitions that MariaDB and MySQL print.
//!
//! They print more than the schema: who made an object, how far a counter is, when an event was
//! made, in which database a sequence stands. It is found by tokens, since names, strings and comments may
//! hold the same words; a text that is not what a function expects comes back as it was.

use std::ops::Range;

use super::cursor::{Cursor, Piece};
use super::lex::{Lexer, TokenKind};
use super::parts::list_start;
use crate::dialect::Dialect;

/// A `CREATE …` without its `DEFINER = …`, so that whoever loads it becomes the definer.
///
/// ```
/// use db_migrations::{dialect::Dialect, sql::without_definer};
/// let text = "CREATE DEFINER=`a`@`%` TRIGGER t BEFORE INSERT ON u FOR EACH ROW SET @a = 'DEFINER=x'";
/// let expected = "CREATE TRIGGER t BEFORE INSERT ON u FOR EACH ROW SET @a = 'DEFINER=x'";
/// assert_eq!(without_definer(Dialect::MariaDb, text), expected);
/// ```
pub fn without_definer(dialect: Dialect, definition: &str) -> String {
    cut(definition, definer(dialect, definition))
}

/// The bytes of `DEFINER = user@host` in a statement that creates or alters something, with the blanks
/// behind: a session that may not act for that user can run the statement without them.
pub fn definer(dialect: Dialect, definition: &str) -> Option<Range<usize>> {
    let mut cursor = Cursor::new(dialect, definition);
    if dialect.facts().transactional_ddl || cursor.eat_any(&["CREATE", "ALTER"]).is_none() {
        return None;
    }
    cursor.skip_any(&["OR", "REPLACE"]);
    if cursor.eat(&["ALGORITHM"]) {
        cursor.eat_sign("=");
        cursor.next();
    }
    let start = cursor.next().filter(|piece| piece.is("DEFINER"))?.at;
    if !cursor.eat_sign("=") {
        return None;
    }
    let user = cursor.next()?;
    let mut end = end_of(&user);
    if let Some(at) = cursor.peek().filter(|piece| piece.text == "@") {
        cursor.next();
        let host = cursor.next()?;
        let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '$');
        let bare =
            definition[end_of(&at)..].find(|c| !is_bare(c)).map_or(definition.len(), |n| end_of(&at) + n);
        end = end_of(&host).max(bare);
    } else if cursor.eat_sign("(") {
        end = end_of(&cursor.next()?);
    }
    Some(with_blanks_after(definition, start..end))
}

/// A `CREATE TABLE` without the `AUTO_INCREMENT=n` among its options.
pub fn without_auto_increment(dialect: Dialect, definition: &str) -> String {
    cut(definition, auto_increment(definition, Cursor::new(dialect, definition)))
}

fn auto_increment(definition: &str, mut cursor: Cursor<'_>) -> Option<Range<usize>> {
    let list = list_start(cursor.clone())?;
    let mut depth = 0_usize;
    while let Some(piece) = cursor.next() {
        match piece.kind {
            TokenKind::OpenParen => depth += 1,
            TokenKind::CloseParen => depth = depth.saturating_sub(1),
            _ if depth == 0 && piece.at > list && piece.is("AUTO_INCREMENT") => {
                cursor.eat_sign("=");
                let value = cursor.next()?;
                return Some(with_blanks_after(definition, piece.at..end_of(&value)));
            }
            _ if depth == 0 && piece.at > list && piece.is("PARTITION") => return None,
            _ => {}
        }
    }
    None
}

/// A `CREATE EVENT` without the time at which it starts.
pub fn without_starts(dialect: Dialect, definition: &str) -> String {
    let mut cursor = Cursor::new(dialect, definition);
    let mut starts = || {
        let start =
            cursor.find(|piece| piece.is_any(&["STARTS", "DO"])).filter(|piece| piece.is("STARTS"))?;
        Some(with_blanks_after(definition, start.at..end_of(&cursor.next()?)))
    };
    cut(definition, starts())
}

/// A table or view that does not name its own database.
///
/// That is printed before a sequence (MariaDB: ``nextval(`db`.`s`)``), before the columns of a view whose
/// definer is gone or may not read them, and before tables and columns of a view that spans databases:
/// there it stays if two of them have a table of the same name.
pub fn without_database(dialect: Dialect, definition: &str, database: &str) -> String {
    let names = names(dialect, definition);
    let is_own = |name: &&Name<'_>| name.qualifier().is_some_and(|(own, _)| own == database);
    let (own, foreign): (Vec<&Name<'_>>, Vec<&Name<'_>>) =
        names.iter().filter(|name| name.qualifier().is_some()).partition(is_own);
    let table = |name: &Name<'_>| name.qualifier().map(|(_, table)| table);
    if own.iter().any(|a| foreign.iter().any(|b| table(a) == table(b))) {
        return definition.to_owned();
    }
    let mut text = String::with_capacity(definition.len());
    let mut from = 0;
    for name in own {
        text.push_str(&definition[from..name.parts[0].at]);
        from = name.parts[1].at;
    }
    text + &definition[from..]
}

/// What a view selects from: the names behind `FROM` and `JOIN`, without those of other databases.
pub fn sources(dialect: Dialect, view: &str, database: &str) -> Vec<String> {
    let source = |name: Name<'_>| match (name.role, name.qualifier()) {
        (Role::Source, None) => Some(name.parts.first()?.unquoted()),
        (Role::Source, Some((own, table))) if own == database => Some(table),
        _ => None,
    };
    names(dialect, view).into_iter().filter_map(source).collect()
}

/// What a name stands for, as far as that is clear from what stands before it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// A table or view behind `FROM` or `JOIN`.
    Source,
    /// The argument of a function of sequences.
    Sequence,
    Other,
}

/// A quoted name of one or more parts.
struct Name<'a> {
    role: Role,
    parts: Vec<Piece<'a>>,
}

impl Name<'_> {
    /// The database and the table, if both are named.
    fn qualifier(&self) -> Option<(String, String)> {
        match (self.role, self.parts.as_slice()) {
            (_, [database, table, _]) | (Role::Source | Role::Sequence, [database, table]) => {
                Some((database.unquoted(), table.unquoted()))
            }
            _ => None,
        }
    }
}

fn names(dialect: Dialect, text: &str) -> Vec<Name<'_>> {
    let pieces: Vec<_> = Cursor::new(dialect, text).collect();
    let is_name = |at: usize| pieces.get(at).is_some_and(|piece| piece.kind == TokenKind::QuotedName);
    let is_dot = |at: usize| pieces.get(at).is_some_and(|piece| piece.text == ".");
    let (mut names, mut at) = (Vec::new(), 0);
    while at < pieces.len() {
        if is_name(at) {
            let role = role(&pieces[..at]);
            let mut parts = vec![pieces[at]];
            while is_dot(at + 1) && is_name(at + 2) {
                at += 2;
                parts.push(pieces[at]);
            }
            names.push(Name { role, parts });
        }
        at += 1;
    }
    names
}

/// The role of a name behind these tokens: `from ((`a` join …) join …)`.
fn role(before: &[Piece<'_>]) -> Role {
    let parens = before.iter().rev().take_while(|piece| piece.kind == TokenKind::OpenParen).count();
    match before[..before.len() - parens].last() {
        Some(word) if word.is_any(&["FROM", "JOIN", "STRAIGHT_JOIN"]) => Role::Source,
        Some(word) if parens == 1 && word.is_any(&["NEXTVAL", "LASTVAL", "SETVAL"]) => Role::Sequence,
        _ => Role::Other,
    }
}

/// Blanks, of the same length, in the place of the two commands that `pg_dump` writes for its own client:
/// `\restrict` before the first statement, `\unrestrict` after the last.
///
/// ```
/// use db_migrations::{dialect::Dialect, sql::without_restrict};
/// let text = without_restrict(Dialect::Postgres, "-- a dump\n\\restrict ab1\n\nSELECT 1;\n\\unrestrict ab1\n");
/// assert_eq!(text, "-- a dump\n             \n\nSELECT 1;\n               \n");
/// ```
pub fn without_restrict(dialect: Dialect, text: &str) -> String {
    let blank = |line: &str| " ".repeat(line.len());
    let is_remark = |line: &str| line.trim().is_empty() || line.starts_with("--");
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    if dialect == Dialect::Postgres {
        let first = lines.iter_mut().find(|line| !is_remark(line));
        first.filter(|line| line.starts_with("\\restrict ")).into_iter().for_each(|line| *line = blank(line));
        let last = lines.iter_mut().rfind(|line| !is_remark(line));
        last.filter(|line| line.starts_with("\\unrestrict "))
            .into_iter()
            .for_each(|line| *line = blank(line));
    }
    lines.join("\n")
}

/// A text up to the end of its last significant token: a comment behind it would swallow what is
/// written after it.
pub fn significant(dialect: Dialect, text: &str) -> &str {
    let tokens = Lexer::new(dialect, text).filter_map(Result::ok);
    &text[..tokens
        .filter(|token| token.kind.is_significant())
        .last()
        .map_or(text.len(), |token| token.span.end)]
}

const fn end_of(piece: &Piece<'_>) -> usize {
    piece.at + piece.text.len()
}

fn with_blanks_after(text: &str, range: Range<usize>) -> Range<usize> {
    let rest = &text[range.end..];
    range.start..text.len() - rest.trim_start().len()
}

fn cut(text: &str, range: Option<Range<usize>>) -> String {
    let range = range.unwrap_or(0..0);
    format!("{}{}", &text[..range.start], &text[range.end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIALECT: Dialect = Dialect::MariaDb;

    #[test]
    fn definers() {
        for (text, expected) in [
            ("CREATE DEFINER=`a`@`b` VIEW v AS SELECT 1", "CREATE VIEW v AS SELECT 1"),
            (
                "CREATE ALGORITHM=MERGE DEFINER=`a``@` @ `%` SQL SECURITY INVOKER VIEW v AS SELECT 1",
                "CREATE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW v AS SELECT 1",
            ),
            ("create or replace definer = 'a b'@'::1'\n function f() x", "create or replace function f() x"),
            ("CREATE DEFINER=\"root\"@\"localhost\" PROCEDURE \"p\"() x", "CREATE PROCEDURE \"p\"() x"),
            ("CREATE DEFINER=CURRENT_USER() EVENT e x", "CREATE EVENT e x"),
            ("CREATE DEFINER = CURRENT_USER EVENT e x", "CREATE EVENT e x"),
            ("CREATE DEFINER=`a role` PROCEDURE p() x", "CREATE PROCEDURE p() x"),
            ("CREATE DEFINER=root@10.0.0.1 PROCEDURE p() x", "CREATE PROCEDURE p() x"),
            ("CREATE DEFINER=root@my_db.example.org PROCEDURE p() x", "CREATE PROCEDURE p() x"),
            ("CREATE /*!50017 DEFINER=`a`@`b` */ TRIGGER t x", "CREATE /*!50017 */ TRIGGER t x"),
            (
                "CREATE VIEW `DEFINER=a@b` AS SELECT 'DEFINER=a@b'",
                "CREATE VIEW `DEFINER=a@b` AS SELECT 'DEFINER=a@b'",
            ),
            ("SELECT DEFINER = a", "SELECT DEFINER = a"),
            ("CREATE DEFINER=", "CREATE DEFINER="),
        ] {
            assert_eq!(without_definer(DIALECT, text), expected, "{text}");
        }
    }

    #[test]
    fn counters() {
        let list =
            "CREATE TABLE `t` (\n  `id` int(11) NOT NULL AUTO_INCREMENT COMMENT ') AUTO_INCREMENT=1'\n)";
        for (options, expected) in [
            (
                " ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4",
                " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
            ),
            (" ENGINE=InnoDB AUTO_INCREMENT=3", " ENGINE=InnoDB "),
            (
                " COMMENT='AUTO_INCREMENT=5' AUTO_INCREMENT = 18 ROW_FORMAT=x",
                " COMMENT='AUTO_INCREMENT=5' ROW_FORMAT=x",
            ),
            (" COMMENT='AUTO_INCREMENT=5'", " COMMENT='AUTO_INCREMENT=5'"),
            (" PARTITION BY HASH (`auto_increment`)", " PARTITION BY HASH (`auto_increment`)"),
        ] {
            assert_eq!(
                without_auto_increment(DIALECT, &format!("{list}{options}")),
                format!("{list}{expected}")
            );
        }
        assert_eq!(without_auto_increment(DIALECT, "CREATE VIEW v AS x"), "CREATE VIEW v AS x");
    }

    #[test]
    fn starts_of_events() {
        for (text, expected) in [
            (
                "CREATE EVENT `STARTS` ON SCHEDULE EVERY 1 DAY STARTS '2024' ENABLE DO x",
                "CREATE EVENT `STARTS` ON SCHEDULE EVERY 1 DAY ENABLE DO x",
            ),
            (
                "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT starts 'x'",
                "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT starts 'x'",
            ),
        ] {
            assert_eq!(without_starts(DIALECT, text), expected);
        }
    }

    #[test]
    fn databases() {
        for (text, expected) in [
            (
                "DEFAULT (nextval(`d``b`.`s`) + lastval(`x`.`y`)) COMMENT 'nextval(`d``b`.`s`)', setval(`d``b`.`t`, 1)",
                "DEFAULT (nextval(`s`) + lastval(`x`.`y`)) COMMENT 'nextval(`d``b`.`s`)', setval(`t`, 1)",
            ),
            ("select `d``b`.`t`.`a` AS `a` from `t`", "select `t`.`a` AS `a` from `t`"),
            (
                "select `d``b`.`t`.`a`,`x`.`u`.`b` from (`d``b`.`t` join `x`.`u`)",
                "select `t`.`a`,`x`.`u`.`b` from (`t` join `x`.`u`)",
            ),
            (
                "select `d``b`.`t`.`a`,`x`.`t`.`a` from (`d``b`.`t` join `x`.`t`)",
                "select `d``b`.`t`.`a`,`x`.`t`.`a` from (`d``b`.`t` join `x`.`t`)",
            ),
            (
                "select `d``b`.`a` from `t` `d``b` where (`d``b`.`a`)",
                "select `d``b`.`a` from `t` `d``b` where (`d``b`.`a`)",
            ),
        ] {
            assert_eq!(without_database(DIALECT, text, "d`b"), expected);
        }
    }

    #[test]
    fn sources_of_views() {
        let view = "CREATE VIEW `v` AS select `a`.`x` AS `y`,`f`(`a`.`z`) AS `w` from ((`a` join `b``c` on((`a`.`x` = 1))) \
                    join `q` `r`) where exists(select 1 from `db`.`d` straight_join `other`.`e`) having (`n` > 1)";
        assert_eq!(sources(DIALECT, view, "db"), ["a", "b`c", "q", "d"]);
    }

    #[test]
    fn comments_at_the_end() {
        for (text, expected) in [
            ("RETURN 1 -- x;\n/* y */ ", "RETURN 1"),
            ("(a)\n/*!50100 PARTITION BY HASH (a) */ ", "(a)\n/*!50100 PARTITION BY HASH (a) */"),
            ("a # b", "a"),
            ("", ""),
        ] {
            assert_eq!(significant(DIALECT, text), expected);
        }
    }
}
