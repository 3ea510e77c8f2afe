//! The mark: who switched maintenance mode on, since when, and whether that one is still alive.
//!
//! It is a line of JSON, in a file or in Redis. A text that is none of ours (a file that somebody has touched)
//! is a mark by hand. Its times are those of the clock of who wrote it; what stores it, this does not know.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// So many beats may be missed: a mark whose last one is longer ago counts as gone.
pub const MISSED: u32 = 4;

/// Who has put a mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// A person, to stay until it is taken away.
    #[default]
    Hand,
    /// `maintenance run`, for as long as its command runs.
    Command,
    /// A run on the database.
    Run,
}

/// What says that maintenance mode is on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Mark {
    /// Who has put it.
    pub owner: Owner,
    /// Whose it is: nobody else has this word.
    pub token: String,
    /// The user and the machine.
    #[serde(default)]
    pub by: String,
    /// Since when it is on, in RFC 3339.
    #[serde(default)]
    pub since: String,
    /// The last sign of life, in RFC 3339.
    #[serde(default)]
    pub beat: String,
    /// The seconds between two of them.
    #[serde(default)]
    pub heartbeat: u64,
    /// It stays without any: a run left something behind, or a person wants it so.
    #[serde(default)]
    pub kept: bool,
    /// The run, as the history knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Why, for who looks after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What users of the application are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// After how many seconds they may try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

impl Mark {
    /// A mark from now on.
    pub fn new(owner: Owner, by: &str, heartbeat: Duration) -> Self {
        let now = Timestamp::now();
        Self {
            owner,
            token: crate::run_id::random(),
            by: by.to_owned(),
            since: format!("{now:.0}"),
            beat: format!("{now:.3}"),
            heartbeat: heartbeat.as_secs().max(1),
            kept: owner == Owner::Hand,
            ..Self::default()
        }
    }

    /// The mark that a text is; whatever is none of ours was put by hand.
    pub fn of_text(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_else(|_| Self { kept: true, ..Self::default() })
    }

    /// Its text.
    pub fn text(&self) -> String {
        // strings, numbers and booleans can always be written
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }

    /// With a sign of life.
    #[must_use]
    pub fn beating(&self) -> Self {
        Self { beat: format!("{:.3}", Timestamp::now()), ..self.clone() }
    }

    /// How long its last sign of life counts; `None`: for ever.
    pub fn lives(&self) -> Option<Duration> {
        (!self.kept).then(|| Duration::from_secs(self.heartbeat.max(1)).saturating_mul(MISSED))
    }

    /// Whether that time is over. A clock may differ to either side.
    pub(super) fn is_stale(&self, now: Timestamp) -> bool {
        let Some(lives) = self.lives() else { return false };
        let Ok(beat) = self.beat.parse::<Timestamp>() else { return true };
        now.duration_since(beat).unsigned_abs() > lives
    }

    /// Who and since when, for people.
    pub fn shown(&self) -> String {
        let mut text = match (&self.owner, &self.run) {
            (Owner::Hand, _) => "by hand".to_owned(),
            (Owner::Command, _) => "by `maintenance run`".to_owned(),
            (Owner::Run, Some(run)) => format!("by run {run}"),
            (Owner::Run, None) => "by a run".to_owned(),
        };
        if !self.by.is_empty() {
            text = format!("{text} of {}", self.by);
        }
        if !self.since.is_empty() {
            text = format!("{text}, since {}", self.since);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_lives_by_its_beats_alone() {
        let mark = Mark::new(Owner::Run, "ann@host", Duration::from_secs(2));
        let beat: Timestamp = mark.beat.parse().unwrap();
        let later = |seconds: i64| beat + jiff::SignedDuration::from_secs(seconds);
        for (seconds, is_stale) in [(0, false), (8, false), (9, true), (-8, false), (-9, true)] {
            assert_eq!(mark.is_stale(later(seconds)), is_stale, "{seconds}");
        }
        let kept = Mark { kept: true, ..mark.clone() };
        assert!(!kept.is_stale(later(1_000_000)));
        assert_eq!((mark.lives(), kept.lives()), (Some(Duration::from_secs(8)), None));
        assert_eq!(Mark::of_text(&mark.text()), mark);
    }

    #[test]
    fn what_is_none_of_ours_was_put_by_hand() {
        for text in ["", "x", "{}", "[1]", "{\"owner\": \"nobody\", \"token\": \"\"}"] {
            let mark = Mark::of_text(text);
            assert!(mark.kept && mark.owner == Owner::Hand, "{text}");
            assert_eq!(mark.shown(), "by hand");
        }
    }
}
