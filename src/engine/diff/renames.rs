//! Which differences are new names: said by a person, by a comment, or asked.

use crate::diagnostic::Diagnostic;
use crate::diff::rename::{Rename, parse, suggested};
use crate::diff::said;
use crate::schema::Kind;
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
        Rename::Column { table, from, to } => {
            format!("{table}.{}={table}.{}", plain(from), plain(to))
        }
    }
}

/// A name without quotes, where it can be told apart from the rest without them.
fn plain(name: &str) -> &str {
    let quoted = name.strip_prefix(['"', '`']).and_then(|rest| rest.strip_suffix(['"', '`']));
    let is_plain = |name: &&str| name.chars().all(|c| c.is_alphanumeric() || c == '_');
    quoted.filter(is_plain).unwrap_or(name)
}

/// A text as a shell takes it for one word.
pub fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '=');
    if text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
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
        Rename::Column { table, from, to } => {
            ("column", format!("{table}.{}", plain(from)), format!("{table}.{}", plain(to)))
        }
    };
    Diagnostic::new(format!("is {what} `{to}` the renamed `{from}`, or a new one?"))
        .note(format!("renamed: what is in `{from}` is in `{to}` afterwards"))
        .note(format!("dropped and added: what is in `{from}` is lost, `{to}` is empty"))
        .help(format!("renamed: `--rename {}`", shell_word(&text(rename))))
        .help(format!("dropped and added: `--no-rename {}`", shell_word(&old(rename))))
}

/// What is said (`given`, `apart`: what is none, and comments of what is declared), and what else may be one.
pub fn renames(sides: &Sides, given: &[String], apart: &[String]) -> Result<Renames, Failure> {
    let Sides { dialect, from, to, .. } = sides;
    let mut sure = Vec::new();
    for said in given {
        // a name that cannot be parsed is taken as it was offered
        let offered = || suggested(*dialect, from, to, &sure).into_iter().find(|one| text(one) == *said);
        let rename = parse(*dialect, from, to, said)
            .or_else(|fault| offered().ok_or_else(|| usage(Diagnostic::new(fault))))?;
        if let Some(declared) = declared_too(sides, &rename) {
            return Err(usage(Diagnostic::new(format!("`--rename {said}`: {declared} is declared, too"))));
        }
        sure.push(rename);
    }
    let comments = sides.texts.iter().flat_map(|script| said(*dialect, from, to, &script.text));
    for rename in comments.filter(|rename| declared_too(sides, rename).is_none()) {
        if !sure.iter().any(|known| clash(known, &rename)) {
            sure.push(rename);
        }
    }
    // a column is named by its table's new name
    sure.sort();
    let mut open = suggested(*dialect, from, to, &sure);
    if let Some(unknown) = apart.iter().find(|text| !open.iter().any(|one| is_old(one, text))) {
        let fault = Diagnostic::new(format!("`--no-rename {unknown}`: nothing suggests that it is renamed"));
        return Err(usage(fault.help("leave it out")));
    }
    open.retain(|rename| !sure.iter().any(|known| clash(known, rename)));
    open.retain(|rename| !apart.iter().any(|text| is_old(rename, text)));
    Ok(Renames { sure, open })
}

fn usage(fault: Diagnostic) -> Failure {
    Failure::new(FailureKind::Usage, fault)
}

/// What a rename takes the name from and is declared all the same.
fn declared_too(sides: &Sides, rename: &Rename) -> Option<String> {
    let columns = |table: &str| {
        let object = sides.to.find(Kind::Table, table)?;
        sql::table_parts(sides.dialect, &object.definition)
    };
    match rename {
        Rename::Table { from, .. } => sides.to.find(Kind::Table, from).map(|_| format!("table `{from}`")),
        Rename::Column { table, from, .. } => {
            let name = format!("column {}", sql::normal_form(sides.dialect, from));
            let is_there = columns(table)?.iter().any(|part| part.name == name);
            is_there.then(|| format!("column `{from}` of `{table}`"))
        }
    }
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
