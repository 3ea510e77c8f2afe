//! Which releases were at work here after one that they do not know had run: a deploy that was taken back.
//!
//! A run writes the positions of the rows that its lock does not name into its row, in front of the reason. From the first such
//! run on, the runs are read in their order. What follows from it for a deploy belongs to `plan`.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::{History, Row};

/// The word in front of the positions.
const WORD: &str = "lacks";

/// The positions of rows that a lock does not name: `lacks 3-5 8`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lacks(Vec<RangeInclusive<i64>>);

impl Lacks {
    /// From positions in ascending order.
    pub fn of(positions: impl IntoIterator<Item = i64>) -> Self {
        let mut ranges: Vec<RangeInclusive<i64>> = Vec::new();
        for position in positions {
            match ranges.last_mut() {
                Some(last) if last.end() + 1 == position => *last = *last.start()..=position,
                _ => ranges.push(position..=position),
            }
        }
        Self(ranges)
    }

    /// What the reason of a run says.
    pub fn of_reason(reason: &str) -> Self {
        let words = reason.strip_prefix(WORD).and_then(|rest| rest.strip_prefix(' '));
        let positions = words.map(|words| words.split(';').next().unwrap_or_default());
        positions.and_then(|positions| positions.parse().ok()).unwrap_or_default()
    }

    /// In front of why a run is made.
    pub fn with_reason(&self, reason: Option<String>) -> Option<String> {
        if self.is_empty() {
            return reason;
        }
        Some(match reason {
            Some(reason) => format!("{WORD} {self}; {reason}"),
            None => format!("{WORD} {self}"),
        })
    }

    /// Whether nothing is lacking.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many rows.
    pub fn len(&self) -> i64 {
        self.0.iter().map(|range| range.end() - range.start() + 1).sum()
    }

    /// Whether the row at that position is one of them.
    pub fn contains(&self, position: i64) -> bool {
        self.0.iter().any(|range| range.contains(&position))
    }
}

impl fmt::Display for Lacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, range) in self.0.iter().enumerate() {
            let gap = if n == 0 { "" } else { " " };
            match (range.start(), range.end()) {
                (start, end) if start == end => write!(f, "{gap}{start}")?,
                (start, end) => write!(f, "{gap}{start}-{end}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for Lacks {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let range = |word: &str| {
            let (start, end) = word.split_once('-').unwrap_or((word, word));
            Ok(start.parse()?..=end.parse()?)
        };
        text.split_whitespace().map(range).collect::<Result<_, _>>().map(Self)
    }
}

/// A run, as those after it need to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its id.
    pub run: String,
    /// Its release, if that is known.
    pub release: Option<String>,
    /// The rows that were here and that it does not know.
    pub lacks: Lacks,
}

/// That a release without a row was at work after it ran.
#[derive(Clone, Copy, Debug)]
pub struct PutBack<'a> {
    /// That release, the last one.
    pub by: &'a Seen,
    /// The first one after it, which has it.
    pub next: Option<&'a Seen>,
}

impl History {
    /// With the runs in their order. Those before the first one that lacks something say nothing.
    pub fn set_seen(&mut self, runs: impl IntoIterator<Item = Seen>) {
        self.seen = runs.into_iter().skip_while(|run| run.lacks.is_empty()).collect();
    }

    /// Whether a release without a row was at work after it ran.
    pub fn put_back(&self, row: &Row) -> Option<PutBack<'_>> {
        let back = self.seen.iter().rposition(|seen| seen.lacks.contains(row.position))?;
        let ran_since = self.seen[back..].iter().any(|seen| seen.run == row.run);
        (!ran_since).then(|| PutBack { by: &self.seen[back], next: self.seen.get(back + 1) })
    }

    /// What the newest run lacked.
    pub fn last_lacked(&self) -> Lacks {
        self.seen.last().map(|seen| seen.lacks.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_kept_in_front_of_the_reason() {
        let lacks = Lacks::of([3, 4, 5, 8]);
        assert_eq!((lacks.to_string().as_str(), lacks.len()), ("3-5 8", 4));
        for reason in [None, Some("execute a::b --up: because; of that".to_owned())] {
            assert_eq!(Lacks::of_reason(&lacks.with_reason(reason).unwrap()), lacks);
        }
        assert!(lacks.contains(4) && lacks.contains(8) && !lacks.contains(6));
        assert_eq!(Lacks::default().with_reason(None), None);
        for other in ["", "lacks", "lacks a column", "lacksome 3", "why: lacks 3"] {
            assert!(Lacks::of_reason(other).is_empty(), "{other}");
        }
    }
}
