//! golang-migrate: `VERSION_name.up.sql` with `VERSION_name.down.sql`, and no bare file.
//!
//! By its names such a folder cannot be told from sqlx's, so this format is used only when it is
//! named; what it changes is that a bare `.sql` is an error.

use super::{Piece, SqlFile, misnamed, native};
use crate::diagnostic::Diagnostic;
use crate::module::Format;

pub(super) fn read(file: &SqlFile) -> Result<Piece, Diagnostic> {
    let expected = "`VERSION_name.up.sql` or `VERSION_name.down.sql`, with digits as VERSION";
    match native::split(&file.name) {
        Some((name, version, Some(direction))) => Ok(Piece::whole(file, name, version, direction)),
        _ => Err(misnamed(file, Format::GolangMigrate, expected)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::told;
    use crate::module::Format;

    #[test]
    fn a_bare_file_is_refused() {
        let (pieces, faults) =
            told(Format::GolangMigrate, &[("1_a.down.sql", ""), ("1_a.up.sql", ""), ("2_b.sql", "")]);
        assert_eq!(pieces, ["1_a@1 Down", "1_a@1 Up"]);
        assert_eq!(faults, ["`m/2_b.sql` is not named like a migration of the format golang-migrate"]);
    }
}
