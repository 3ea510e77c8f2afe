//! The plan of a replay: what runs on a scratch database, and what must not.

use crate::dialect::Dialect;
use crate::migration::Script;
use crate::sql;

use super::Plan;

impl Plan {
    /// Blanks the statements that reach beyond a database (roles, tablespaces, other databases): on
    /// a scratch database they would change the server, or wait for our own open transaction.
    /// Returns what was left out, for people.
    pub fn confine(&mut self, dialect: Dialect) -> Vec<String> {
        let mut left_out = Vec::new();
        for step in self.groups.iter_mut().flat_map(|group| &mut group.steps) {
            let mut text = String::from(&*step.script.text);
            step.statements.retain(|statement| {
                let Some(what) = sql::beyond_database(dialect, &step.script.text[statement.span.clone()])
                else {
                    return true;
                };
                left_out.push(format!("`{what}` of `{}`", step.id));
                let blank: String = text[statement.span.clone()]
                    .chars()
                    .map(|c| if c == '\n' { '\n' } else { ' ' })
                    .collect();
                let padding = statement.span.len() - blank.len();
                text.replace_range(statement.span.clone(), &(blank + &" ".repeat(padding)));
                false
            });
            if text != *step.script.text {
                step.script = Script { text: text.into(), ..step.script.clone() };
            }
        }
        left_out
    }
}
