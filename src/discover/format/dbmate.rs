//! dbmate: `-- migrate:up` and `-- migrate:down` in one file.
//!
//! The version is the digits at the start of the name. Both sections are required, up first; before
//! the first one only comments may stand; a file may hold several pairs, whose ups run as one text.
//! `transaction:false` on a marker's line is the only option that dbmate knows.

use std::ops::Range;

use super::section::{Line, fault, file_fault, lines, preamble, script};
use super::{Direction, Piece, SqlFile, leading_digits, misnamed};
use crate::diagnostic::{Diagnostic, nearest};
use crate::id::Version;
use crate::module::Format;

/// Whether a marker stands in the text.
pub(super) fn is_marked(text: &str) -> bool {
    lines(text).any(|line| marker(line.text).is_some())
}

/// The direction and the options of a marker's line.
fn marker(line: &str) -> Option<(Direction, &str)> {
    let rest = line.strip_prefix("--")?.trim_start().strip_prefix("migrate:")?;
    let (direction, options) = match (rest.strip_prefix("up"), rest.strip_prefix("down")) {
        (Some(options), _) => (Direction::Up, options),
        (_, Some(options)) => (Direction::Down, options),
        _ => return None,
    };
    (options.is_empty() || options.starts_with(char::is_whitespace)).then_some((direction, options))
}

#[derive(Default)]
struct Section {
    parts: Vec<Range<usize>>,
    no_transaction: bool,
}

#[derive(Default)]
struct Sections {
    up: Section,
    down: Section,
    /// Where the first one begins.
    first: Option<usize>,
}

impl Sections {
    fn of(&mut self, direction: Direction) -> &mut Section {
        match direction {
            Direction::Up => &mut self.up,
            Direction::Down => &mut self.down,
        }
    }
}

pub(super) fn read(file: &SqlFile) -> Result<Vec<Piece>, Diagnostic> {
    let name = file.name.strip_suffix(".sql");
    let version = name.and_then(|name| Version::number(leading_digits(name).0));
    let (Some(name), Some(version)) = (name, version) else {
        return Err(misnamed(file, Format::Dbmate, "`VERSION_name.sql`, with digits as VERSION"));
    };
    let sections = sections(file)?;
    let preamble = preamble(file, sections.first.unwrap_or(0));
    let piece = |direction, section: &Section| {
        let mut piece = Piece::whole(file, name, version.clone(), direction);
        piece.script = script(file, &section.parts);
        piece.script.no_transaction = section.no_transaction;
        piece.preamble = Some(preamble.clone());
        piece
    };
    Ok(vec![piece(Direction::Up, &sections.up), piece(Direction::Down, &sections.down)])
}

fn sections(file: &SqlFile) -> Result<Sections, Diagnostic> {
    let mut sections = Sections::default();
    let mut current = None;
    for line in lines(&file.text) {
        if let Some((direction, options)) = marker(line.text) {
            if sections.first.is_none() && direction == Direction::Down {
                return Err(fault(file, line.span, "`-- migrate:down` stands before `-- migrate:up`"));
            }
            sections.first.get_or_insert(line.span.start);
            current = Some(direction);
            let no_transaction = no_transaction(file, &line, options)?;
            let section = sections.of(direction);
            section.no_transaction |= no_transaction;
            section.parts.push(line.span.end..line.span.end);
        } else if let Some(direction) = current {
            if let Some(part) = sections.of(direction).parts.last_mut() {
                part.end = line.span.end;
            }
        } else if line.is_statement() {
            return Err(fault(file, line.span, "a statement stands before `-- migrate:up`")
                .help("only comments may stand there: dbmate runs nothing of it"));
        }
    }
    match (sections.first, sections.down.parts.is_empty()) {
        (Some(_), false) => Ok(sections),
        (None, _) => Err(file_fault(file, format!("`{}` has no `-- migrate:up`", file.path))),
        (Some(_), true) => Err(file_fault(file, format!("`{}` has no `-- migrate:down`", file.path))
            .help("dbmate asks for both; the section may be empty")),
    }
}

/// Reads `key:value` options.
fn no_transaction(file: &SqlFile, line: &Line<'_>, options: &str) -> Result<bool, Diagnostic> {
    let mut off = false;
    for option in options.split_whitespace() {
        match option {
            "transaction:false" => off = true,
            "transaction:true" => off = false,
            _ => {
                let unknown = fault(file, line.span.clone(), format!("unknown option `{option}`"));
                let near =
                    nearest(option, ["transaction:false", "transaction:true"]).unwrap_or("transaction:false");
                return Err(unknown.help(format!("dbmate knows only `{near}`")));
            }
        }
    }
    Ok(off)
}

#[cfg(test)]
mod tests {
    use super::super::tests::file;
    use super::*;

    #[test]
    fn sections_keep_their_lines() {
        let text =
            "-- about\n\n-- migrate:up transaction:false\nCREATE INDEX;\n\n--migrate:down\nDROP INDEX;\n";
        let pieces = read(&file("20180101_a.sql", text)).unwrap();
        let [up, down] = pieces.as_slice() else { panic!("{pieces:?}") };
        assert_eq!((up.name.as_str(), up.version.to_string().as_str()), ("20180101_a", "20180101"));
        assert_eq!((up.script.text.as_ref(), up.script.lines_before), ("CREATE INDEX;\n\n", 3));
        assert_eq!((down.script.text.as_ref(), down.script.lines_before), ("DROP INDEX;\n", 6));
        assert_eq!((up.script.no_transaction, down.script.no_transaction), (true, false));
        assert_eq!(up.preamble.as_ref().unwrap().text.as_ref(), "-- about\n\n");
    }

    #[test]
    fn several_pairs_are_one_text() {
        let text = "-- migrate:up\na;\n-- migrate:down\nz;\n-- migrate:up\nb;\n-- migrate:down\ny;\n";
        let pieces = read(&file("1_a.sql", text)).unwrap();
        assert_eq!(pieces[0].script.text.as_ref(), "a;\n\n\n\nb;\n");
        assert_eq!(pieces[1].script.text.as_ref(), "z;\n\n\n\ny;\n");
    }

    #[test]
    fn faults() {
        let cases = [
            ("", "`m/1_a.sql` has no `-- migrate:up`", 1),
            ("-- migrate:up\n", "`m/1_a.sql` has no `-- migrate:down`", 1),
            ("-- migrate:upwards\n", "`m/1_a.sql` has no `-- migrate:up`", 1),
            ("\n-- migrate:down\n-- migrate:up\n", "`-- migrate:down` stands before `-- migrate:up`", 2),
            ("SELECT 1;\n-- migrate:up\n-- migrate:down\n", "a statement stands before `-- migrate:up`", 1),
            ("-- migrate:up transaction:fals\n-- migrate:down\n", "unknown option `transaction:fals`", 1),
        ];
        for (text, message, line) in cases {
            let fault = read(&file("1_a.sql", text)).unwrap_err();
            assert_eq!((fault.message.as_str(), fault.frames[0].line_column().0), (message, line), "{text}");
        }
        assert!(read(&file("a.sql", "")).is_err());
    }
}
