//! Tables as their texts have them, for edits of these texts.

use db_migrations::dialect::Dialect;
use db_migrations::schema::{Kind, Object, Schema};
use db_migrations::sql;

/// A column, as the table's text has it.
#[derive(Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// What stands behind the name.
    pub(crate) rest: String,
    pub(crate) source: String,
}

/// A table that has a list of columns.
pub(crate) struct Table<'a> {
    /// Its place in the schema.
    pub(crate) at: usize,
    pub(crate) object: &'a Object,
    pub(crate) name: String,
    pub(crate) columns: Vec<Column>,
    /// Constraints and, on MariaDB, indexes: name and source.
    pub(crate) others: Vec<(String, String)>,
}

/// The table at a place of a schema, if there is one.
pub(crate) fn table<'a>(dialect: Dialect, schema: &'a Schema, at: usize) -> Option<Table<'a>> {
    let object = &schema.objects[at];
    if object.kind != Kind::Table {
        return None;
    }
    let parts = sql::table_parts(dialect, &object.definition)?;
    let (mut columns, mut others) = (Vec::new(), Vec::new());
    for part in parts {
        if !part.name.starts_with("column ") {
            others.push((part.name, part.source));
            continue;
        }
        let source = part.source.trim().to_owned();
        let end = match source.chars().next()? {
            quote @ ('"' | '`') => source[1..].find(quote)? + 2,
            _ => source.find(char::is_whitespace)?,
        };
        columns.push(Column {
            name: source[..end].to_owned(),
            rest: source[end..].trim().to_owned(),
            source,
        });
    }
    let name = match dialect {
        Dialect::Postgres => object.name.clone(),
        Dialect::Sqlite => format!("\"{}\"", object.name),
        _ => format!("`{}`", object.name),
    };
    (!columns.is_empty()).then_some(Table { at, object, name, columns, others })
}

/// A table's text without one of its parts.
pub(crate) fn without(definition: &str, source: &str) -> Option<String> {
    let at = definition.find(source)?;
    let before = definition[..at].trim_end();
    let behind = &definition[at + source.len()..];
    match (before.strip_suffix(','), behind.strip_prefix(',')) {
        (Some(before), _) => Some(format!("{before}{behind}")),
        (None, Some(behind)) => Some(format!("{before}{behind}")),
        (None, None) => None,
    }
}

/// A name without its quotes.
pub(crate) fn bare(name: &str) -> &str {
    name.trim_matches(['"', '`'])
}

/// What stands behind a column's name, with another type.
pub(crate) fn other_type(dialect: Dialect, rest: &str) -> Option<String> {
    let types: &[(&str, &str)] = match dialect {
        Dialect::Postgres => &[
            ("integer", "bigint"),
            ("bigint", "numeric(30,0)"),
            ("text", "character varying(500)"),
            ("character varying", "text"),
            ("timestamp with time zone", "timestamp without time zone"),
            ("timestamp without time zone", "timestamp with time zone"),
            ("uuid", "text"),
            ("jsonb", "json"),
            ("smallint", "integer"),
        ],
        Dialect::Sqlite => &[
            ("integer", "BIGINT"),
            ("text", "VARCHAR(200)"),
            ("blob", "TEXT"),
            ("bigint", "INTEGER"),
            ("datetime", "TEXT"),
            ("varchar", "TEXT"),
        ],
        _ => &[
            ("bigint", "int(11)"),
            ("int", "bigint(20)"),
            ("varchar", "varchar(300)"),
            ("text", "longtext"),
            ("timestamp", "datetime"),
            ("tinyint", "smallint(6)"),
            ("datetime", "datetime(6)"),
        ],
    };
    let lower = rest.to_ascii_lowercase();
    let ends = |old: &str| lower[old.len()..].starts_with([' ', '(']) || lower.len() == old.len();
    let (old, new) = types.iter().find(|(old, _)| lower.starts_with(old) && ends(old))?;
    let mut behind = &rest[old.len()..];
    if behind.starts_with('(') {
        behind = &behind[behind.find(')')? + 1..];
    }
    Some(format!("{new}{behind}"))
}

/// Every occurrence of a whole word.
pub(crate) fn replace_word(text: &str, word: &str, with: &str) -> String {
    let of_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut result = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, behind) = (&rest[..at], &rest[at + word.len()..]);
        result.push_str(before);
        let whole = !before.ends_with(of_word) && !behind.starts_with(of_word);
        result.push_str(if whole { with } else { word });
        rest = behind;
    }
    result + rest
}
