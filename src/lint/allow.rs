//! `allow RULE REASON` in a file: what it excuses, what it names wrongly, what it excuses in vain.

use std::collections::HashMap;

use super::{Finding, Input, finding, meant, rule, severity};
use crate::config::Severity;
use crate::diagnostic::{Diagnostic, Frame};
use crate::dialect::Dialect;
use crate::id::MigrationId;
use crate::migration::{Allow, Migration};

/// Marks what is excused, and adds what is to be said of the excuses themselves.
pub(super) fn apply(input: &Input<'_>, found: &mut Vec<Finding>) {
    let mut by_id: HashMap<MigrationId, Vec<usize>> = HashMap::new();
    for (n, finding) in found.iter().enumerate() {
        by_id.entry(finding.id.clone()).or_default().push(n);
    }
    let allowing =
        input.catalogue.iter().filter(|one| !one.allow.is_empty() && input.wanted.contains(&one.id));
    let mut more = Vec::new();
    for migration in allowing {
        for allow in &migration.allow {
            let mut is_used = false;
            for n in by_id.get(&migration.id).into_iter().flatten() {
                if found[*n].rule.name == allow.rule {
                    is_used = true;
                    found[*n].allowed = Some(allow.reason.clone());
                }
            }
            more.extend((!is_used).then(|| in_vain(input, migration, allow)).flatten());
        }
    }
    found.append(&mut more);
}

fn in_vain(input: &Input<'_>, migration: &Migration, allow: &Allow) -> Option<Finding> {
    let dialect = *input.dialects.first()?;
    let frame = place(migration, allow, dialect);
    let (name, message, help) = match rule(&allow.rule) {
        None => ("unknown-allow", format!("there is no rule `{}`", allow.rule), meant(&allow.rule)),
        Some(known) => {
            // where nobody looks, or not on this database, nothing can be found
            let looks = known.dialects.iter().any(|dialect| input.dialects.contains(dialect));
            if !looks || severity(known, input.config) == Severity::Off {
                return None;
            }
            let help = "take the line out, so that the rule counts if it comes to matter".to_owned();
            ("unused-allow", format!("nothing here is found by `{}`", allow.rule), help)
        }
    };
    let mut diagnostic = Diagnostic::new(message).help(help);
    diagnostic.frames.extend(frame);
    Some(finding(rule(name)?, &migration.id, dialect, None, diagnostic))
}

/// The line that allows.
fn place(migration: &Migration, allow: &Allow, dialect: Dialect) -> Option<Frame> {
    let scripts =
        migration.up.choose(dialect).into_iter().chain(migration.up.iter()).chain(migration.down.iter());
    let wanted = format!("allow {}", allow.rule);
    // not where another name only begins like it
    let ends = |text: &str, at: usize| text[at + wanted.len()..].starts_with(|c: char| c.is_whitespace());
    let mut places = scripts.filter_map(|script| {
        let mut found = script.text.match_indices(&wanted).map(|(at, _)| at);
        Some((script, found.find(|at| ends(&script.text, *at))?))
    });
    let (script, at) = places.next()?;
    let mut frame = Frame::new(&*script.path, script.text.clone(), at..at + wanted.len());
    frame.lines_before = script.lines_before;
    Some(frame)
}
