//! A value that a column may take, by what its type and the checks of its table say.

use std::collections::BTreeMap;

use crate::dialect::Dialect;
use crate::schema::{Kind, Schema};
use crate::sql::normal_form;

use super::shape::{Column, Table};

/// The labels of enums, and the types under domains, by the normal form of their names.
pub(super) fn labels(dialect: Dialect, schema: &Schema) -> BTreeMap<String, Vec<String>> {
    let enums = schema.objects.iter().filter(|object| object.kind == Kind::Enum);
    enums.map(|object| (normal_form(dialect, &object.name), literals(&object.definition))).collect()
}

/// The `n`th value (1 or 2) for a column.
pub(super) fn value(
    dialect: Dialect,
    table: &Table,
    column: &Column,
    labels: &BTreeMap<String, Vec<String>>,
    n: usize,
) -> String {
    let nth = |list: &[String]| list.get(n - 1).or_else(|| list.last()).cloned();
    let of_enum = labels.get(&column.kind).and_then(|list| nth(list));
    let of_list = || {
        (column.kind.starts_with("enum(") || column.kind.starts_with("set("))
            .then(|| nth(&literals(&column.kind)))?
    };
    let of_check = || nth(&listed(table, column));
    of_enum.or_else(of_list).or_else(of_check).unwrap_or_else(|| by_type(dialect, &column.kind, n))
}

/// The string literals of a text, quotes included.
fn literals(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('\'') {
        let mut end = start + 1;
        while let Some(at) = rest[end..].find('\'') {
            end += at + 1;
            if rest[end..].starts_with('\'') { end += 1 } else { break }
        }
        found.push(rest[start..end].to_owned());
        rest = &rest[end..];
        if end == start + 1 {
            break;
        }
    }
    found
}

/// How a list of values is spelled: by people, and by PostgreSQL for `text` and for `varchar`.
const LISTS: [&str; 4] = [" in(", " = any(array [", " = any((array [", "):: text = any((array ["];

/// The values that a check lists for a column: `status in('a','b')`.
fn listed(table: &Table, column: &Column) -> Vec<String> {
    for part in &table.parts {
        for how in LISTS {
            let begin = format!("{}{how}", column.key);
            let Some(at) = part.find(&begin) else { continue };
            let boundary = part[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '_');
            let rest = &part[at + begin.len()..];
            let end = rest.find(if how.contains('[') { ']' } else { ')' }).unwrap_or(rest.len());
            let values = literals(&rest[..end]);
            if boundary && !values.is_empty() {
                return values;
            }
            if boundary && how == " in(" {
                return rest[..end].split(',').map(str::to_owned).collect();
            }
        }
    }
    Vec::new()
}

/// The number in the parentheses of a type, `most` without one.
fn length(kind: &str) -> Option<usize> {
    let inside = kind.split_once('(')?.1.split([',', ')']).next()?;
    inside.trim().parse().ok()
}

fn by_type(dialect: Dialect, kind: &str, n: usize) -> String {
    let bare = kind.rsplit('.').next().unwrap_or(kind);
    let word: String = bare.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    if kind.ends_with(']') {
        return "'{}'".to_owned();
    }
    match word.as_str() {
        "bool" | "boolean" if dialect == Dialect::Postgres => ["true", "false"][n % 2].to_owned(),
        "tinyint" | "bool" | "boolean" => (n % 2).to_string(),
        "smallint" | "integer" | "int" | "int2" | "int4" | "int8" | "bigint" | "mediumint" | "serial"
        | "bigserial" | "oid" | "" => n.to_string(),
        "year" => (2023 + n).to_string(),
        "numeric" | "decimal" | "real" | "double" | "float" | "float4" | "float8" | "money" => {
            let scale = kind.split_once(',').is_none_or(|(_, scale)| !scale.starts_with('0'));
            let whole = kind.contains('(')
                && !kind.contains(',')
                && !kind.starts_with("double")
                && !kind.starts_with("float");
            if scale && !whole { format!("{n}.5") } else { n.to_string() }
        }
        "uuid" => format!("'00000000-0000-4000-8000-00000000000{n}'"),
        "date" => format!("'2024-01-0{n}'"),
        "timestamp" | "timestamptz" | "datetime" => format!("'2024-01-0{n} 10:00:00'"),
        "time" | "timetz" => format!("'10:00:0{n}'"),
        "interval" => format!("'{n} hours'"),
        "json" | "jsonb" => format!("'{{\"n\": {n}}}'"),
        "xml" => format!("'<n>{n}</n>'"),
        "bytea" => format!("'\\x0{n}'"),
        "blob" | "tinyblob" | "mediumblob" | "longblob" | "binary" | "varbinary" => format!("x'0{n}'"),
        "inet" | "inet4" => format!("'10.0.0.{n}'"),
        "cidr" => format!("'10.0.{n}.0/24'"),
        "inet6" => format!("'2001:db8::{n}'"),
        "macaddr" => format!("'08:00:2b:01:02:0{n}'"),
        "bit" => bits(dialect, kind, n),
        "varbit" => format!("B'{}'", n % 2),
        "point" if dialect == Dialect::Postgres => format!("'(1,{n})'"),
        "tsvector" | "tsquery" | "ltree" => ["'a'", "'b'"][(n - 1) % 2].to_owned(),
        "hstore" => format!("'n=>{n}'"),
        "int4range" | "int8range" | "numrange" => format!("'[{n},{})'", n + 1),
        "daterange" | "tsrange" | "tstzrange" => format!("'[2024-01-0{n},2024-01-0{})'", n + 1),
        _ => text(kind, n),
    }
}

fn bits(dialect: Dialect, kind: &str, n: usize) -> String {
    if dialect == Dialect::Postgres {
        return format!("B'{:0>1$}'", n % 2, length(kind).unwrap_or(1));
    }
    format!("b'{}'", n % 2)
}

fn text(kind: &str, n: usize) -> String {
    let most = length(kind).unwrap_or(usize::MAX);
    if most < 4 {
        return format!("'{}'", ["a", "b"][(n - 1) % 2].repeat(most.max(1)));
    }
    format!("'row{n}'")
}
