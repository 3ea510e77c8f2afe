//! Definitions in a form in which they can be compared: token by token, tables part by part.
//!
//! The normal form takes away what does not matter to a database (comments, blanks, the case of
//! unquoted words, needless quotes) and nothing else: literals keep their spelling, and whether
//! `int` and `integer` are the same is not known here. It is meant for comparing and showing, not
//! for running.
//!
//! A table's columns and constraints become parts with names, so that a comparison can tell an
//! extra column from a changed one, and so that their order does not count.

use super::cursor::{Cursor, Piece};
use super::lex::TokenKind;
use crate::dialect::Dialect;

/// One part of a table's definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// `column id`, `constraint users_pkey`, the text of a constraint without a name, or `options`
    /// for what stands before and after the parentheses; on MariaDB and MySQL also `primary key` and
    /// `index users_email`.
    pub name: String,
    /// Its normal form.
    pub text: String,
    /// As it stands; of the options nothing.
    pub source: String,
}

/// A `CREATE TABLE` with a list of columns, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableText<'a> {
    /// What stands before the list.
    pub head: &'a str,
    /// Its columns and constraints, `options` first.
    pub parts: Vec<Part>,
    /// What stands behind the list, to the end of the text.
    pub tail: &'a str,
}

/// The normal form of a definition: lower-case words, no comments, one blank between two tokens but
/// none beside `( ) , ; .`; without the semicolon at the end.
///
/// ```
/// use db_migrations::{dialect::Dialect, sql::normal_form};
/// let form = normal_form(Dialect::Sqlite, "CREATE TABLE \"u\" (a  INT, -- id\n b TEXT DEFAULT 'X');");
/// assert_eq!(form, "create table u(a int,b text default 'X')");
/// ```
pub fn normal_form(dialect: Dialect, definition: &str) -> String {
    let mut form = Form::of(dialect);
    Cursor::new(dialect, definition).for_each(|piece| form.push(&piece));
    form.finish()
}

/// The parts of a `CREATE TABLE` with a list of columns, `options` first; `None` for anything else
/// (`CREATE VIRTUAL TABLE`, `CREATE TABLE … PARTITION OF`, `… AS SELECT`).
pub fn table_parts(dialect: Dialect, definition: &str) -> Option<Vec<Part>> {
    table_text(dialect, definition).map(|table| table.parts)
}

/// The same with what stands around the list.
pub fn table_text(dialect: Dialect, definition: &str) -> Option<TableText<'_>> {
    let mut cursor = Cursor::new(dialect, definition);
    let list = list_start(cursor.clone())?;
    let mut options = Form::of(dialect);
    while cursor.peek()?.at < list {
        options.push(&cursor.next()?);
    }
    cursor.next();
    let mut parts = Vec::new();
    let (mut part, mut depth, mut end) = (Vec::new(), 1_usize, list);
    while depth > 0 {
        let piece = cursor.next()?;
        match piece.kind {
            TokenKind::OpenParen => depth += 1,
            TokenKind::CloseParen => depth -= 1,
            _ => {}
        }
        if depth == 0 || (depth == 1 && piece.kind == TokenKind::Comma) {
            parts.extend(finish_part(dialect, &part, definition));
            part.clear();
            end = piece.at + 1;
        } else {
            part.push(piece);
        }
    }
    options.glued = false;
    cursor.for_each(|piece| options.push(&piece));
    let options = Part { name: "options".to_owned(), text: options.finish(), source: String::new() };
    parts.insert(0, options);
    Some(TableText { head: definition[..list].trim_end(), parts, tail: definition[end..].trim() })
}

/// Where the list of columns begins: right after the table's name.
pub(super) fn list_start(mut cursor: Cursor<'_>) -> Option<usize> {
    if !cursor.eat(&["CREATE"]) {
        return None;
    }
    cursor.skip_any(&["OR", "REPLACE", "GLOBAL", "LOCAL", "TEMP", "TEMPORARY", "UNLOGGED"]);
    if !cursor.eat(&["TABLE"]) {
        return None;
    }
    cursor.eat(&["IF", "NOT", "EXISTS"]);
    cursor.qualified_name()?;
    cursor.next().filter(|piece| piece.kind == TokenKind::OpenParen).map(|piece| piece.at)
}

fn finish_part(dialect: Dialect, pieces: &[Piece<'_>], definition: &str) -> Option<Part> {
    let (first, last) = (pieces.first()?, pieces.last()?);
    let source = definition[first.at..last.at + last.text.len()].to_owned();
    let mut form = Form::of(dialect);
    for piece in pieces {
        form.push(piece);
    }
    let text = form.finish();
    let name = match pieces.get(1) {
        Some(name) if first.is("CONSTRAINT") => format!("constraint {}", spelling(name)),
        _ if is_mysql(dialect) && is_key(pieces) => key_name(pieces)?,
        second if is_constraint(dialect, first, second) => text.clone(),
        _ => format!("column {}", spelling(first)),
    };
    Some(Part { name, text, source })
}

const fn is_mysql(dialect: Dialect) -> bool {
    matches!(dialect, Dialect::MariaDb | Dialect::MySql)
}

/// Whether a part is a key or an index as MariaDB and MySQL print it: with a name, if not the primary one.
fn is_key(pieces: &[Piece<'_>]) -> bool {
    let [first, second, ..] = pieces else { return false };
    let is_word = |piece: &Piece<'_>| piece.is_any(&["KEY", "INDEX"]);
    let kinds = ["PRIMARY", "UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR"];
    let opens = |at: usize| pieces.get(at).is_some_and(|piece| piece.kind == TokenKind::OpenParen);
    is_word(first) && !opens(1)
        || first.is_any(&kinds) && is_word(second) && (first.is("PRIMARY") || !opens(2))
}

fn key_name(pieces: &[Piece<'_>]) -> Option<String> {
    if pieces.first()?.is("PRIMARY") {
        return Some("primary key".to_owned());
    }
    let name = pieces
        .iter()
        .find(|piece| !piece.is_any(&["UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR", "KEY", "INDEX"]))?;
    Some(format!("index {}", spelling(name)))
}

/// Whether a part is a constraint (or something else that is no column) by its first words.
fn is_constraint(dialect: Dialect, first: &Piece<'_>, second: Option<&Piece<'_>>) -> bool {
    let opens = second.is_some_and(|second| second.kind == TokenKind::OpenParen);
    let keyword = first.is_any(&["PRIMARY", "UNIQUE", "CHECK", "FOREIGN"]);
    keyword
        || match dialect {
            Dialect::Postgres => {
                let using = second.is_some_and(|second| second.is("USING"));
                first.is("LIKE") || (first.is("EXCLUDE") && (opens || using))
            }
            Dialect::MariaDb | Dialect::MySql => {
                first.is_any(&["INDEX", "KEY", "FULLTEXT", "SPATIAL"])
                    || (first.is("PERIOD") && second.is_some_and(|second| second.is("FOR")))
            }
            Dialect::Sqlite => false,
        }
}

/// Tokens joined into a normal form.
#[derive(Default)]
struct Form {
    text: String,
    /// The last token takes no blank behind it.
    glued: bool,
    /// Quotes do not make the case of a name count (SQLite, which writes them when a table is renamed).
    any_case: bool,
    /// The next token is the name of a table or the like, whatever its quotes.
    before_name: bool,
}

/// Behind these stands the name of a table, never an expression.
const BEFORE_NAMES: [&str; 6] = ["TABLE", "EXISTS", "REFERENCES", "FROM", "JOIN", "INTO"];

impl Form {
    fn of(dialect: Dialect) -> Self {
        Self { any_case: dialect == Dialect::Sqlite, ..Self::default() }
    }

    fn push(&mut self, piece: &Piece<'_>) {
        let glue = matches!(
            piece.kind,
            TokenKind::OpenParen | TokenKind::CloseParen | TokenKind::Comma | TokenKind::Semicolon
        ) || piece.text == ".";
        if !self.text.is_empty() && !glue && !self.glued {
            self.text.push(' ');
        }
        let spelled = spelling(piece);
        let name = piece.unquoted().to_ascii_lowercase();
        let is_name = self.before_name && piece.kind == TokenKind::QuotedName && is_plain(&name);
        self.text.push_str(if is_name { &name } else { &spelled });
        self.before_name =
            self.any_case && (piece.is_any(&BEFORE_NAMES) || piece.is("ON") && self.is_index());
        self.glued = glue;
    }

    /// Whether this is an index, up to the name of its table.
    fn is_index(&self) -> bool {
        ["create index ", "create unique index "].iter().any(|start| self.text.starts_with(start))
            && self.text.matches(" on").count() == 1
    }

    fn finish(mut self) -> String {
        self.text.truncate(self.text.trim_end_matches(';').len());
        self.text
    }
}

/// A token as the normal form spells it.
fn spelling(piece: &Piece<'_>) -> String {
    match piece.kind {
        TokenKind::Word => piece.text.to_ascii_lowercase(),
        TokenKind::QuotedName if !piece.text.starts_with(['u', 'U']) => {
            let name = piece.unquoted();
            if is_plain(&name) { name } else { format!("\"{}\"", name.replace('"', "\"\"")) }
        }
        _ => piece.text.to_owned(),
    }
}

/// Whether a name means the same without quotes, keywords apart.
fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    let mut bytes = name.bytes();
    bytes.next().is_some_and(plain) && bytes.all(|byte| plain(byte) || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(dialect: Dialect, definition: &str) -> Vec<(String, String)> {
        let parts = table_parts(dialect, definition).unwrap();
        parts.into_iter().map(|part| (part.name, part.text)).collect()
    }

    fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
        pairs.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec()
    }

    #[test]
    fn normal_forms() {
        for (dialect, text, expected) in [
            (Dialect::Sqlite, "CREATE TABLE \"u\" (a INT)", "create table u(a int)"),
            (Dialect::Sqlite, "create\n table u(a/* x */int) ;", "create table u(a int)"),
            (Dialect::Sqlite, "[A b] `c` \"d\"\"\" \"E\"", "\"A b\" c \"d\"\"\" \"E\""),
            (
                Dialect::Sqlite,
                "ON Jobs(\"E\") REFERENCES \"Jobs\"(\"E\")",
                "on jobs(\"E\")references jobs(\"E\")",
            ),
            (Dialect::Sqlite, "CREATE INDEX I ON \"Jobs\"(\"E\")", "create index i on jobs(\"E\")"),
            (Dialect::Postgres, "references \"Jobs\"", "references \"Jobs\""),
            (Dialect::Sqlite, "a>-1 AND b <> 'X Y' -- z", "a > - 1 and b <> 'X Y'"),
            (Dialect::Postgres, "public . \"t\" E'\\'' $$ A $$", "public.t E'\\'' $$ A $$"),
            (Dialect::Postgres, "U&\"d\\0061\"; x'FF'", "U&\"d\\0061\";x'FF'"),
            (Dialect::Postgres, "", ""),
        ] {
            assert_eq!(normal_form(dialect, text), expected, "{text}");
        }
    }

    #[test]
    fn a_table_of_postgres() {
        let text =
            "CREATE TABLE public.users (\n    id bigint NOT NULL,\n    \"Name\" text DEFAULT 'a, (b'::text,
            price numeric(10,2),\n    exclude int,\n    CONSTRAINT users_pkey PRIMARY KEY (id, price),
            EXCLUDE USING gist (id WITH =),\n    UNIQUE (\"Name\")\n) PARTITION BY RANGE (id);";
        assert_eq!(
            parts(Dialect::Postgres, text),
            pairs([
                ("options", "create table public.users partition by range(id)"),
                ("column id", "id bigint not null"),
                ("column \"Name\"", "\"Name\" text default 'a, (b' :: text"),
                ("column price", "price numeric(10,2)"),
                ("column exclude", "exclude int"),
                ("constraint users_pkey", "constraint users_pkey primary key(id,price)"),
                ("exclude using gist(id with =)", "exclude using gist(id with =)"),
                ("unique(\"Name\")", "unique(\"Name\")"),
            ])
        );
    }

    #[test]
    fn a_table_of_sqlite() {
        let text =
            "CREATE TABLE [t](id INTEGER PRIMARY KEY, key, 'like' TEXT, b CHECK (b IN (1,2)),\n-- ) x,\n
            CHECK (b > 0) UNIQUE (b), FOREIGN KEY (b) REFERENCES u(id)) STRICT, WITHOUT ROWID";
        assert_eq!(
            parts(Dialect::Sqlite, text),
            pairs([
                ("options", "create table t strict,without rowid"),
                ("column id", "id integer primary key"),
                ("column key", "key"),
                ("column 'like'", "'like' text"),
                ("column b", "b check(b in(1,2))"),
                ("check(b > 0)unique(b)", "check(b > 0)unique(b)"),
                ("foreign key(b)references u(id)", "foreign key(b)references u(id)"),
            ])
        );
    }

    #[test]
    fn a_table_of_mariadb() {
        let text = "CREATE TABLE `t` (\n  `key` int(11) NOT NULL COMMENT 'a, KEY (b',\n  `Key` enum('x,','y)') DEFAULT 'x,',
            PRIMARY KEY (`key`),\n  UNIQUE KEY `email` (`email`(3),`key` DESC),\n  KEY `Odd; one` (`key`) USING HASH,
            FULLTEXT KEY `words` (`a`),\n  SPATIAL INDEX sp (`at`),\n  PERIOD FOR `p` (`a`, `b`),
            CONSTRAINT `t_ibfk_1` FOREIGN KEY (`a`) REFERENCES `u` (`b`),\n  CONSTRAINT `c` CHECK (`key` > 0)
            ) ENGINE=InnoDB COMMENT='x)'\n PARTITION BY HASH (`key`)\nPARTITIONS 4";
        assert_eq!(
            parts(Dialect::MariaDb, text),
            pairs([
                (
                    "options",
                    "create table t engine = innodb comment = 'x)' partition by hash(key)partitions 4"
                ),
                ("column key", "key int(11)not null comment 'a, KEY (b'"),
                ("column \"Key\"", "\"Key\" enum('x,','y)')default 'x,'"),
                ("primary key", "primary key(key)"),
                ("index email", "unique key email(email(3),key desc)"),
                ("index \"Odd; one\"", "key \"Odd; one\"(key)using hash"),
                ("index words", "fulltext key words(a)"),
                ("index sp", "spatial index sp(at)"),
                ("period for p(a,b)", "period for p(a,b)"),
                ("constraint t_ibfk_1", "constraint t_ibfk_1 foreign key(a)references u(b)"),
                ("constraint c", "constraint c check(key > 0)"),
            ])
        );
    }

    #[test]
    fn what_is_no_list_of_columns() {
        for text in [
            "CREATE VIRTUAL TABLE t USING fts5(a)",
            "CREATE TABLE t PARTITION OF u FOR VALUES IN (1)",
            "CREATE TABLE t AS SELECT (1)",
            "CREATE VIEW v (a) AS SELECT 1",
            "CREATE TABLE t (a int",
            "CREATE TABLE t (a 'x)",
            "SELECT 1",
            "",
        ] {
            assert_eq!(table_parts(Dialect::Postgres, text), None, "{text}");
            assert_eq!(table_parts(Dialect::Sqlite, text), None, "{text}");
        }
        assert_eq!(parts(Dialect::Postgres, "CREATE TABLE t () INHERITS (u);").len(), 1);
        assert_eq!(parts(Dialect::MySql, "CREATE TABLE `t` (`key` int, KEY k (`key`))")[2].0, "index k");
    }
}
