//! Renames: how they are written, and which ones two schemas suggest.
//!
//! A schema does not say what something was called before: what looks like a rename may be a drop and
//! an addition. So nothing here decides; it only says what is possible.

use std::collections::HashMap;

use super::text::{clauses, qualified, quoted, unquoted, words};
use crate::dialect::Dialect;
use crate::schema::{Kind, Object, Schema};
use crate::sql::{self, Part};

/// Something that gets another name and keeps its rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rename {
    /// A table; names as in [`Object::name`].
    Table {
        /// Its name before.
        from: String,
        /// Its name afterwards.
        to: String,
    },
    /// A column, after tables were renamed.
    Column {
        /// The table, by its name afterwards.
        table: String,
        /// Its name before, as the table's text spells it.
        from: String,
        /// Its name afterwards, likewise.
        to: String,
    },
}

impl Rename {
    /// The way back.
    #[must_use]
    pub fn reversed(&self) -> Self {
        match self.clone() {
            Self::Table { from, to } => Self::Table { from: to, to: from },
            Self::Column { table, from, to } => Self::Column { table, from: to, to: from },
        }
    }
}

/// The name of a table in a statement.
pub(crate) fn table_name(dialect: Dialect, name: &str) -> String {
    if dialect == Dialect::Postgres { name.to_owned() } else { quoted(dialect, name) }
}

/// The statements that do it.
pub fn statements(dialect: Dialect, rename: &Rename) -> Vec<String> {
    match rename {
        Rename::Column { table, from, to } => {
            let table = table_name(dialect, table);
            vec![format!("ALTER TABLE {table} RENAME COLUMN {from} TO {to};")]
        }
        Rename::Table { from, to } if dialect == Dialect::Postgres => {
            let ((old_schema, old), (new_schema, new)) = (qualified(from), qualified(to));
            let mut statements = Vec::new();
            if old != new {
                statements.push(format!("ALTER TABLE {from} RENAME TO {new};"));
            }
            if let (Some(old_schema), Some(new_schema)) = (old_schema, new_schema)
                && old_schema != new_schema
            {
                statements.push(format!("ALTER TABLE {old_schema}.{new} SET SCHEMA {new_schema};"));
            }
            statements
        }
        Rename::Table { from, to } => {
            let step = |from: &str, to: &str| {
                format!("ALTER TABLE {} RENAME TO {};", quoted(dialect, from), quoted(dialect, to))
            };
            if dialect == Dialect::Sqlite && from.eq_ignore_ascii_case(to) {
                // the name is taken by the table itself
                let between = format!("{from}__old");
                return vec![step(from, &between), step(&between, to)];
            }
            vec![step(from, to)]
        }
    }
}

/// What two schemas suggest: a table that went and one that came with the same columns, a column that
/// went and one that came with the same type at the same place (or the only two of their table), also in
/// tables that are `known` to be renamed. One name can be in several: it is for people to choose.
pub fn suggested(dialect: Dialect, from: &Schema, to: &Schema, known: &[Rename]) -> Vec<Rename> {
    let (was, is) = (from.by_name(), to.by_name());
    let tables = |schema: &'_ Schema, other: &HashMap<(Kind, &str), &Object>| -> Vec<Object> {
        let gone = |object: &&Object| {
            object.kind == Kind::Table && !other.contains_key(&(Kind::Table, object.name.as_str()))
        };
        schema.objects.iter().filter(gone).cloned().collect()
    };
    let (gone, come) = (tables(from, &is), tables(to, &was));
    let mut renames = Vec::new();
    let come: Vec<_> = come.iter().map(|new| (new, bare_columns(dialect, new))).collect();
    for old in &gone {
        let columns = bare_columns(dialect, old);
        let same = come.iter().filter(|(_, other)| columns.is_some() && *other == columns);
        renames.extend(same.map(|(new, _)| Rename::Table { from: old.name.clone(), to: new.name.clone() }));
    }
    for new in to.objects.iter().filter(|object| object.kind == Kind::Table) {
        let old_name = known.iter().find_map(|rename| match rename {
            Rename::Table { from, to } if *to == new.name => Some(from.as_str()),
            _ => None,
        });
        if let Some(old) = was.get(&(Kind::Table, old_name.unwrap_or(&new.name))) {
            renames.extend(columns(dialect, old, new));
        }
    }
    renames
}

/// The texts of a table's columns without what hangs on the table's name.
fn bare_columns(dialect: Dialect, table: &Object) -> Option<Vec<String>> {
    let parts = sql::table_parts(dialect, &table.definition)?;
    let columns = parts.iter().filter(|part| part.name.starts_with("column "));
    Some(columns.map(|part| without_sequence(&part.text)).collect())
}

/// A default from a sequence, whatever its name, is the same.
fn without_sequence(text: &str) -> String {
    let Some(start) = text.find("nextval(") else { return text.to_owned() };
    let end = text[start..].find(')').map_or(text.len(), |at| start + at);
    format!("{}{}", &text[..start], &text[end..])
}

fn columns(dialect: Dialect, old: &Object, new: &Object) -> Vec<Rename> {
    let read = |object: &Object| {
        let parts = sql::table_parts(dialect, &object.definition).unwrap_or_default();
        parts.into_iter().filter(|part| part.name.starts_with("column ")).collect::<Vec<_>>()
    };
    let (old_parts, new_parts) = (read(old), read(new));
    let lacks = |parts: &[Part], part: &Part| parts.iter().all(|other| other.name != part.name);
    let gone: Vec<usize> = (0..old_parts.len()).filter(|&at| lacks(&new_parts, &old_parts[at])).collect();
    let come: Vec<usize> = (0..new_parts.len()).filter(|&at| lacks(&old_parts, &new_parts[at])).collect();
    let alone = gone.len() == 1 && come.len() == 1;
    let neighbour =
        |parts: &[Part], at: Option<usize>| at.and_then(|at| parts.get(at)).map(|p| p.name.clone());
    let mut renames = Vec::new();
    for &was in &gone {
        for &is in &come {
            let before = |parts: &[Part], at: usize| neighbour(parts, at.checked_sub(1));
            let behind = |parts: &[Part], at: usize| neighbour(parts, Some(at + 1));
            let beside = before(&old_parts, was) == before(&new_parts, is)
                || behind(&old_parts, was) == behind(&new_parts, is);
            let (Some(a), Some(b)) =
                (clauses(dialect, &old_parts[was].source), clauses(dialect, &new_parts[is].source))
            else {
                continue;
            };
            if (alone || beside) && sql::normal_form(dialect, a.kind) == sql::normal_form(dialect, b.kind) {
                renames.push(Rename::Column {
                    table: new.name.clone(),
                    from: a.name.to_owned(),
                    to: b.name.to_owned(),
                });
            }
        }
    }
    renames
}

/// What a person has written: `users=accounts`, `users.image=users.poster`, `users.image=poster`; a
/// schema may stand before a table. Tables are named as they are before (left) and afterwards (right).
pub fn parse(dialect: Dialect, from: &Schema, to: &Schema, text: &str) -> Result<Rename, String> {
    let usage = || format!("`{text}` is not OLD=NEW: `users=accounts`, or `users.image=users.poster`");
    let (old, new) = text.split_once('=').ok_or_else(usage)?;
    let (old, new) = (path(dialect, old), path(dialect, new));
    if let (Some(before), Some(after)) = (find_table(dialect, from, &old), find_table(dialect, to, &new)) {
        return Ok(Rename::Table { from: before.name.clone(), to: after.name.clone() });
    }
    let (Some((old_column, old_table)), Some((new_column, new_table))) = (old.split_last(), new.split_last())
    else {
        return Err(usage());
    };
    let before = find_table(dialect, from, old_table)
        .ok_or_else(|| format!("`{text}`: there is no table `{}` now", old.join(".")))?;
    let after = if new_table.is_empty() {
        to.find(Kind::Table, &before.name)
    } else {
        find_table(dialect, to, new_table)
    };
    let after = after
        .ok_or_else(|| format!("`{text}`: there is no table `{}` in what is declared", new.join(".")))?;
    let column = |object: &Object, name: &str| {
        spelled_column(dialect, object, name)
            .ok_or_else(|| format!("`{text}`: the table `{}` has no column `{name}`", object.name))
    };
    Ok(Rename::Column {
        table: after.name.clone(),
        from: column(before, old_column)?,
        to: column(after, new_column)?,
    })
}

/// The names in a dotted path, without quotes.
pub(crate) fn path(dialect: Dialect, text: &str) -> Vec<String> {
    let words = words(dialect, text.trim());
    words.iter().filter(|word| word.text != ".").map(|word| unquoted(word.text)).collect()
}

/// The one table that a path means: the whole name, or without the schema where that is clear; of several
/// the one in `public`.
pub(crate) fn find_table<'s>(dialect: Dialect, schema: &'s Schema, names: &[String]) -> Option<&'s Object> {
    let tables = schema.objects.iter().filter(|object| object.kind == Kind::Table);
    let fitting: Vec<&Object> = tables
        .filter(|object| {
            let own = if dialect == Dialect::Postgres {
                path(dialect, &object.name)
            } else {
                vec![object.name.clone()]
            };
            !names.is_empty() && own.ends_with(names)
        })
        .collect();
    match fitting[..] {
        [only] => Some(only),
        _ => fitting.into_iter().find(|object| qualified(&object.name).0 == Some("public")),
    }
}

/// A column's name as its table's text spells it.
pub(crate) fn spelled_column(dialect: Dialect, table: &Object, name: &str) -> Option<String> {
    let parts = sql::table_parts(dialect, &table.definition)?;
    let columns = parts.iter().filter(|part| part.name.starts_with("column "));
    let mut names = columns.filter_map(|part| Some(clauses(dialect, &part.source)?.name.to_owned()));
    names.find(|spelled| unquoted(spelled) == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(texts: &[(&str, &str)]) -> Schema {
        let object = |(name, text): &(&str, &str)| Object {
            kind: Kind::Table,
            name: (*name).to_owned(),
            definition: (*text).to_owned(),
        };
        Schema::new(texts.iter().map(object).collect())
    }

    fn column(table: &str, from: &str, to: &str) -> Rename {
        Rename::Column { table: table.to_owned(), from: from.to_owned(), to: to.to_owned() }
    }

    #[test]
    fn what_two_schemas_suggest() {
        let old = schema(&[
            (
                "public.users",
                "CREATE TABLE public.users (\n    id integer NOT NULL,\n    image text,\n    at date\n);",
            ),
            (
                "public.u",
                "CREATE TABLE public.u (\n    a bigint DEFAULT nextval('public.u_a_seq'::regclass)\n);",
            ),
        ]);
        let new = schema(&[
            (
                "public.users",
                "CREATE TABLE public.users (\n    id integer NOT NULL,\n    poster text,\n    at date,\n    x int\n);",
            ),
            (
                "public.v",
                "CREATE TABLE public.v (\n    a bigint DEFAULT nextval('public.v_a_seq'::regclass)\n);",
            ),
        ]);
        let table = Rename::Table { from: "public.u".to_owned(), to: "public.v".to_owned() };
        assert_eq!(
            suggested(Dialect::Postgres, &old, &new, &[]),
            [table, column("public.users", "image", "poster")]
        );
        let old = schema(&[("s.a", "CREATE TABLE s.a (x text)")]);
        let new = schema(&[("s.b", "CREATE TABLE s.b (y text)")]);
        let known = [Rename::Table { from: "s.a".to_owned(), to: "s.b".to_owned() }];
        assert_eq!(suggested(Dialect::Postgres, &old, &new, &known), [column("s.b", "x", "y")]);
    }

    #[test]
    fn what_a_person_writes() {
        let old = schema(&[("public.users", "CREATE TABLE public.users (\n    \"Image\" text\n);")]);
        let new = schema(&[("public.accounts", "CREATE TABLE public.accounts (\n    poster text\n);")]);
        let parse = |text| parse(Dialect::Postgres, &old, &new, text);
        let table = Rename::Table { from: "public.users".to_owned(), to: "public.accounts".to_owned() };
        assert_eq!(parse("users=accounts").unwrap(), table);
        assert_eq!(parse("public.users=public.accounts").unwrap(), table);
        let renamed = column("public.accounts", "\"Image\"", "poster");
        assert_eq!(parse("users.Image=accounts.poster").unwrap(), renamed);
        assert!(parse("users").is_err());
        assert!(parse("users.x=accounts.poster").unwrap_err().contains("no column `x`"));
    }

    #[test]
    fn statements_of_renames() {
        let table = Rename::Table { from: "a.t".to_owned(), to: "b.u".to_owned() };
        assert_eq!(
            statements(Dialect::Postgres, &table),
            ["ALTER TABLE a.t RENAME TO u;", "ALTER TABLE a.u SET SCHEMA b;"]
        );
        let case = Rename::Table { from: "T".to_owned(), to: "t".to_owned() };
        assert_eq!(statements(Dialect::Sqlite, &case).len(), 2);
        assert_eq!(
            statements(Dialect::MariaDb, &column("t", "`a`", "`b`")),
            ["ALTER TABLE `t` RENAME COLUMN `a` TO `b`;"]
        );
    }
}
