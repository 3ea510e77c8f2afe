//! Git's conflict markers: the sides of a text that has them, and a text with them.
//!
//! The styles `merge`, `diff3` and `zdiff3` are read. In the first the base is not known.

use similar::{ChangeTag, TextDiff};

use super::super::text::Document;

/// The sides of a text with conflict markers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unmarked {
    /// The common ancestor, if every conflict shows it.
    pub base: Option<String>,
    /// Our side.
    pub ours: String,
    /// Their side.
    pub theirs: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Shared,
    Ours,
    Base,
    Theirs,
}

/// Takes a text with markers apart; `None` when it has none, or they do not fit together.
pub fn unmarked(text: &str) -> Option<Unmarked> {
    let mut sides = Unmarked { base: Some(String::new()), ..Unmarked::default() };
    let mut part = Part::Shared;
    let (mut conflicts, mut bases) = (0, 0);
    for line in text.split_inclusive('\n') {
        part = match (marker(line), part) {
            (Some('<'), Part::Shared) => {
                conflicts += 1;
                Part::Ours
            }
            (Some('|'), Part::Ours) => {
                bases += 1;
                Part::Base
            }
            (Some('='), Part::Ours | Part::Base) => Part::Theirs,
            (Some('>'), Part::Theirs) => Part::Shared,
            (Some(_), _) => return None,
            (None, part) => {
                if matches!(part, Part::Shared | Part::Ours) {
                    sides.ours.push_str(line);
                }
                if matches!(part, Part::Shared | Part::Theirs) {
                    sides.theirs.push_str(line);
                }
                if let (Part::Shared | Part::Base, Some(base)) = (part, &mut sides.base) {
                    base.push_str(line);
                }
                part
            }
        };
    }
    sides.base = sides.base.filter(|_| bases == conflicts);
    (conflicts > 0 && part == Part::Shared).then_some(sides)
}

/// Whether any line is a marker, of a conflict that is whole or not.
pub fn has_markers(text: &str) -> bool {
    text.lines().any(|line| marker(line).is_some())
}

/// The sign of a marker line. Longer ones belong to a merge within the merge.
fn marker(line: &str) -> Option<char> {
    let sign = line.chars().next().filter(|sign| "<|=>".contains(*sign))?;
    let rest = line.trim_start_matches(sign);
    let length = line.len() - rest.len();
    (length == 7 && (rest.is_empty() || rest.starts_with([' ', '\r', '\n']))).then_some(sign)
}

/// One text with markers where two differ. If their orders differ there is one conflict only: the parts of
/// a moved line are never to be chosen one by one.
pub fn marked(ours: &str, theirs: &str) -> String {
    let keys = |text: &str| {
        Document::parse("", text)
            .map(|document| document.lock().entries.keys().cloned().collect::<Vec<_>>())
            .ok()
    };
    let apart = keys(ours).zip(keys(theirs)).is_some_and(|(ours, theirs)| ours == theirs);
    let diff = TextDiff::from_lines(ours, theirs);
    let lines: Vec<(ChangeTag, &str)> =
        diff.iter_all_changes().map(|change| (change.tag(), change.value())).collect();
    let different = |(tag, _): &(ChangeTag, &str)| *tag != ChangeTag::Equal;
    let first = lines.iter().position(different).unwrap_or(lines.len());
    let last = lines.iter().rposition(different).unwrap_or_default();
    let mut text = String::new();
    let mut conflict = (String::new(), String::new());
    for (at, (tag, line)) in lines.into_iter().enumerate() {
        let within = (first..=last).contains(&at);
        match tag {
            ChangeTag::Equal if within && !apart => {
                push(&mut conflict.0, line);
                push(&mut conflict.1, line);
            }
            ChangeTag::Equal => {
                close(&mut text, &mut conflict);
                push(&mut text, line);
            }
            ChangeTag::Delete => push(&mut conflict.0, line),
            ChangeTag::Insert => push(&mut conflict.1, line),
        }
    }
    close(&mut text, &mut conflict);
    text
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    if !line.ends_with('\n') {
        text.push('\n');
    }
}

fn close(text: &mut String, conflict: &mut (String, String)) {
    let (ours, theirs) = std::mem::take(conflict);
    if ours.is_empty() && theirs.is_empty() {
        return;
    }
    text.push_str("<<<<<<< ours\n");
    text.push_str(&ours);
    text.push_str("=======\n");
    text.push_str(&theirs);
    text.push_str(">>>>>>> theirs\n");
}
