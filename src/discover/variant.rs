//! Dialect variants: one migration, several texts.
//!
//! A text is for one dialect when its folder says so (`migrations/{postgres,sqlite}/…`) or its name
//! does (`x.postgres.sql`, `x.up.postgres.sql`, `x.postgres.up.sql`). [`gather`] reads a folder and
//! takes that part off the names, so that the formats need not know of it; [`super::merge`] puts the
//! pieces of one name together again.

use std::sync::Arc;

use super::faults::Faults;
use super::folder::{Listing, is_sql, join};
use super::format::{Input, SqlFile, SqlFolder, is_code, unexpected_folder};
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::module::Format;

/// The name without the part that names a dialect, and the dialect.
pub(super) fn split_name(name: &str) -> (String, Option<Dialect>) {
    let parts: Vec<&str> = name.split('.').collect();
    let dialect_at = |from_end: usize| {
        let at = parts.len().checked_sub(from_end).filter(|at| *at > 0)?;
        Some((at, Dialect::from_alias(parts[at])?))
    };
    // a direction may stand on either side of the dialect
    let beside_direction = || match parts.as_slice() {
        [.., "up" | "down", _] => dialect_at(3),
        _ => None,
    };
    match dialect_at(2).or_else(beside_direction) {
        None => (name.to_owned(), None),
        Some((at, dialect)) => {
            let mut kept = parts;
            kept.remove(at);
            (kept.join("."), Some(dialect))
        }
    }
}

/// Reads the texts of a folder of migrations.
pub(super) fn gather(listing: &Listing, format: Option<Format>, faults: &mut Faults) -> Input {
    let mut input = Input { shown: listing.shown.clone(), ..Input::default() };
    gather_folder(listing, None, format, &mut input, faults);
    for (name, folder) in &listing.folders {
        if let Some(dialect) = Dialect::from_alias(name) {
            gather_folder(folder, Some(dialect), format, &mut input, faults);
        }
    }
    input
}

fn gather_folder(
    listing: &Listing,
    dialect: Option<Dialect>,
    format: Option<Format>,
    input: &mut Input,
    faults: &mut Faults,
) {
    input.files.extend(sql_files(listing, dialect, faults));
    input
        .code
        .extend(listing.files.iter().filter(|name| is_code(name)).map(|name| join(&listing.shown, name)));
    for (name, folder) in &listing.folders {
        if name == "archive" || (dialect.is_none() && Dialect::from_alias(name).is_some()) {
            continue;
        }
        let wanted =
            format == Some(Format::Diesel) && !(folder.files.is_empty() && folder.folders.is_empty());
        if wanted || is_diesel(folder) {
            input.folders.extend(sql_folder(name, folder, dialect, faults));
        } else if folder.holds_sql() {
            faults.error(unexpected_folder(&folder.shown));
        }
    }
}

/// Whether the folder looks like one migration of diesel.
pub(super) fn is_diesel(folder: &Listing) -> bool {
    folder.files.iter().any(|name| matches!(split_name(name).0.as_str(), "up.sql" | "down.sql"))
}

fn sql_folder(
    name: &str,
    listing: &Listing,
    dialect: Option<Dialect>,
    faults: &mut Faults,
) -> Option<SqlFolder> {
    for (_, inner) in listing.folders.iter().filter(|(_, inner)| inner.holds_sql()) {
        faults.error(unexpected_folder(&inner.shown));
    }
    let metadata = match listing.files.iter().find(|name| *name == "metadata.toml") {
        Some(name) => Some(sql_file(listing, name, dialect, faults)?),
        None => None,
    };
    Some(SqlFolder {
        name: name.to_owned(),
        path: listing.shown.clone(),
        files: sql_files(listing, dialect, faults),
        metadata,
    })
}

fn sql_files(listing: &Listing, dialect: Option<Dialect>, faults: &mut Faults) -> Vec<SqlFile> {
    let names = listing.files.iter().filter(|name| is_sql(name));
    names.filter_map(|name| sql_file(listing, name, dialect, faults)).collect()
}

fn sql_file(listing: &Listing, file: &str, folder: Option<Dialect>, faults: &mut Faults) -> Option<SqlFile> {
    let path: Arc<str> = join(&listing.shown, file).into();
    let (name, named) = split_name(file);
    if let (Some(folder), Some(named)) = (folder, named)
        && folder != named
    {
        let fault = format!("`{path}` is named for {named}, but stands in the folder for {folder}");
        faults.error(Diagnostic::new(fault).help("rename it, or move it"));
        return None;
    }
    let (text, raw) = faults.keep(listing.text(file))?;
    let raw = raw.map(Into::into);
    Some(SqlFile { name, path, text: text.into(), raw, dialect: named.or(folder) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split() {
        let cases = [
            ("x.postgres.sql", "x.sql", Some(Dialect::Postgres)),
            ("x.up.pg.sql", "x.up.sql", Some(Dialect::Postgres)),
            ("x.mysql.down.sql", "x.down.sql", Some(Dialect::MySql)),
            ("x.sql", "x.sql", None),
            ("x.v2.sql", "x.v2.sql", None),
            ("postgres.sql", "postgres.sql", None),
            ("x.postgres.v2.sql", "x.postgres.v2.sql", None),
            ("up.sqlite.sql", "up.sql", Some(Dialect::Sqlite)),
            ("", "", None),
        ];
        for (name, rest, dialect) in cases {
            assert_eq!(split_name(name), (rest.to_owned(), dialect), "{name}");
        }
    }
}
