//! Rows of a tool's table → what ran. What the tool itself calls unfinished is a fault.

use crate::diagnostic::Diagnostic;

use super::{Proof, Tool};

/// A version that ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// The version as the tool stores it.
    pub version: String,
    /// What it calls the migration, where it does.
    pub name: Option<String>,
    /// When, in RFC 3339, where it says so.
    pub at: Option<String>,
    /// How long, in milliseconds, where it says so.
    pub milliseconds: Option<i64>,
    /// What proves its text.
    pub proof: Proof,
    /// It stands for every lower version, too.
    pub and_lower: bool,
}

impl Ran {
    fn new(version: &str) -> Self {
        Self {
            version: version.to_owned(),
            name: None,
            at: None,
            milliseconds: None,
            proof: Proof::None,
            and_lower: false,
        }
    }
}

/// A row: the columns of [`Tool::columns`], as text.
type Row = Vec<Option<String>>;

/// What the rows say has run, or all that forbids to take it over.
pub fn read(tool: Tool, rows: &[Row]) -> Result<Vec<Ran>, Vec<Diagnostic>> {
    let mut ran: Vec<Ran> = Vec::new();
    let mut faults = Vec::new();
    for row in rows {
        let text = |n: usize| row.get(n).and_then(Option::as_deref);
        let Some(version) = text(0) else { continue }; // Flyway's repeatable ones
        let known = Ran::new(version);
        match tool {
            Tool::Sqlx if !yes(text(3)) => faults.push(unfinished(tool, version, text(1))),
            Tool::Sqlx => ran.push(Ran {
                name: text(1).map(str::to_owned),
                at: text(2).and_then(time),
                milliseconds: number(text(5)).filter(|ns| *ns >= 0).map(|ns| ns / 1_000_000),
                proof: Proof::Sha384(text(4).unwrap_or_default().to_ascii_lowercase()),
                ..known
            }),
            Tool::Refinery => ran.push(Ran {
                name: text(1).map(str::to_owned),
                at: text(2).and_then(time),
                proof: Proof::Sip(text(3).unwrap_or_default().to_owned()),
                ..known
            }),
            Tool::Diesel => ran.push(Ran { at: text(1).and_then(time), ..known }),
            Tool::SeaOrm => ran.push(Ran { at: number(text(1)).and_then(seconds), ..known }),
            Tool::Dbmate => ran.push(known),
            Tool::Goose => {
                // rows of older versions say that it was undone: the newest row of a version counts
                ran.retain(|old| old.version != version);
                if yes(text(1)) && version != "0" {
                    ran.push(Ran { at: text(2).and_then(time), ..known });
                }
            }
            Tool::GolangMigrate if yes(text(1)) => faults.push(unfinished(tool, version, None)),
            Tool::GolangMigrate => ran.push(Ran { and_lower: true, ..known }),
            Tool::Flyway => flyway(known, &text, &mut ran, &mut faults),
            Tool::Doctrine => {
                ran.push(Ran { at: text(1).and_then(time), milliseconds: number(text(2)), ..known });
            }
        }
    }
    if faults.is_empty() { Ok(ran) } else { Err(faults) }
}

fn flyway<'a>(
    known: Ran,
    text: &dyn Fn(usize) -> Option<&'a str>,
    ran: &mut Vec<Ran>,
    faults: &mut Vec<Diagnostic>,
) {
    if !yes(text(6)) {
        return faults.push(unfinished(Tool::Flyway, &known.version, text(1)));
    }
    let kind = text(2).unwrap_or_default();
    if kind.starts_with("UNDO") || kind == "DELETE" {
        return ran.retain(|old| old.version != known.version);
    }
    if kind == "SCHEMA" {
        return;
    }
    let checksum = text(3).and_then(|sum| sum.parse().ok());
    ran.push(Ran {
        name: text(1).map(str::to_owned),
        at: text(4).and_then(time),
        milliseconds: number(text(5)),
        proof: checksum.map_or(Proof::None, Proof::Crc),
        and_lower: kind.contains("BASELINE"),
        ..known
    });
}

fn unfinished(tool: Tool, version: &str, name: Option<&str>) -> Diagnostic {
    let name = name.map(|name| format!(" (`{name}`)")).unwrap_or_default();
    let word = if tool == Tool::Flyway { "failed" } else { "dirty" };
    Diagnostic::new(format!("version {version}{name} did not end well: {} calls it {word}", tool.name()))
        .help(format!("mend the database and {}'s row first", tool.name()))
}

fn yes(text: Option<&str>) -> bool {
    text.is_some_and(|text| matches!(text, "1" | "t" | "true" | "\u{1}"))
}

fn number(text: Option<&str>) -> Option<i64> {
    text?.trim().parse().ok()
}

/// A time in any of the spellings of the tools; one without a zone is UTC.
fn time(text: &str) -> Option<String> {
    let text = text.trim();
    let at = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })?;
    Some(at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

fn seconds(seconds: i64) -> Option<String> {
    let at = jiff::Timestamp::from_second(seconds).ok()?;
    Some(at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(lines: &[&str]) -> Vec<Row> {
        let cell = |text: &str| (text != "-").then(|| text.to_owned());
        lines.iter().map(|line| line.split('|').map(cell).collect()).collect()
    }

    fn versions(tool: Tool, lines: &[&str]) -> Vec<String> {
        read(tool, &rows(lines)).unwrap().into_iter().map(|ran| ran.version).collect()
    }

    #[test]
    fn the_newest_word_on_a_version_counts() {
        let goose = ["0|1|-", "1|1|-", "2|1|-", "1|0|-", "3|t|2024-01-02 03:04:05"];
        assert_eq!(versions(Tool::Goose, &goose), ["2", "3"]);
        let flyway = [
            "1|a|SQL|5|-|1|1",
            "2|b|SQL|6|-|1|1",
            "2|b|UNDO_SQL|7|-|1|1",
            "-|r|SQL|8|-|1|1",
            "3|c|JDBC|-|-|1|true",
            "3|c|DELETE|-|-|1|true",
        ];
        assert_eq!(versions(Tool::Flyway, &flyway), ["1"]);
    }

    #[test]
    fn what_the_tool_calls_unfinished_is_refused() {
        for (tool, line) in
            [(Tool::Sqlx, "1|x|-|0|ab|1"), (Tool::GolangMigrate, "1|t"), (Tool::Flyway, "1|a|SQL|5|-|1|f")]
        {
            assert_eq!(read(tool, &rows(&[line])).unwrap_err().len(), 1, "{tool:?}");
        }
    }

    #[test]
    fn times_of_all_tools_are_understood() {
        for text in ["2024-01-02T03:04:05Z", "2024-01-02 03:04:05", "2024-01-02T04:04:05+01:00"] {
            assert_eq!(time(text).as_deref(), Some("2024-01-02T03:04:05.000Z"), "{text}");
        }
        assert_eq!(seconds(1_704_164_645).as_deref(), Some("2024-01-02T03:04:05.000Z"));
        assert_eq!(time("yesterday"), None);
    }
}
