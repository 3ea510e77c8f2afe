//! `no-down`: a migration has no way back, in a module whose others have one.

use super::{EVERY, Rule};
use crate::config::Severity;
use crate::lint::draft::Draft;
use crate::lint::look::Look;

pub(super) const RULE: Rule = Rule {
    name: "no-down",
    about: "a migration has no way back",
    severity: Severity::Warn,
    dialects: EVERY,
    squawk: &[],
    timed: false,
    find,
};

fn find(look: &Look<'_>) -> Vec<Draft> {
    let does_nothing = look.readings.is_empty();
    if !look.wants_down || does_nothing || !look.migration.down.is_empty() {
        return Vec::new();
    }
    let first = look.readings.first().map_or(0..0, |reading| reading.span.clone());
    let draft = Draft::at(None, first, "there is no way back from this migration")
        .help("write one beside it; or say why there is none: `-- db-migrations: allow no-down REASON`");
    vec![draft]
}
