//! diesel: one folder per migration, with `up.sql`, perhaps `down.sql` and `metadata.toml`.
//!
//! The version is the folder's name before the first `_`, without dashes, compared as text. A
//! `metadata.toml` that does not say `run_in_transaction = true` means *no transaction*, as there.
//! diesel refuses an empty `up.sql`; here it is a migration that does nothing.

use serde::Deserialize;

use super::{Direction, Input, Piece, SqlFile, SqlFolder, misnamed};
use crate::diagnostic::{Diagnostic, Frame};
use crate::discover::faults::Faults;
use crate::id::Version;
use crate::module::Format;

/// `metadata.toml`; diesel ignores other keys.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    run_in_transaction: bool,
}

pub(super) fn read(input: &Input, faults: &mut Faults) -> Vec<Piece> {
    for file in &input.files {
        faults.error(misnamed(file, Format::Diesel, "a folder `VERSION_name` with `up.sql`"));
    }
    input.folders.iter().flat_map(|folder| read_folder(folder, faults)).collect()
}

fn read_folder(folder: &SqlFolder, faults: &mut Faults) -> Vec<Piece> {
    let version = folder.name.split('_').next().unwrap_or_default().replace('-', "");
    if version.is_empty() {
        let fault = format!("`{}` is not named like a migration of the format diesel", folder.path);
        faults.error(Diagnostic::new(fault).help("expected a folder `VERSION_name`"));
        return Vec::new();
    }
    let in_transaction = folder.metadata.as_ref().map_or(Ok(true), run_in_transaction);
    let Some(in_transaction) = faults.keep(in_transaction) else { return Vec::new() };
    let mut pieces = Vec::new();
    for file in &folder.files {
        let direction = match file.name.as_str() {
            "up.sql" => Direction::Up,
            "down.sql" => Direction::Down,
            _ => {
                let fault = format!("unexpected file `{}`", file.path);
                faults.error(Diagnostic::new(fault).help("a diesel migration has `up.sql` and `down.sql`"));
                continue;
            }
        };
        let mut piece = Piece::whole(file, &folder.name, Version::text(&version), direction);
        piece.script.no_transaction = !in_transaction;
        pieces.push(piece);
    }
    if !pieces.iter().any(|piece| piece.direction == Direction::Up) {
        let fault = Diagnostic::new(format!("the diesel migration `{}` has no `up.sql`", folder.path));
        faults.error(fault.help("add it, or remove the folder"));
    }
    pieces
}

fn run_in_transaction(file: &SqlFile) -> Result<bool, Diagnostic> {
    let metadata = toml::from_str::<Metadata>(&file.text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        Diagnostic::new(format!("cannot read `{}`", file.path))
            .frame(Frame::new(file.path.as_ref(), file.text.clone(), span))
            .cause(error.message())
    })?;
    Ok(metadata.run_in_transaction)
}

#[cfg(test)]
mod tests {
    use super::super::tests::file;
    use super::*;

    fn folder(name: &str, files: &[&str], metadata: Option<&str>) -> SqlFolder {
        SqlFolder {
            name: name.to_owned(),
            path: format!("m/{name}"),
            files: files.iter().map(|name| file(name, "")).collect(),
            metadata: metadata.map(|text| file("metadata.toml", text)),
        }
    }

    fn told(folders: Vec<SqlFolder>) -> (Vec<Piece>, Vec<String>) {
        let mut faults = Faults::default();
        let pieces = read(&Input { folders, ..Input::default() }, &mut faults);
        (pieces, faults.errors.into_iter().map(|fault| fault.message).collect())
    }

    #[test]
    fn a_folder_is_a_migration() {
        let name = "2022-08-20-151615_create_fang_tasks";
        let (pieces, faults) = told(vec![folder(name, &["down.sql", "up.sql"], None)]);
        assert!(faults.is_empty());
        assert_eq!((pieces[1].name.as_str(), &pieces[1].version), (name, &Version::text("20220820151615")));
        assert_eq!((pieces[0].direction, pieces[1].direction), (Direction::Down, Direction::Up));
        assert!(!pieces[1].script.no_transaction);
    }

    #[test]
    fn metadata_speaks_of_the_transaction() {
        for (text, no_transaction) in
            [("", true), ("run_in_transaction = false", true), ("run_in_transaction = true", false)]
        {
            let (pieces, _) = told(vec![folder("1_a", &["up.sql"], Some(text))]);
            assert_eq!(pieces[0].script.no_transaction, no_transaction, "{text}");
        }
        let (_, faults) = told(vec![folder("1_a", &["up.sql"], Some("run_in_transaction = 1"))]);
        assert_eq!(faults, ["cannot read `m/metadata.toml`"]);
    }

    #[test]
    fn faults() {
        let (_, faults) = told(vec![
            folder("1_a", &["down.sql"], None),
            folder("_x", &["up.sql"], None),
            folder("2_b", &["up.sql", "x.sql"], None),
        ]);
        assert_eq!(
            faults,
            [
                "the diesel migration `m/1_a` has no `up.sql`",
                "`m/_x` is not named like a migration of the format diesel",
                "unexpected file `m/x.sql`",
            ]
        );
    }
}
