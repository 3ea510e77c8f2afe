//! The plan of a replay: what runs on a scratch database, and what must not.

use std::ops::Range;

use crate::dialect::Dialect;
use crate::migration::Script;
use crate::sql;

use super::{Plan, Step};

impl Plan {
    /// Blanks the statements that reach beyond a database (roles, tablespaces, other databases): on
    /// a scratch database they would change the server, or wait for our own open transaction. What
    /// stands behind a `USE` means another database, too. Of the others only the account for which they
    /// act is blanked. Returns what was left out, for people.
    pub fn confine(&mut self, dialect: Dialect) -> Vec<String> {
        let steps = self.groups.iter_mut().flat_map(|group| &mut group.steps);
        steps.flat_map(|step| confine_step(step, dialect)).collect()
    }
}

fn confine_step(step: &mut Step, dialect: Dialect) -> Vec<String> {
    let mut left_out = Vec::new();
    let mut text = String::from(&*step.script.text);
    let mut elsewhere = false;
    step.statements.retain(|statement| {
        let sql = &step.script.text[statement.span.clone()];
        let beyond = sql::beyond_database(dialect, sql);
        elsewhere |= beyond == Some("USE");
        let what = beyond.or(elsewhere.then_some("what follows USE"));
        if let Some(what) = what {
            left_out.push(format!("`{what}` of `{}`", step.id));
            blank(&mut text, statement.span.clone());
        } else if let Some(definer) = sql::definer(dialect, sql) {
            let start = statement.span.start;
            blank(&mut text, start + definer.start..start + definer.end);
        }
        what.is_none()
    });
    if text != *step.script.text {
        step.script = Script { text: text.into(), ..step.script.clone() };
    }
    left_out
}

/// Blanks of the same length: places in the text stay what they are.
fn blank(text: &mut String, span: Range<usize>) {
    let blank: String =
        text[span.clone()].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
    text.replace_range(span, &blank);
}
