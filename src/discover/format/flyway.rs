//! Flyway and refinery: `V1__name.sql`.
//!
//! The two share the look and differ in what it means. Flyway's version has numeric parts (`V1_2__x`
//! and `V1.2__x` are 1.2), and its `U1__x` undoes `V1__x`. Refinery's version is one integer, and its
//! `U1__x` is one more migration, only free of the order. Flyway's repeatable (`R__`) and baseline
//! (`B1__`) files are refused by name: a repeatable one has no place in a fixed order.

use super::{Direction, Piece, SqlFile, leading_digits, misnamed};
use crate::diagnostic::Diagnostic;
use crate::discover::faults::Faults;
use crate::id::Version;
use crate::module::Format;

/// Whether the name has the look of the family.
pub(super) fn is_like(file: &str) -> bool {
    file.starts_with("R__") || split(file).is_some_and(|(_, version, _)| Version::parts(version).is_some())
}

/// Whether refinery can read the version in the name.
pub(super) fn is_refinery_version(file: &str) -> bool {
    split(file).is_some_and(|(kind, version, _)| kind != 'B' && Version::number(version).is_some())
}

/// The letter, the version and the description.
fn split(file: &str) -> Option<(char, &str, &str)> {
    let stem = file.strip_suffix(".sql")?;
    let kind = stem.chars().next().filter(|kind| matches!(kind, 'V' | 'U' | 'B'))?;
    let (version, description) = stem[1..].split_once("__")?;
    (!leading_digits(version).0.is_empty()).then_some((kind, version, description))
}

pub(super) fn read_refinery(file: &SqlFile) -> Result<Piece, Diagnostic> {
    refuse_kinds(file)?;
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let parsed = split(&file.name)
        .filter(|(_, _, description)| !description.is_empty() && description.chars().all(word))
        .and_then(|(_, version, _)| Version::number(version));
    match parsed {
        Some(version) => Ok(Piece::whole(file, stem(file), version, Direction::Up)),
        None => Err(misnamed(
            file,
            Format::Refinery,
            "`V1__name.sql` or `U1__name.sql`, with an integer, and letters, digits and `_` in the name (else `format: flyway`)",
        )),
    }
}

pub(super) fn read(files: &[SqlFile], faults: &mut Faults) -> Vec<Piece> {
    let expected = "`V1__name.sql`, `V1_2__name.sql` or `V1.2__name.sql`, or `U1__name.sql` that undoes it";
    let mut pieces: Vec<Piece> = Vec::new();
    let mut undos = Vec::new();
    for file in files {
        if faults.keep(refuse_kinds(file)).is_none() {
            continue;
        }
        let parsed = split(&file.name).filter(|(_, _, description)| !description.is_empty());
        match parsed.and_then(|(kind, version, _)| Some((kind, Version::parts(version)?))) {
            Some(('U', version)) => undos.push((file, version)),
            Some((_, version)) => pieces.push(Piece::whole(file, stem(file), version, Direction::Up)),
            None => faults.error(misnamed(file, Format::Flyway, expected)),
        }
    }
    let undos: Vec<_> = undos.iter().filter_map(|undo| faults.keep(undo_piece(undo, &pieces))).collect();
    pieces.extend(undos);
    pieces
}

/// The down text of the one `V` file of its version; of several, that with its description.
fn undo_piece((file, version): &(&SqlFile, Version), ups: &[Piece]) -> Result<Piece, Diagnostic> {
    let mut same: Vec<&str> = ups
        .iter()
        .filter(|up| up.version == *version || up.version.cmp(version).is_eq())
        .map(|up| up.name.as_str())
        .collect();
    same.dedup();
    let described = format!("__{}", stem(file).split_once("__").unwrap_or_default().1);
    let name = match same.as_slice() {
        [one] => one,
        several => several.iter().find(|name| name.ends_with(&described)).ok_or_else(|| {
            Diagnostic::new(format!("`{}` undoes version {version}, which no `V` file has", file.path))
                .help("add the `V` file, or remove this one")
        })?,
    };
    Ok(Piece::whole(file, name, version.clone(), Direction::Down))
}

fn stem(file: &SqlFile) -> &str {
    file.name.strip_suffix(".sql").unwrap_or(&file.name)
}

fn refuse_kinds(file: &SqlFile) -> Result<(), Diagnostic> {
    let fault = |what: &str| {
        Diagnostic::new(format!("`{}` is {what}, which has no place in a fixed order", file.path))
    };
    if file.name.starts_with("R__") {
        return Err(fault("a repeatable migration").help("make each change of it a `V` file of its own"));
    }
    if file.name.starts_with('B') && split(&file.name).is_some() {
        return Err(
            fault("a baseline migration").help("keep the `V` files that it stands for, and remove it")
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::told;
    use crate::module::Format;

    #[test]
    fn refinery_reads_integers() {
        let files = [
            "U3__c.sql",
            "V10__b.sql",
            "V1__initial_schema.sql",
            "V1.5__x.sql",
            "V2__a-b.sql",
            "v4__x.sql",
            "R__v.sql",
        ];
        let (pieces, faults) = told(Format::Refinery, &files.map(|name| (name, "")));
        assert_eq!(pieces, ["U3__c@3 Up", "V10__b@10 Up", "V1__initial_schema@1 Up"]);
        let misnamed = |name| format!("`m/{name}` is not named like a migration of the format refinery");
        let repeatable =
            "`m/R__v.sql` is a repeatable migration, which has no place in a fixed order".to_owned();
        assert_eq!(
            faults,
            [misnamed("V1.5__x.sql"), misnamed("V2__a-b.sql"), misnamed("v4__x.sql"), repeatable]
        );
    }

    #[test]
    fn flyway_reads_parts_and_undos() {
        let files = [
            "U1.2__b.sql",
            "U7__x.sql",
            "V1__a b.sql",
            "V1_2__b.sql",
            "V1.10__c.sql",
            "V1_x__d.sql",
            "B5__base.sql",
        ];
        let (pieces, faults) = told(Format::Flyway, &files.map(|name| (name, "")));
        assert_eq!(pieces, ["V1__a b@1 Up", "V1_2__b@1.2 Up", "V1.10__c@1.10 Up", "V1_2__b@1.2 Down"]);
        assert_eq!(
            faults,
            [
                "`m/V1_x__d.sql` is not named like a migration of the format flyway",
                "`m/B5__base.sql` is a baseline migration, which has no place in a fixed order",
                "`m/U7__x.sql` undoes version 7, which no `V` file has",
            ]
        );
    }
}
