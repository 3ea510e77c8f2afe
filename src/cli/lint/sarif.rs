//! Findings as SARIF 2.1.0 and as annotations of a GitHub workflow.
//!
//! Files are named from the root of the repository, since both are read there. What a file allows, and what does
//! not count since its table is small, is a suppressed result.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::config::{Lint, Severity};
use crate::diagnostic::{Frame, line_column};
use crate::lint::{Finding, RULES, Rule, severity};

const DOCS: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/lint");

/// The page of a rule.
pub(super) fn page(rule: &Rule) -> String {
    format!("{DOCS}/{}.md", rule.name)
}

/// A whole log.
pub(super) fn log(findings: &[Finding], config: &Lint, prefix: &str) -> Value {
    let rules: Vec<Value> = RULES.iter().map(|rule| descriptor(rule, config)).collect();
    let results: Vec<Value> = findings.iter().filter_map(|finding| result(finding, config, prefix)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "db-migrations",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            } },
            "automationDetails": { "id": "db-migrations/lint/" },
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": { "SRCROOT": { "description": { "text": "the root of the repository" } } },
            "results": results,
        }],
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Off => "none",
        Severity::Warn => "warning",
        Severity::Error => "error",
    }
}

fn descriptor(rule: &Rule, config: &Lint) -> Value {
    let weight = severity(rule, config);
    json!({
        "id": rule.name,
        "shortDescription": { "text": rule.about },
        "helpUri": page(rule),
        "help": { "text": format!("{}: see {}", rule.about, page(rule)) },
        "defaultConfiguration": { "level": level(weight), "enabled": weight != Severity::Off },
    })
}

fn result(finding: &Finding, config: &Lint, prefix: &str) -> Option<Value> {
    let weight = severity(finding.rule, config);
    if weight == Severity::Off {
        return None;
    }
    let frame = finding.diagnostic.frames.first();
    let location = frame.map(|frame| {
        json!({
            "physicalLocation": {
                "artifactLocation": { "uri": uri(&format!("{prefix}{}", frame.path)), "uriBaseId": "SRCROOT" },
                "region": region(frame),
            },
            "logicalLocations": [{ "fullyQualifiedName": finding.id.as_str(), "kind": "module" }],
        })
    });
    let suppression = match (&finding.allowed, finding.is_small) {
        (Some(reason), _) => Some(json!({ "kind": "inSource", "justification": reason })),
        (None, true) => Some(json!({ "kind": "external", "justification": "the table is small" })),
        (None, false) => None,
    };
    let fingerprint = format!("{}:{}:{}", finding.rule.name, finding.id, finding.diagnostic.message);
    Some(json!({
        "ruleId": finding.rule.name,
        "ruleIndex": RULES.iter().position(|rule| rule.name == finding.rule.name),
        "level": level(weight),
        "message": { "text": text(finding) },
        "locations": location.into_iter().collect::<Vec<_>>(),
        "partialFingerprints": { "finding/v1": crate::id::Checksum::of(fingerprint.as_bytes()).to_string() },
        "suppressions": suppression.into_iter().collect::<Vec<_>>(),
    }))
}

/// Everything that is said of a finding, line by line.
fn text(finding: &Finding) -> String {
    let diagnostic = &finding.diagnostic;
    let notes = diagnostic.notes.iter().map(|note| format!("note: {note}"));
    let help = diagnostic.help.iter().map(|help| format!("help: {help}"));
    let lines = std::iter::once(diagnostic.message.clone()).chain(notes).chain(help);
    lines.collect::<Vec<_>>().join("\n")
}

/// First and last line and column of the marked bytes; the last column stands behind them.
pub(super) fn places(frame: &Frame) -> [usize; 4] {
    let (line, column) = frame.line_column();
    let (end_line, end_column) = line_column(&frame.source, frame.span.end);
    [line, column, end_line + frame.lines_before, end_column]
}

fn region(frame: &Frame) -> Value {
    let [line, column, end_line, end_column] = places(frame);
    json!({ "startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column })
}

/// A path as a relative URI.
fn uri(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.replace('\\', "/").bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                text.push(byte.into());
            }
            _ => _ = write!(text, "%{byte:02X}"),
        }
    }
    text
}

/// Lines that GitHub shows beside the file.
pub(super) fn annotations(findings: &[Finding], config: &Lint, prefix: &str) -> Vec<String> {
    let shown = findings.iter().filter_map(|finding| {
        let word = match finding.severity(config) {
            Severity::Off => return None,
            Severity::Warn => "warning",
            Severity::Error => "error",
        };
        let place = finding.diagnostic.frames.first().map(|frame| {
            let [line, column, end_line, end_column] = places(frame);
            let file = property(&format!("{prefix}{}", frame.path));
            // columns count only within one line
            let columns = if line == end_line {
                format!(",col={column},endColumn={end_column}")
            } else {
                String::new()
            };
            format!("file={file},line={line},endLine={end_line}{columns},")
        });
        let title = property(&format!("{} in {}", finding.rule.name, finding.id));
        Some(format!("::{word} {}title={title}::{}", place.unwrap_or_default(), message(&text(finding))))
    });
    shown.collect()
}

fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::{property, uri};

    #[test]
    fn paths_and_properties_are_escaped() {
        assert_eq!(uri("a b/ä.sql"), "a%20b/%C3%A4.sql");
        assert_eq!(property("a::b, 100%\n"), "a%3A%3Ab%2C 100%25%0A");
    }
}
