//! `unknown-allow`, `unused-allow`: what `allow RULE REASON` in a file names, and does not excuse.
//!
//! Both are judged once all other rules have spoken, so they find nothing by themselves.

use super::{EVERY, Rule};
use crate::config::Severity;

pub(super) const UNKNOWN: Rule = Rule {
    name: "unknown-allow",
    about: "a file allows a rule that there is not",
    severity: Severity::Error,
    dialects: EVERY,
    squawk: &[],
    timed: false,
    find: |_| Vec::new(),
};

pub(super) const UNUSED: Rule = Rule {
    name: "unused-allow",
    about: "a file allows what nothing finds",
    severity: Severity::Warn,
    dialects: EVERY,
    squawk: &[],
    timed: false,
    find: |_| Vec::new(),
};
