//! Where transactions must begin and end, and why.

use std::collections::BTreeSet;

use crate::diagnostic::Diagnostic;
use crate::sql::{self, Boundary, TokenKind};

use super::engines::{Unrecoverable, unrecoverable};
use super::{Circumstances, Group, Mode, Plan, Step};

/// Puts the steps into groups.
pub(super) fn group(plan: &mut Plan, steps: Vec<Step>, at: &Circumstances<'_>) {
    if !at.dialect.facts().transactional_ddl {
        return group_by_commits(plan, steps, at);
    }
    plan.apart = at.apart;
    let modes = foreign_key_modes(plan, &steps, at);
    let mut added: Vec<(String, sql::AddedValue)> = Vec::new();
    for (step, foreign_keys) in steps.into_iter().zip(modes) {
        if step.script.no_transaction {
            let reason = alone_reason(&step, at);
            added.clear();
            plan.groups.push(Group {
                mode: Mode::Alone { foreign_keys },
                steps: vec![step],
                reason: Some(reason),
            });
            continue;
        }
        let used = added.iter().find(|(_, value)| value.is_used_in(&step.script.text)).cloned();
        let boundary = match plan.groups.last() {
            None => Some(None),
            Some(Group { mode: Mode::Alone { .. }, .. }) => Some(Some("the migration before it runs outside of a transaction".to_owned())),
            Some(_) if at.apart => Some(Some("each migration has a transaction of its own".to_owned())),
            Some(_) if used.is_some() => used.map(|(id, value)| {
                Some(format!("it uses the enum value '{}', which `{id}` adds: PostgreSQL wants a commit between (55P04)", value.value))
            }),
            Some(Group { mode: Mode::Transaction { foreign_keys: Some(mode) }, .. })
                if foreign_keys.is_some_and(|wanted| wanted != *mode) =>
            {
                Some(Some(format!("it needs foreign keys {}", if *mode { "off" } else { "on" })))
            }
            Some(_) => None,
        };
        if let Some(reason) = boundary {
            added.clear();
            let mode = Mode::Transaction { foreign_keys: None };
            plan.groups.push(Group { mode, steps: Vec::new(), reason });
        }
        added.extend(added_values(&step, at));
        if let Some(group) = plan.groups.last_mut() {
            if foreign_keys.is_some() {
                group.mode = Mode::Transaction { foreign_keys };
            }
            group.steps.push(step);
        }
    }
}

/// Where DDL commits by itself: one transaction if nothing but rows changes, else statement by
/// statement, all of it.
fn group_by_commits(plan: &mut Plan, steps: Vec<Step>, at: &Circumstances<'_>) {
    if steps.is_empty() {
        return;
    }
    plan.commits_by_itself = true;
    let unrecoverable = unrecoverable(&steps, at);
    plan.warnings.extend(unrecoverable.iter().map(Unrecoverable::warning));
    let reason = steps.iter().find_map(|step| {
        if commits(step, at) {
            return Some(format!("{} commits at every DDL statement", at.dialect.facts().title));
        }
        if step.script.no_transaction {
            return Some(match step.resume {
                Some(_) => format!("`{}` stopped half-way", step.id),
                None => format!("`{}` asks for `no-transaction`", step.id),
            });
        }
        unrecoverable.iter().find(|one| one.id == step.id).map(Unrecoverable::reason)
    });
    let mode = match reason {
        Some(_) => Mode::Alone { foreign_keys: None },
        None => Mode::Transaction { foreign_keys: None },
    };
    plan.groups.push(Group { mode, steps, reason });
}

/// Whether a statement of a step commits by itself, or may.
fn commits(step: &Step, at: &Circumstances<'_>) -> bool {
    let mut texts = step.statements.iter().map(|s| &step.script.text[s.span.clone()]);
    texts.any(|text| sql::commits(at.dialect, text) != sql::Commits::No)
}

fn alone_reason(step: &Step, at: &Circumstances<'_>) -> String {
    let forced = step.statements.iter().find_map(|s| {
        match sql::boundary(at.dialect, &step.script.text[s.span.clone()]) {
            Boundary::NoTransaction(what) => Some(what),
            _ => None,
        }
    });
    match forced {
        Some(what) => format!("`{what}` cannot run inside a transaction"),
        None => "it asks for `no-transaction`".to_owned(),
    }
}

/// (migration, value) of each enum value that the step adds.
fn added_values(step: &Step, at: &Circumstances<'_>) -> Vec<(String, sql::AddedValue)> {
    step.statements
        .iter()
        .filter_map(|s| sql::added_enum_value(at.dialect, &step.script.text[s.span.clone()]))
        .map(|value| (step.id.to_string(), value))
        .collect()
}

/// For each step the foreign key mode that it needs, on databases that switch it per connection.
fn foreign_key_modes(plan: &mut Plan, steps: &[Step], at: &Circumstances<'_>) -> Vec<Option<bool>> {
    if !at.dialect.facts().settings_by_pragma {
        return vec![None; steps.len()];
    }
    let drops: Vec<Vec<String>> = steps.iter().map(|step| dropped(step, at)).collect();
    let mut referenced = at.referenced.clone();
    if drops.iter().any(|tables| !tables.is_empty()) {
        referenced.extend(steps.iter().flat_map(|step| references(step, at)));
    }
    let mut modes = Vec::with_capacity(steps.len());
    for (step, tables) in steps.iter().zip(&drops) {
        let asked = step.script.foreign_keys.or_else(|| at.foreign_keys.get(step.id.namespace()).copied());
        let rebuilt = tables.iter().find(|table| referenced.contains(*table));
        if let (None, Some(table)) = (asked, rebuilt) {
            plan.warnings.push(
                Diagnostic::new(format!(
                    "foreign keys are off during the run: `{}` drops or rebuilds `{table}`, which other tables reference",
                    step.id
                ))
                .note("with them on, SQLite would delete the rows that reference it; `foreign_key_check` is compared before and after"),
            );
        }
        modes.push(asked.or(rebuilt.map(|_| false)));
    }
    if modes.contains(&Some(false)) {
        warn_of_silent_cascades(plan, steps, &modes, at);
    }
    modes
}

/// A rebuild switches foreign keys off for its whole group: cascades of the others do not act then, and a
/// database that ran them one by one has other rows.
fn warn_of_silent_cascades(plan: &mut Plan, steps: &[Step], modes: &[Option<bool>], at: &Circumstances<'_>) {
    let changes_rows = |step: &&Step| {
        step.statements.iter().any(|s| sql::changes_rows(at.dialect, &step.script.text[s.span.clone()]))
    };
    let others = steps.iter().zip(modes).filter(|(_, mode)| mode.is_none()).map(|(step, _)| step);
    for step in others.filter(changes_rows) {
        plan.warnings.push(
            Diagnostic::new(format!("`{}` updates or deletes rows while foreign keys are off: cascades do not act", step.id))
                .help("where they must, put `-- db-migrations: foreign-keys on` at its top: the plan then splits there"),
        );
    }
}

/// Tables that the step drops; a rebuild drops the old one.
fn dropped(step: &Step, at: &Circumstances<'_>) -> Vec<String> {
    step.statements
        .iter()
        .filter_map(|s| sql::dropped_tables(at.dialect, &step.script.text[s.span.clone()]))
        .collect()
}

/// Tables that the step's own foreign keys point at.
fn references(step: &Step, at: &Circumstances<'_>) -> BTreeSet<String> {
    let text = &step.script.text;
    let Ok(tokens) = sql::tokens(at.dialect, text) else { return BTreeSet::new() };
    let words: Vec<&str> = tokens
        .iter()
        .filter(|t| {
            !matches!(t.kind, TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment)
        })
        .map(|t| &text[t.span.clone()])
        .collect();
    words
        .windows(2)
        .filter(|pair| pair[0].eq_ignore_ascii_case("references"))
        .map(|pair| pair[1].trim_matches(['"', '`', '[', ']']).to_lowercase())
        .collect()
}
