//! goose: `-- +goose Up` and `-- +goose Down` in one file.
//!
//! An annotation is a line that begins with `--` and holds `+goose`. Nothing but the split into
//! sections is done here: `StatementBegin` and `StatementEnd` are comments to our splitter, which
//! needs no help. `NO TRANSACTION` counts for the file; `ENVSUB ON` would make the text depend on the
//! machine and is refused. The version is at least 1, as there.

use std::ops::Range;

use super::section::{Line, fault, file_fault, lines, preamble, script};
use super::{Direction, Piece, SqlFile, leading_digits, misnamed};
use crate::diagnostic::{Diagnostic, nearest};
use crate::id::Version;
use crate::module::Format;

const WORDS: [&str; 7] =
    ["UP", "DOWN", "STATEMENTBEGIN", "STATEMENTEND", "NO TRANSACTION", "ENVSUB ON", "ENVSUB OFF"];

/// Whether an annotation stands in the text.
pub(super) fn is_marked(text: &str) -> bool {
    lines(text).any(|line| annotation(line.text).is_some())
}

/// The words of an annotation, in capitals.
fn annotation(line: &str) -> Option<String> {
    let (before, words) = line.strip_prefix("--")?.split_once("+goose")?;
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase();
    Some(if before.trim().is_empty() { words } else { format!("{} {words}", before.trim()) })
}

pub(super) fn read(file: &SqlFile) -> Result<Vec<Piece>, Diagnostic> {
    let name = file.name.strip_suffix(".sql").unwrap_or_default();
    let (digits, rest) = leading_digits(name);
    let version =
        Version::number(digits).filter(|version| version.canonical() != "0" && rest.starts_with('_'));
    let Some(version) = version else {
        return Err(misnamed(file, Format::Goose, "`VERSION_name.sql`, with a number from 1 as VERSION"));
    };
    let mut sections = Sections::default();
    for line in lines(&file.text) {
        sections.take(file, &line)?;
    }
    let (first, up, down) = sections.finish(file)?;
    let preamble = preamble(file, first);
    let pieces =
        [(Direction::Up, Some(up)), (Direction::Down, down)].into_iter().filter_map(|(direction, part)| {
            let mut piece = Piece::whole(file, name, version.clone(), direction);
            piece.script = script(file, &[part?]);
            piece.script.no_transaction = sections.no_transaction;
            piece.preamble = Some(preamble.clone());
            Some(piece)
        });
    Ok(pieces.collect())
}

/// What the lines read so far say.
#[derive(Default)]
struct Sections {
    /// The line of `Up`.
    up: Option<Range<usize>>,
    /// The line of `Down`.
    down: Option<Range<usize>>,
    /// The line of an open `StatementBegin`.
    statement: Option<Range<usize>>,
    no_transaction: bool,
}

impl Sections {
    fn take(&mut self, file: &SqlFile, line: &Line<'_>) -> Result<(), Diagnostic> {
        let span = line.span.clone();
        let Some(words) = annotation(line.text) else {
            if self.up.is_none() && line.is_statement() {
                return Err(fault(file, span, "a statement stands before `-- +goose Up`"));
            }
            return Ok(());
        };
        let wrong = |message: &str| Err(fault(file, span.clone(), message));
        match words.as_str() {
            "UP" if self.up.is_some() => return wrong("a second `-- +goose Up`"),
            "UP" => self.up = Some(span),
            "DOWN" if self.up.is_none() => return wrong("`-- +goose Down` stands before `-- +goose Up`"),
            "DOWN" if self.down.is_some() => return wrong("a second `-- +goose Down`"),
            "DOWN" if self.statement.is_some() => return wrong("`-- +goose Down` inside of a statement"),
            "DOWN" => self.down = Some(span),
            "STATEMENTBEGIN" if self.statement.is_some() || self.up.is_none() => {
                return wrong("`-- +goose StatementBegin` is out of place");
            }
            "STATEMENTBEGIN" => self.statement = Some(span),
            "STATEMENTEND" if self.statement.is_none() => {
                return wrong("`-- +goose StatementEnd` without a begin");
            }
            "STATEMENTEND" => self.statement = None,
            "NO TRANSACTION" => self.no_transaction = true,
            "ENVSUB OFF" => {}
            "ENVSUB ON" => {
                return Err(fault(file, span, "`-- +goose ENVSUB ON` is not supported")
                    .help("a migration must be the same text on every machine: write the values out"));
            }
            unknown => return Err(unknown_annotation(file, span, unknown)),
        }
        Ok(())
    }

    /// Where `Up` stands, and the two sections.
    #[expect(clippy::type_complexity, reason = "three parts, taken apart at once")]
    fn finish(&self, file: &SqlFile) -> Result<(usize, Range<usize>, Option<Range<usize>>), Diagnostic> {
        if let Some(open) = &self.statement {
            return Err(fault(file, open.clone(), "`-- +goose StatementBegin` is never ended"));
        }
        let Some(up) = &self.up else {
            return Err(file_fault(file, format!("`{}` has no `-- +goose Up`", file.path)));
        };
        let end = file.text.len();
        let up_end = self.down.as_ref().map_or(end, |down| down.start);
        Ok((up.start, up.end..up_end, self.down.as_ref().map(|down| down.end..end)))
    }
}

fn unknown_annotation(file: &SqlFile, span: Range<usize>, words: &str) -> Diagnostic {
    let fault = fault(file, span, "unknown goose annotation");
    match nearest(words, WORDS) {
        Some(word) => fault.help(format!("did you mean `-- +goose {word}`?")),
        None => fault.help("goose knows Up, Down, StatementBegin, StatementEnd, NO TRANSACTION and ENVSUB"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::file;
    use super::*;

    #[test]
    fn sections_keep_their_lines() {
        let text = "-- about\n-- +goose NO TRANSACTION\n-- +goose Up\n-- +goose StatementBegin\na;\n-- +goose StatementEnd\n--   +goose   down\nb;";
        let pieces = read(&file("00001_a.sql", text)).unwrap();
        let [up, down] = pieces.as_slice() else { panic!("{pieces:?}") };
        assert_eq!((up.name.as_str(), up.version.to_string().as_str()), ("00001_a", "00001"));
        assert_eq!(up.script.text.as_ref(), "-- +goose StatementBegin\na;\n-- +goose StatementEnd\n");
        assert_eq!((up.script.lines_before, up.script.no_transaction), (3, true));
        assert_eq!((down.script.text.as_ref(), down.script.lines_before), ("b;", 7));
        assert_eq!(read(&file("1_a.sql", "-- +goose Up")).unwrap().len(), 1, "Down is optional");
    }

    #[test]
    fn faults() {
        let cases = [
            ("", "`m/1_a.sql` has no `-- +goose Up`"),
            ("-- +goose Down\n", "`-- +goose Down` stands before `-- +goose Up`"),
            ("-- +goose Up\n-- +goose Up\n", "a second `-- +goose Up`"),
            ("-- +goose Up\n-- +goose StatementBegin\n", "`-- +goose StatementBegin` is never ended"),
            ("-- +goose Up\n-- +goose StatementEnd\n", "`-- +goose StatementEnd` without a begin"),
            ("-- +goose Upp\n", "unknown goose annotation"),
            ("-- see +goose Up\n", "unknown goose annotation"),
            ("-- +goose ENVSUB ON\n", "`-- +goose ENVSUB ON` is not supported"),
            ("SELECT 1;\n-- +goose Up\n", "a statement stands before `-- +goose Up`"),
        ];
        for (text, message) in cases {
            assert_eq!(read(&file("1_a.sql", text)).unwrap_err().message, message, "{text}");
        }
        for name in ["0_a.sql", "a.sql", "1.sql", "1a_b.sql"] {
            assert!(read(&file(name, "-- +goose Up\n")).is_err(), "{name}");
        }
    }
}
