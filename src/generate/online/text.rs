//! A step as the text of a migration: directives, what is to be known, statements.

use super::{Side, Step};
use crate::id::MigrationId;
use crate::migration::Phase;

/// The text that applies a step. `about` stands behind the directives; a contract step waits for `after`.
pub fn up(step: &Step, about: &str, after: &[MigrationId]) -> String {
    let mut head = directives(&step.up);
    if step.phase == Phase::Contract {
        head.push("phase contract".to_owned());
        if !after.is_empty() {
            let ids: Vec<&str> = after.iter().map(MigrationId::as_str).collect();
            head.push(format!("contract-of {}", ids.join(" ")));
        }
    }
    if step.catch_up {
        head.push("catch-up".to_owned());
    }
    whole(&head, about, &step.up)
}

/// The text that undoes a step.
pub fn down(step: &Step) -> String {
    let about = if step.down.statements.is_empty() {
        "Nothing to undo: what was copied goes with the column, or stays.".to_owned()
    } else {
        format!("Undoes: {}", step.title)
    };
    whole(&directives(&step.down), &about, &step.down)
}

fn directives(side: &Side) -> Vec<String> {
    let all = [
        side.keys_off.then(|| "foreign-keys off".to_owned()),
        side.alone.then(|| "no-transaction".to_owned()),
        side.session.map(|setting| format!("session {setting}")),
    ];
    all.into_iter().flatten().collect()
}

fn whole(directives: &[String], about: &str, side: &Side) -> String {
    let directives = directives.iter().map(|line| format!("-- db-migrations: {line}\n"));
    let mut text = directives.collect::<Vec<_>>().concat();
    for line in about.lines() {
        text.push_str(format!("-- {line}").trim_end());
        text.push('\n');
    }
    for statement in &side.statements {
        text.push('\n');
        text.push_str(statement.trim_end());
        text.push('\n');
    }
    text
}
