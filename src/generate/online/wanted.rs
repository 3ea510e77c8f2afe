//! What a person asks for, by names as people write them, found in a schema.

use super::Change;
use super::names::{identifier, path};
use crate::diagnostic::{Diagnostic, nearest};
use crate::dialect::Dialect;
use crate::diff::rename::find_table;
use crate::diff::{clauses, qualified, unquoted};
use crate::schema::{Kind, Object, Schema};
use crate::sql::table_parts;

/// A change as it was asked for: `users.image`, `shop.users.image`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// `rename-column users.image poster`
    RenameColumn {
        /// The column, behind its table.
        column: String,
        /// Its new name.
        to: String,
    },
    /// `rename-table users accounts`
    RenameTable {
        /// The table.
        from: String,
        /// Its new name.
        to: String,
    },
    /// `change-type orders.total numeric(12,2) --as amount`
    ChangeType {
        /// The column, behind its table.
        column: String,
        /// The new type.
        kind: String,
        /// The name of the column that follows.
        to: String,
        /// What makes a new value of an old one.
        using: Option<String>,
        /// What makes an old value of a new one.
        back: Option<String>,
    },
    /// `set-not-null users.email`
    SetNotNull {
        /// The column, behind its table.
        column: String,
        /// What a row gets that has none.
        fill: Option<String>,
    },
}

impl Wanted {
    /// What it is called in file names.
    pub fn slug(&self) -> String {
        let text = match self {
            Self::RenameColumn { column, to } => format!("rename {column} to {to}"),
            Self::RenameTable { from, to } => format!("rename {from} to {to}"),
            Self::ChangeType { column, to, .. } => format!("change {column} into {to}"),
            Self::SetNotNull { column, .. } => format!("{column} not null"),
        };
        crate::generate::slug(&text.replace(['"', '`'], "")).unwrap_or_else(|| "change".to_owned())
    }

    /// Finds what it names.
    pub fn find(&self, dialect: Dialect, schema: &Schema) -> Result<Change, Box<Diagnostic>> {
        match self {
            Self::RenameColumn { column, to } => {
                let (table, from) = column_of(dialect, schema, column)?;
                let to = free_column(dialect, table, to)?;
                Ok(Change::RenameColumn { table: table.name.clone(), from, to })
            }
            Self::RenameTable { from, to } => {
                let names = path(dialect, from);
                let table = table_of(dialect, schema, &names, from)?;
                let to = free_table(dialect, schema, table, to)?;
                Ok(Change::RenameTable { from: table.name.clone(), to })
            }
            Self::ChangeType { column, kind, to, using, back } => {
                let (table, from) = column_of(dialect, schema, column)?;
                let to = free_column(dialect, table, to)?;
                let (table, kind) = (table.name.clone(), kind.clone());
                Ok(Change::ChangeType { table, from, to, kind, using: using.clone(), back: back.clone() })
            }
            Self::SetNotNull { column, fill } => {
                let (table, column) = column_of(dialect, schema, column)?;
                Ok(Change::SetNotNull { table: table.name.clone(), column, fill: fill.clone() })
            }
        }
    }
}

/// The last name of a table, without quotes.
fn bare(dialect: Dialect, name: &str) -> String {
    if dialect == Dialect::Postgres { unquoted(qualified(name).1) } else { name.to_owned() }
}

fn table_of<'s>(
    dialect: Dialect,
    schema: &'s Schema,
    names: &[String],
    given: &str,
) -> Result<&'s Object, Box<Diagnostic>> {
    if let Some(found) = find_table(dialect, schema, names) {
        return Ok(found);
    }
    let wanted = names.last().map_or("", String::as_str);
    let tables: Vec<String> = schema
        .objects
        .iter()
        .filter(|object| object.kind == Kind::Table)
        .map(|object| bare(dialect, &object.name))
        .collect();
    let same = tables.iter().filter(|table| *table == wanted).count();
    if same > 1 {
        let fault = Diagnostic::new(format!("`{given}` can be one of {same} tables"));
        return Err(Box::new(fault.help("write its schema before it: `shop.users`")));
    }
    let mut fault = Diagnostic::new(format!("there is no table `{}`", names.join(".")));
    let near = nearest(wanted, tables.iter().map(String::as_str));
    fault.help.extend(near.map(|near| format!("did you mean `{near}`?")));
    if schema.objects.iter().any(|object| object.kind == Kind::View && bare(dialect, &object.name) == wanted)
    {
        fault = fault.note("it is a view, which has no rows of its own");
    }
    Err(Box::new(fault))
}

/// The spelled names of a table's columns.
fn columns(dialect: Dialect, table: &Object) -> Vec<String> {
    let parts = table_parts(dialect, &table.definition).unwrap_or_default();
    let columns = parts.iter().filter(|part| part.name.starts_with("column "));
    columns.filter_map(|part| Some(clauses(dialect, &part.source)?.name.to_owned())).collect()
}

fn is_same(dialect: Dialect, spelled: &str, name: &str) -> bool {
    let spelled = unquoted(spelled);
    if dialect == Dialect::Postgres { spelled == name } else { spelled.eq_ignore_ascii_case(name) }
}

fn column_of<'s>(
    dialect: Dialect,
    schema: &'s Schema,
    given: &str,
) -> Result<(&'s Object, String), Box<Diagnostic>> {
    let names = path(dialect, given);
    let Some((column, table)) = names.split_last().filter(|(_, table)| !table.is_empty()) else {
        let fault = Diagnostic::new(format!("`{given}` is no column of a table"));
        return Err(Box::new(fault.help("write it as `TABLE.COLUMN`: `users.image`")));
    };
    let table = table_of(dialect, schema, table, given)?;
    let columns = columns(dialect, table);
    if let Some(found) = columns.iter().find(|spelled| is_same(dialect, spelled, column)) {
        return Ok((table, found.clone()));
    }
    let mut fault = Diagnostic::new(format!("the table `{}` has no column `{column}`", table.name));
    if columns.is_empty() {
        fault.help.push("a partition has the columns of its table: change that one".to_owned());
    }
    let bare: Vec<String> = columns.iter().map(|name| unquoted(name)).collect();
    let near = nearest(column, bare.iter().map(String::as_str));
    fault.help.extend(near.map(|near| format!("did you mean `{near}`?")));
    Err(Box::new(fault))
}

/// The only name in a text, without quotes.
fn one_name(dialect: Dialect, given: &str) -> Result<String, Box<Diagnostic>> {
    let names = path(dialect, given);
    let [only] = &names[..] else {
        return Err(Box::new(
            Diagnostic::new(format!("`{given}` is no name"))
                .help("write one name, in quotes where it needs them"),
        ));
    };
    if only.is_empty() || only.len() > 63 {
        let fault = Diagnostic::new(format!("`{given}` is no name"));
        return Err(Box::new(fault.help("a name has 1 to 63 bytes")));
    }
    Ok(only.clone())
}

fn free_column(dialect: Dialect, table: &Object, given: &str) -> Result<String, Box<Diagnostic>> {
    let name = one_name(dialect, given)?;
    if columns(dialect, table).iter().any(|spelled| is_same(dialect, spelled, &name)) {
        let fault = Diagnostic::new(format!("the table `{}` has a column `{name}` already", table.name));
        return Err(Box::new(fault.help("choose another name")));
    }
    Ok(identifier(dialect, &name))
}

fn free_table(
    dialect: Dialect,
    schema: &Schema,
    table: &Object,
    given: &str,
) -> Result<String, Box<Diagnostic>> {
    let names = path(dialect, given);
    let (name, space) = match (&names[..], dialect) {
        ([name], _) => (name.clone(), None),
        ([space, name], Dialect::Postgres) => (name.clone(), Some(identifier(dialect, space))),
        _ => (one_name(dialect, given)?, None),
    };
    let own = qualified(&table.name).0;
    if space.as_deref().is_some_and(|space| Some(space) != own) {
        let fault = Diagnostic::new(format!("`{given}` is in another schema than `{}`", table.name));
        return Err(Box::new(fault.help("a rename stays in its schema")));
    }
    let whole = match (dialect, own) {
        (Dialect::Postgres, Some(own)) => format!("{own}.{}", identifier(dialect, &name)),
        (Dialect::Postgres, None) => identifier(dialect, &name),
        _ => name,
    };
    let relations =
        [Kind::Table, Kind::View, Kind::MaterializedView, Kind::Sequence, Kind::Index, Kind::VirtualTable];
    let taken = schema.objects.iter().find(|object| {
        relations.contains(&object.kind)
            && if dialect == Dialect::Postgres {
                object.name == whole
            } else {
                object.name.eq_ignore_ascii_case(&whole)
            }
    });
    match taken {
        Some(object) => {
            let fault = Diagnostic::new(format!("there is a {} `{}` already", object.kind, object.name));
            Err(Box::new(fault.help("choose another name")))
        }
        None => Ok(whole),
    }
}
