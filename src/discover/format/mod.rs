//! The formats: how a folder names and lays out its migrations.
//!
//! Each reader is a pure function from names and texts to *pieces*: one text of one direction, with
//! the name and version of its migration. It is as exact as the tool whose format it reads, and
//! stricter: what that tool would skip in silence is an error here, with the file and the shape that
//! is expected. Pieces of one name become one migration in [`super::merge`].

mod dbmate;
mod diesel;
mod flyway;
mod golang;
mod goose;
mod native;
mod section;

use std::sync::Arc;

use super::faults::Faults;
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::id::Version;
use crate::migration::Script;
use crate::module::Format;

/// An SQL file of a folder of migrations.
#[derive(Clone, Debug)]
pub(super) struct SqlFile {
    /// Its name without the part that names a dialect.
    pub(super) name: String,
    /// The file as it is shown.
    pub(super) path: Arc<str>,
    /// The normalised text.
    pub(super) text: Arc<str>,
    /// The text as it stands, where normalising changed it.
    pub(super) raw: Option<Arc<str>>,
    /// What its name or its folder says.
    pub(super) dialect: Option<Dialect>,
}

/// A sub-folder that is one migration.
#[derive(Clone, Debug)]
pub(super) struct SqlFolder {
    /// Its name.
    pub(super) name: String,
    /// The folder as it is shown.
    pub(super) path: String,
    /// Its SQL files.
    pub(super) files: Vec<SqlFile>,
    /// Its `metadata.toml`.
    pub(super) metadata: Option<SqlFile>,
}

/// What stands in a folder of migrations.
#[derive(Clone, Debug, Default)]
pub(super) struct Input {
    /// The folder as it is shown.
    pub(super) shown: String,
    /// The SQL files, by name.
    pub(super) files: Vec<SqlFile>,
    /// The sub-folders that may be migrations, by name.
    pub(super) folders: Vec<SqlFolder>,
    /// Files that are migrations written as code.
    pub(super) code: Vec<String>,
}

/// Whether a text applies or undoes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Direction {
    Up,
    Down,
}

/// One text of one migration.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) name: String,
    pub(super) version: Version,
    pub(super) direction: Direction,
    pub(super) dialect: Option<Dialect>,
    pub(super) script: Script,
    /// What stands in the file before the first section: directives may be there.
    pub(super) preamble: Option<Script>,
}

impl Piece {
    /// A piece that is a whole file.
    fn whole(file: &SqlFile, name: &str, version: Version, direction: Direction) -> Self {
        Self {
            name: name.to_owned(),
            version,
            direction,
            dialect: file.dialect,
            script: Script { raw: file.raw.clone(), ..Script::new(file.text.clone(), file.path.clone()) },
            preamble: None,
        }
    }
}

/// Reads the folder in a format.
pub(super) fn read(format: Format, input: &Input, faults: &mut Faults) -> Vec<Piece> {
    if format != Format::Diesel {
        for folder in &input.folders {
            faults.error(unexpected_folder(&folder.path));
        }
    }
    for path in &input.code {
        let warning = format!("`{path}` is not read: it is a migration written as code");
        faults
            .warn(Diagnostic::new(warning).help("write it in SQL, or run it by the tool it was written for"));
    }
    match format {
        Format::Native => each(input, native::read, faults),
        Format::GolangMigrate => each(input, golang::read, faults),
        Format::Refinery => each(input, flyway::read_refinery, faults),
        Format::Flyway => flyway::read(&input.files, faults),
        Format::Dbmate => each_many(input, dbmate::read, faults),
        Format::Goose => each_many(input, goose::read, faults),
        Format::Diesel => diesel::read(input, faults),
    }
}

fn each(input: &Input, read: fn(&SqlFile) -> Result<Piece, Diagnostic>, faults: &mut Faults) -> Vec<Piece> {
    input.files.iter().filter_map(|file| faults.keep(read(file))).collect()
}

fn each_many(
    input: &Input,
    read: fn(&SqlFile) -> Result<Vec<Piece>, Diagnostic>,
    faults: &mut Faults,
) -> Vec<Piece> {
    input.files.iter().filter_map(|file| faults.keep(read(file))).flatten().collect()
}

/// The format that names and contents speak of; an empty folder is native.
pub(super) fn detect(input: &Input) -> Result<Format, Diagnostic> {
    let mut guesses = guesses(input);
    let Some((first, path)) = guesses.next() else { return Ok(Format::Native) };
    if let Some((other, other_path)) = guesses.find(|(guess, _)| *guess != first) {
        let fault = format!("`{path}` is laid out as {first}, but `{other_path}` as {other}");
        return Err(Diagnostic::new(fault)
            .note(format!("both are in `{}`", input.shown))
            .help("keep one format in a folder, or name it: `format:` in the configuration"));
    }
    drop(guesses);
    if first != Format::Refinery {
        return Ok(first);
    }
    let names = input.files.iter().map(|file| file.name.as_str());
    Ok(if names.clone().all(flyway::is_refinery_version) { Format::Refinery } else { Format::Flyway })
}

/// What each entry looks like by itself; the family of Flyway counts as refinery.
fn guesses(input: &Input) -> impl Iterator<Item = (Format, &str)> {
    let files = input.files.iter().map(|file| (guess(file), file.path.as_ref()));
    let folders = input.folders.iter().map(|folder| (Format::Diesel, folder.path.as_str()));
    let code = input.code.iter().map(|path| {
        let goose = std::path::Path::new(path).extension().is_some_and(|extension| extension == "go");
        (if goose { Format::Goose } else { Format::Refinery }, path.as_str())
    });
    files.chain(folders).chain(code)
}

fn guess(file: &SqlFile) -> Format {
    if flyway::is_like(&file.name) {
        Format::Refinery
    } else if goose::is_marked(&file.text) {
        Format::Goose
    } else if dbmate::is_marked(&file.text) {
        Format::Dbmate
    } else {
        Format::Native
    }
}

/// The format as far as names alone tell, for folders that nobody has enabled yet.
pub(super) fn is_code(name: &str) -> bool {
    match name.rsplit_once('.') {
        Some((stem, "rs")) => flyway::is_like(&format!("{stem}.sql")),
        Some((stem, "go")) => {
            let (digits, rest) = leading_digits(stem);
            !digits.is_empty() && rest.starts_with('_') && !rest.ends_with("_test")
        }
        _ => false,
    }
}

/// A sub-folder in which nothing is expected.
pub(super) fn unexpected_folder(path: &str) -> Diagnostic {
    Diagnostic::new(format!("unexpected folder `{path}` with SQL files"))
        .note("sub-folders are read when they are named for a dialect, or hold one diesel migration each")
        .help("name it as the module's `path`, or move it out of the migrations (`archive` is never read)")
}

/// A file that does not have the name its format asks for.
fn misnamed(file: &SqlFile, format: Format, expected: &str) -> Diagnostic {
    Diagnostic::new(format!("`{}` is not named like a migration of the format {format}", file.path))
        .help(format!("expected {expected}; SQL that is no migration belongs into another folder"))
}

/// The digits at the start, and the rest.
fn leading_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Files<'a> = &'a [(&'a str, &'a str)];

    /// A file in memory.
    pub(super) fn file(name: &str, text: &str) -> SqlFile {
        let path = format!("m/{name}").into();
        SqlFile { name: name.to_owned(), path, text: text.into(), raw: None, dialect: None }
    }

    /// `name@version` and direction of every piece, and the messages of the errors.
    pub(super) fn told(format: Format, files: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let files = files.iter().map(|(name, text)| file(name, text)).collect();
        let mut faults = Faults::default();
        let pieces = read(format, &Input { files, ..Input::default() }, &mut faults);
        let tell = |piece: Piece| format!("{}@{} {:?}", piece.name, piece.version, piece.direction);
        let messages = faults.errors.into_iter().map(|fault| fault.message).collect();
        (pieces.into_iter().map(tell).collect(), messages)
    }

    #[test]
    fn formats_are_detected() {
        let cases: [(Files<'_>, Result<Format, &str>); 12] = [
            (&[], Ok(Format::Native)),
            (&[("1_a.sql", ""), ("2_b.up.sql", "")], Ok(Format::Native)),
            (&[("V1__a.sql", ""), ("U2__b.sql", "")], Ok(Format::Refinery)),
            (&[("V1__a.sql", ""), ("V1.1__b.sql", "")], Ok(Format::Flyway)),
            (&[("V1__a.sql", ""), ("V1_1__b.sql", "")], Ok(Format::Flyway)),
            (&[("V1__a.sql", ""), ("R__b.sql", "")], Ok(Format::Flyway)),
            (&[("1_a.sql", "-- x\n-- migrate:up\n-- migrate:down\n")], Ok(Format::Dbmate)),
            (&[("1_a.sql", "-- +goose Up\n")], Ok(Format::Goose)),
            (&[("1_a.sql", " -- +goose Up\n")], Ok(Format::Native)),
            (&[("setup.sql", "")], Ok(Format::Native)),
            (
                &[("1_a.sql", ""), ("V1__b.sql", "")],
                Err("`m/1_a.sql` is laid out as native, but `m/V1__b.sql` as refinery"),
            ),
            (
                &[("1_a.sql", ""), ("2_b.sql", "-- migrate:up\n")],
                Err("`m/1_a.sql` is laid out as native, but `m/2_b.sql` as dbmate"),
            ),
        ];
        for (files, wanted) in cases {
            let input = Input {
                files: files.iter().map(|(name, text)| file(name, text)).collect(),
                ..Input::default()
            };
            assert_eq!(
                detect(&input).map_err(|fault| fault.message),
                wanted.map_err(str::to_owned),
                "{files:?}"
            );
        }
    }

    #[test]
    fn code_is_known_by_its_name() {
        for name in ["V1__x.rs", "00001_x.go"] {
            assert!(is_code(name), "{name}");
        }
        for name in ["mod.rs", "migrations.go", "00001_x_test.go", "V1__x.txt"] {
            assert!(!is_code(name), "{name}");
        }
    }
}
