//! Tables as far as rows need them: columns with their types, keys, and what foreign keys point at.

use std::collections::BTreeSet;

use crate::dialect::Dialect;
use crate::schema::{Kind, Object, Schema};
use crate::sql::{self, TokenKind, normal_form};

/// A table.
pub(super) struct Table {
    /// As in its object.
    pub(super) name: String,
    /// The name as SQL.
    pub(super) sql: String,
    /// The name in a form in which it can be compared.
    pub(super) key: String,
    pub(super) columns: Vec<Column>,
    /// The columns of its primary key.
    pub(super) key_columns: Vec<String>,
    pub(super) parents: Vec<Parent>,
    /// The normal forms of its parts: checks are among them.
    pub(super) parts: Vec<String>,
}

/// A column.
#[expect(clippy::struct_excessive_bools, reason = "each is said by itself in a column's text")]
pub(super) struct Column {
    /// The name as SQL.
    pub(super) sql: String,
    /// The name in a form in which it can be compared.
    pub(super) key: String,
    /// The normal form of its type, in small letters.
    pub(super) kind: String,
    pub(super) not_null: bool,
    /// It has a value by itself.
    pub(super) has_default: bool,
    pub(super) generated: bool,
    pub(super) always_identity: bool,
}

/// What a foreign key points at.
pub(super) struct Parent {
    pub(super) columns: Vec<String>,
    pub(super) table: String,
    /// Empty: the primary key.
    pub(super) pointed: Vec<String>,
}

/// A significant token.
#[derive(Clone, Copy)]
struct Piece<'a> {
    kind: TokenKind,
    text: &'a str,
    end: usize,
}

impl Piece<'_> {
    fn is(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }
}

fn pieces(dialect: Dialect, text: &str) -> Vec<Piece<'_>> {
    let tokens = sql::tokens(dialect, text).unwrap_or_default();
    let significant = tokens.into_iter().filter(|token| token.kind.is_significant());
    significant
        .map(|token| Piece { kind: token.kind, text: &text[token.span.clone()], end: token.span.end })
        .collect()
}

/// A name in a form in which it can be compared.
pub(crate) fn key(dialect: Dialect, name: &str) -> String {
    let form = normal_form(dialect, name);
    if dialect == Dialect::Sqlite { form.to_lowercase().replace('"', "") } else { form }
}

/// The names that stand in a text, in the form of keys.
pub(super) fn names_in(dialect: Dialect, text: &str) -> BTreeSet<String> {
    let names = pieces(dialect, text).into_iter();
    let names = names.filter(|piece| matches!(piece.kind, TokenKind::Word | TokenKind::QuotedName));
    names.map(|piece| key(dialect, piece.text)).collect()
}

/// The tables of a schema that rows can be put into.
pub(super) fn tables(dialect: Dialect, schema: &Schema) -> Vec<Table> {
    let of_kind = |kind| schema.objects.iter().filter(move |object| object.kind == kind);
    let mut tables: Vec<Table> = of_kind(Kind::Table).filter_map(|object| table(dialect, object)).collect();
    for object in of_kind(Kind::ForeignKey) {
        let pieces = pieces(dialect, &object.definition);
        let names = object.definition.find(" ADD CONSTRAINT").map(|end| &object.definition[..end]);
        let child = names.and_then(|text| {
            let at = pieces.iter().take_while(|piece| piece.end <= text.len());
            at.filter(|piece| piece.is_any(&["TABLE", "ONLY"])).map(|piece| piece.end).last()
        });
        let Some(child) = child.zip(names).map(|(at, text)| key(dialect, text[at..].trim())) else {
            continue;
        };
        if let (Some(table), Some(parent)) =
            (tables.iter_mut().find(|table| table.key == child), parent(dialect, &pieces, None))
        {
            table.parents.push(parent);
        }
    }
    tables
}

fn table(dialect: Dialect, object: &Object) -> Option<Table> {
    let text = sql::table_text(dialect, &object.definition)?;
    let head = pieces(dialect, text.head);
    let at = head.iter().rposition(|piece| piece.is_any(&["TABLE", "EXISTS"]))?;
    let sql = text.head[head[at].end..].trim().to_owned();
    let mut table = Table {
        name: object.name.clone(),
        key: key(dialect, &sql),
        sql,
        columns: Vec::new(),
        key_columns: Vec::new(),
        parents: Vec::new(),
        parts: Vec::new(),
    };
    for part in text.parts.iter().skip(1) {
        let pieces = pieces(dialect, &part.source);
        let is_column = part.name.starts_with("column ");
        let own = is_column.then(|| pieces.first().map(|name| key(dialect, name.text))).flatten();
        let primary = pieces.windows(2).position(|two| two[0].is("PRIMARY") && two[1].is("KEY"));
        match (&own, primary) {
            (Some(own), Some(_)) => table.key_columns.push(own.clone()),
            (None, Some(at)) => table.key_columns = list(dialect, &pieces[at + 2..]),
            _ => {}
        }
        table.parents.extend(parent(dialect, &pieces, own.as_deref()));
        table.parts.push(part.text.clone());
        table.columns.extend(own.and_then(|own| column(dialect, &part.source, &pieces, own)));
    }
    let keys = table.key_columns.clone();
    for column in table.columns.iter_mut().filter(|column| keys.contains(&column.key)) {
        column.not_null = true;
    }
    Some(table)
}

/// Words at which the type of a column ends.
const BEHIND_TYPE: [&str; 22] = [
    "NOT",
    "NULL",
    "DEFAULT",
    "GENERATED",
    "COLLATE",
    "CONSTRAINT",
    "CHECK",
    "REFERENCES",
    "PRIMARY",
    "UNIQUE",
    "COMMENT",
    "AUTO_INCREMENT",
    "AUTOINCREMENT",
    "AS",
    "ON",
    "INVISIBLE",
    "VIRTUAL",
    "STORED",
    "STORAGE",
    "COMPRESSION",
    "CHARSET",
    "ASC",
];

fn column(dialect: Dialect, source: &str, pieces: &[Piece<'_>], own: String) -> Option<Column> {
    let first = pieces.first()?;
    let rest = &pieces[1..];
    let ends = |at: usize| {
        let of_texts = rest[at].is("CHARACTER") && rest.get(at + 1).is_some_and(|next| next.is("SET"));
        of_texts || rest[at].is_any(&BEHIND_TYPE)
    };
    let length = (0..rest.len()).find(|at| ends(*at)).unwrap_or(rest.len());
    let end = if length == 0 { first.end } else { rest[length - 1].end };
    let options = &rest[length..];
    let has = |words: &[&str]| {
        options.windows(words.len()).any(|some| some.iter().zip(words).all(|(piece, word)| piece.is(word)))
    };
    let is_identity = has(&["IDENTITY"]);
    let is_integer_key = dialect == Dialect::Sqlite && has(&["PRIMARY", "KEY"]);
    Some(Column {
        sql: first.text.to_owned(),
        key: own,
        kind: normal_form(dialect, &source[first.end..end]).to_lowercase(),
        not_null: has(&["NOT", "NULL"]) || is_identity,
        has_default: (has(&["DEFAULT"]) && !has(&["DEFAULT", "NULL"]))
            || is_identity
            || is_integer_key
            || has(&["AUTO_INCREMENT"]),
        generated: !is_identity && (has(&["GENERATED"]) || has(&["AS"])),
        always_identity: is_identity && has(&["ALWAYS"]),
    })
}

/// The names of the list in parentheses that comes first.
fn list(dialect: Dialect, pieces: &[Piece<'_>]) -> Vec<String> {
    let inside = pieces.iter().skip_while(|piece| piece.kind != TokenKind::OpenParen).skip(1);
    let inside = inside.take_while(|piece| piece.kind != TokenKind::CloseParen);
    let names = inside.filter(|piece| matches!(piece.kind, TokenKind::Word | TokenKind::QuotedName));
    names.map(|piece| key(dialect, piece.text)).collect()
}

/// What a foreign key in these tokens points at; `own` is the column that it stands at.
fn parent(dialect: Dialect, pieces: &[Piece<'_>], own: Option<&str>) -> Option<Parent> {
    let foreign = pieces.windows(2).position(|two| two[0].is("FOREIGN") && two[1].is("KEY"));
    let at = pieces.iter().position(|piece| piece.is("REFERENCES"))?;
    let columns = match (foreign, own) {
        (Some(foreign), _) => list(dialect, &pieces[foreign..at]),
        (None, own) => vec![own?.to_owned()],
    };
    let rest = &pieces[at + 1..];
    let is_name = |piece: &&Piece<'_>| {
        matches!(piece.kind, TokenKind::Word | TokenKind::QuotedName) || piece.text == "."
    };
    let mut length = 0;
    while let Some(piece) = rest.get(length).filter(is_name) {
        // two names without a point between them are a name and a word
        let follows = length > 0 && piece.text != "." && rest[length - 1].text != ".";
        if follows {
            break;
        }
        length += 1;
    }
    let table: String = rest[..length].iter().map(|piece| piece.text).collect();
    let pointed = match rest.get(length) {
        Some(piece) if piece.kind == TokenKind::OpenParen => list(dialect, &rest[length..]),
        _ => Vec::new(),
    };
    Some(Parent { columns, table: key(dialect, &table), pointed })
}
