//! What is cut out of the definitions that MariaDB and MySQL print.
//!
//! They print more than the schema: who made an object, how far a counter is, when an event was
//! made, in which database a sequence stands. It is found by tokens, since names, strings and comments may
//! hold the same words; a text that is not what a function expects comes back as it was.

use std::ops::Range;

use super::cursor::{Cursor, Piece};
use super::lex::TokenKind;
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
    cut(definition, definer(definition, Cursor::new(dialect, definition)))
}

fn definer(definition: &str, mut cursor: Cursor<'_>) -> Option<Range<usize>> {
    if !cursor.eat(&["CREATE"]) {
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

/// A definition whose sequences are named without the database: MariaDB prints ``nextval(`db`.`s`)``.
pub fn without_database_of_sequences(dialect: Dialect, definition: &str, database: &str) -> String {
    let mut text = String::with_capacity(definition.len());
    let mut from = 0;
    let mut cursor = Cursor::new(dialect, definition);
    while let Some(piece) = cursor.next() {
        if !piece.is_any(&["NEXTVAL", "LASTVAL", "SETVAL"]) || !cursor.eat_sign("(") {
            continue;
        }
        let Some(name) = cursor.peek().filter(|name| is_name(name, database)) else { continue };
        cursor.next();
        if let Some(dot) = cursor.peek().filter(|dot| dot.text == ".") {
            text.push_str(&definition[from..name.at]);
            from = end_of(&dot);
        }
    }
    text + &definition[from..]
}

/// What a view selects from, as MySQL prints it: the names behind `FROM`, `JOIN` and `(`, without
/// those of other databases. There may be more names than there are relations, never less.
pub fn sources(dialect: Dialect, view: &str, database: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut cursor = Cursor::new(dialect, view);
    while let Some(piece) = cursor.next() {
        let opens = piece.kind == TokenKind::OpenParen;
        if !opens && !piece.is_any(&["FROM", "JOIN", "STRAIGHT_JOIN"]) {
            continue;
        }
        let Some(first) = cursor.peek().filter(|name| name.kind == TokenKind::QuotedName) else { continue };
        let mut ahead = cursor.clone();
        match ahead.qualified_name().as_deref() {
            Some([name]) => names.push(name.clone()),
            Some([_, name]) if is_name(&first, database) => names.push(name.clone()),
            _ => {}
        }
    }
    names
}

/// A text up to the end of its last significant token: a comment behind it would swallow what is
/// written after it.
pub fn significant(dialect: Dialect, text: &str) -> &str {
    &text[..Cursor::new(dialect, text).last().map_or(text.len(), |piece| end_of(&piece))]
}

fn is_name(piece: &Piece<'_>, name: &str) -> bool {
    piece.kind == TokenKind::QuotedName && piece.unquoted() == name
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
    fn databases_of_sequences() {
        let text = "DEFAULT (nextval(`d``b`.`s`) + lastval(`other`.`s`)) COMMENT 'nextval(`d``b`.`s`)', setval(`d``b`.`t`, 1)";
        let expected =
            "DEFAULT (nextval(`s`) + lastval(`other`.`s`)) COMMENT 'nextval(`d``b`.`s`)', setval(`t`, 1)";
        assert_eq!(without_database_of_sequences(DIALECT, text, "d`b"), expected);
    }

    #[test]
    fn sources_of_views() {
        let view = "CREATE VIEW `v` AS select `a`.`x` AS `y`,`f`(`a`.`z`) AS `w` from (`a` join `b``c` on(`a`.`x` = 1)) \
                    where exists(select 1 from `db`.`d` straight_join `other`.`e`)";
        assert_eq!(sources(DIALECT, view, "db"), ["a", "b`c", "d"]);
    }

    #[test]
    fn comments_at_the_end() {
        for (text, expected) in
            [("RETURN 1 -- x;\n/* y */ ", "RETURN 1"), ("END", "END"), ("a # b", "a"), ("", "")]
        {
            assert_eq!(significant(DIALECT, text), expected);
        }
    }
}
