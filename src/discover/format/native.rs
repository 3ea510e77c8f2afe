//! sqlx's layout, our own: `VERSION_name.sql`, or `VERSION_name.up.sql` with `.down.sql`.
//!
//! sqlx reads the version as `i64` and skips what it does not understand; here a version has any
//! number of digits (20-digit ones exist) and nothing is skipped. A pair and a bare file may stand in
//! one folder, since real crates have both.

use super::{Direction, Piece, SqlFile, leading_digits, misnamed};
use crate::diagnostic::Diagnostic;
use crate::id::Version;
use crate::module::Format;

pub(super) fn read(file: &SqlFile) -> Result<Piece, Diagnostic> {
    let expected =
        "`VERSION_name.sql`, or `VERSION_name.up.sql` and `VERSION_name.down.sql`, with digits as VERSION";
    split(&file.name)
        .map(|(name, version, direction)| {
            Piece::whole(file, name, version, direction.unwrap_or(Direction::Up))
        })
        .ok_or_else(|| misnamed(file, Format::Native, expected))
}

/// Name, version and what the suffix says.
pub(super) fn split(file: &str) -> Option<(&str, Version, Option<Direction>)> {
    let stem = file.strip_suffix(".sql")?;
    let (name, direction) = match stem.rsplit_once('.') {
        Some((name, "up")) => (name, Some(Direction::Up)),
        Some((name, "down")) => (name, Some(Direction::Down)),
        _ => (stem, None),
    };
    let (digits, rest) = leading_digits(name);
    let described = rest.strip_prefix('_').is_some_and(|description| !description.is_empty());
    Some((name, Version::number(digits).filter(|_| described)?, direction))
}

#[cfg(test)]
mod tests {
    use super::super::tests::told;
    use crate::module::Format;

    #[test]
    fn names() {
        let cases = [
            ("20180101115739_create_users.sql", Some("20180101115739_create_users@20180101115739 Up")),
            ("001_a.up.sql", Some("001_a@001 Up")),
            ("001_a.down.sql", Some("001_a@001 Down")),
            ("18446744073709551616_x.v2-é.sql", Some("18446744073709551616_x.v2-é@18446744073709551616 Up")),
            ("1_a.SQL", None),
            ("a.sql", None),
            ("1.sql", None),
            ("1_.sql", None),
            ("1-a.sql", None),
            ("-1_a.sql", None),
            ("+1_a.sql", None),
            (".sql", None),
        ];
        for (name, wanted) in cases {
            let (pieces, faults) = told(Format::Native, &[(name, "")]);
            assert_eq!(pieces.first().map(String::as_str), wanted, "{name}");
            assert_eq!(faults.is_empty(), wanted.is_some(), "{name}");
        }
    }
}
