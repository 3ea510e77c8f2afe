//! `unread`: a text or a statement that could not be read, so that nothing is known of it.

use super::{EVERY, Rule};
use crate::config::Severity;
use crate::lint::draft::Draft;
use crate::lint::look::Look;

pub(super) const RULE: Rule = Rule {
    name: "unread",
    about: "a statement could not be read",
    severity: Severity::Warn,
    dialects: EVERY,
    squawk: &[],
    timed: false,
    find,
};

/// Only PostgreSQL has a grammar here; a text that cannot be cut into statements is found before any rule.
fn find(look: &Look<'_>) -> Vec<Draft> {
    let unparsed = look.hits.iter().enumerate().filter(|(_, hits)| hits.is_none());
    let drafts = unparsed.map(|(n, _)| {
        Draft::at(Some(n), look.readings[n].span.clone(), "this statement could not be parsed")
            .note("what its first words say was looked at, and nothing else")
            .help("look at it by hand; if PostgreSQL takes it, `-- db-migrations: allow unread REASON`")
    });
    drafts.collect()
}
