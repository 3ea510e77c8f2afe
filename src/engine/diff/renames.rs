//! Which differences are new names: said by a person, by a comment, or asked.

use crate::diagnostic::{Diagnostic, nearest};
use crate::diff::rename::{Rename, suggested};
use crate::schema::{Kind, Schema};
use crate::sql;

use crate::engine::failure::{Failure, Kind as FailureKind};

use super::Sides;

/// What is known of renames.
#[derive(Clone, Debug, Default)]
pub struct Renames {
    /// These are.
    pub sure: Vec<Rename>,
    /// These may be; somebody must say.
    pub open: Vec<Rename>,
}

/// A rename as it is given: `users.image=users.poster`.
pub fn text(rename: &Rename) -> String {
    match rename {
        Rename::Table { from, to } => format!("{from}={to}"),
        Rename::Column { table, from, to } => format!("{table}.{from}={table}.{to}"),
    }
}

/// The old side of it: `users.image`.
fn old(rename: &Rename) -> String {
    text(rename).split('=').next().unwrap_or_default().to_owned()
}

impl Renames {
    /// Why nothing can be written before somebody has said what the open ones are.
    pub fn refusal(&self) -> Option<Failure> {
        let faults: Vec<Diagnostic> = self.open.iter().map(two_readings).collect();
        (!faults.is_empty()).then(|| Failure::all(FailureKind::Refused, faults))
    }
}

/// What both readings are, and how each is said.
fn two_readings(rename: &Rename) -> Diagnostic {
    let (what, from, to) = match rename {
        Rename::Table { from, to } => ("table", from.clone(), to.clone()),
        Rename::Column { table, from, to } => ("column", format!("{table}.{from}"), format!("{table}.{to}")),
    };
    Diagnostic::new(format!("is {what} `{to}` the renamed `{from}`, or a new one?"))
        .note(format!("renamed: what is in `{from}` is in `{to}` afterwards"))
        .note(format!("dropped and added: what is in `{from}` is lost, `{to}` is empty"))
        .help(format!("renamed: `--rename {}`", text(rename)))
        .help(format!("dropped and added: `--no-rename {}`", old(rename)))
}

/// What is said (`given`, and `apart`: what is none), and what else may be one.
pub fn renames(sides: &Sides, given: &[String], apart: &[String]) -> Result<Renames, Failure> {
    let mut renames = Renames::default();
    let mut columns = Vec::new();
    for text in given {
        match pair(sides, text)? {
            Given::Table(rename) => renames.sure.push(rename),
            Given::Column(old, new) => columns.push((text, old, new)),
        }
    }
    for (text, old, new) in columns {
        let rename = column(sides, &renames.sure, text, old, new)?;
        renames.sure.push(rename);
    }
    renames.open = suggested(sides.dialect, &sides.from, &sides.to);
    let said = |rename: &Rename| {
        let known = renames.sure.iter().any(|sure| clash(sure, rename));
        known || apart.iter().any(|text| is_old(rename, text))
    };
    let open: Vec<Rename> = renames.open.iter().filter(|rename| !said(rename)).cloned().collect();
    if let Some(unknown) = apart.iter().find(|text| !renames.open.iter().any(|one| is_old(one, text))) {
        let fault = Diagnostic::new(format!("`--no-rename {unknown}`: nothing suggests that it is renamed"));
        return Err(Failure::new(FailureKind::Usage, fault.help("leave it out")));
    }
    renames.open = open;
    Ok(renames)
}

/// Whether both speak of the same old or new name.
fn clash(a: &Rename, b: &Rename) -> bool {
    match (a, b) {
        (Rename::Table { from, to }, Rename::Table { from: other_from, to: other_to }) => {
            from == other_from || to == other_to
        }
        (
            Rename::Column { table, from, to },
            Rename::Column { table: other, from: other_from, to: other_to },
        ) => table == other && (from == other_from || to == other_to),
        _ => false,
    }
}

/// Whether this names the old side of a rename.
fn is_old(rename: &Rename, text: &str) -> bool {
    let old = old(rename);
    old == text || old.strip_suffix(text).is_some_and(|before| before.ends_with('.'))
}

enum Given<'a> {
    Table(Rename),
    Column((&'a str, &'a str), (&'a str, &'a str)),
}

fn usage(text: &str, why: String) -> Failure {
    let fault = Diagnostic::new(format!("`--rename {text}`: {why}"));
    Failure::new(
        FailureKind::Usage,
        fault.help("write `--rename users=accounts`, or `--rename users.image=users.poster`"),
    )
}

fn pair<'a>(sides: &Sides, text: &'a str) -> Result<Given<'a>, Failure> {
    let (old, new) =
        text.split_once('=').ok_or_else(|| usage(text, "a `=` must stand between both names".to_owned()))?;
    if let Some(from) = table(&sides.from, old) {
        let to = table(&sides.to, new).ok_or_else(|| usage(text, not_there(&sides.to, new, "declared")))?;
        if sides.to.find(Kind::Table, from).is_some() {
            return Err(usage(text, format!("table `{from}` is declared, too")));
        }
        return Ok(Given::Table(Rename::Table { from: from.to_owned(), to: to.to_owned() }));
    }
    let split = |name: &'a str| name.rsplit_once('.');
    match (split(old), split(new)) {
        (Some(old), Some(new)) => Ok(Given::Column(old, new)),
        _ => Err(usage(text, not_there(&sides.from, old, "there"))),
    }
}

fn not_there(schema: &Schema, name: &str, what: &str) -> String {
    let tables = schema.objects.iter().filter(|object| object.kind == Kind::Table);
    let near = nearest(name, tables.map(|object| object.name.as_str()));
    let near = near.map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
    format!("no table `{name}` is {what}{near}")
}

fn column(
    sides: &Sides,
    tables: &[Rename],
    text: &str,
    (old_table, old): (&str, &str),
    (new_table, new): (&str, &str),
) -> Result<Rename, Failure> {
    let is = table(&sides.to, new_table)
        .ok_or_else(|| usage(text, not_there(&sides.to, new_table, "declared")))?;
    let was = tables.iter().find_map(|rename| match rename {
        Rename::Table { from, to } if to == is => Some(from.as_str()),
        _ => None,
    });
    let was = was.unwrap_or(is);
    let names_it = |name: &str| name == old_table || name.ends_with(&format!(".{old_table}"));
    if !names_it(was) && !names_it(is) {
        return Err(usage(text, format!("`{old_table}` and `{new_table}` are not the same table")));
    }
    let there = |schema: &Schema, table: &str, name: &str, what: &str| {
        let part = part_name(sides, schema, table, name);
        part.ok_or_else(|| usage(text, format!("no column `{name}` of `{table}` is {what}")))
    };
    let from = there(&sides.from, was, old, "there")?;
    let to = there(&sides.to, is, new, "declared")?;
    if part_name(sides, &sides.to, is, old).is_some() {
        return Err(usage(text, format!("column `{from}` of `{is}` is declared, too")));
    }
    Ok(Rename::Column { table: is.to_owned(), from, to })
}

/// The table of a name that may lack its schema.
fn table<'a>(schema: &'a Schema, name: &str) -> Option<&'a str> {
    let tables = || schema.objects.iter().filter(|object| object.kind == Kind::Table);
    let suffix = format!(".{name}");
    let mut near = tables().filter(|table| table.name.ends_with(&suffix));
    match tables().find(|table| table.name == name) {
        Some(table) => Some(&table.name),
        None => near.next().filter(|_| near.next().is_none()).map(|table| table.name.as_str()),
    }
}

/// The name of a column as the parts of its table have it.
fn part_name(sides: &Sides, schema: &Schema, table: &str, column: &str) -> Option<String> {
    let object = schema.find(Kind::Table, table)?;
    let parts = sql::table_parts(sides.dialect, &object.definition)?;
    let wanted = sql::normal_form(sides.dialect, column);
    let mut names = parts.iter().filter_map(|part| part.name.strip_prefix("column "));
    names.find(|name| *name == column || *name == wanted).map(str::to_owned)
}
