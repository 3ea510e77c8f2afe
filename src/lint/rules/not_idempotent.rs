//! `not-idempotent`: a step outside of a transaction that cannot run again after it was cut off.

use super::{POSTGRES, Rule};
use crate::config::Severity;
use crate::lint::draft::Draft;
use crate::lint::fix::again;
use crate::lint::look::Look;
use crate::sql::act::Rows;
use crate::sql::{Act, Verb, What};

pub(super) const RULE: Rule = Rule {
    name: "not-idempotent",
    about: "a step outside of a transaction cannot run twice",
    severity: Severity::Warn,
    dialects: POSTGRES,
    squawk: &[],
    timed: false,
    find,
};

fn find(look: &Look<'_>) -> Vec<Draft> {
    // what is built concurrently never runs in a transaction
    let alone = |what: &What| {
        matches!(
            what,
            What::CreateIndex { concurrently: true, .. } | What::DropIndex { concurrently: true, .. }
        )
    };
    let steps = look.acts().filter(|(_, act)| look.script.no_transaction || alone(&act.what));
    steps.filter_map(|at| Some(of(look, at)?.fix(again(look, at.1)))).collect()
}

fn of(look: &Look<'_>, at: (usize, &Act)) -> Option<Draft> {
    let words = match &at.1.what {
        What::CreateTable { again: false, temporary: false, .. }
        | What::CreateIndex { again: false, .. }
        | What::AddColumn { again: false, .. }
        | What::AddEnumValue { again: false, .. } => "`IF NOT EXISTS`",
        What::DropTable { again: false, .. }
        | What::DropIndex { again: false, .. }
        | What::DropColumn { again: false, .. }
        | What::Drop { again: false, .. } => "`IF EXISTS`",
        What::Create { again: false, noun, .. } => match noun.as_str() {
            "VIEW" | "FUNCTION" | "PROCEDURE" | "TRIGGER" => "`OR REPLACE`",
            "SCHEMA" | "SEQUENCE" | "EXTENSION" => "`IF NOT EXISTS`",
            _ => return None,
        },
        What::Rows(Rows { verb: Verb::Insert, again: false, .. }) => "`ON CONFLICT`, or a `WHERE NOT EXISTS`",
        _ => return None,
    };
    let draft =
        Draft::new(at, "this step runs outside of a transaction, and cannot run again if it was cut off");
    let index = matches!(at.1.what, What::CreateIndex { concurrently: true, .. }) && look.is_postgres();
    let draft = if index {
        draft.note("an index that was cut off stays, invalid: the next run says so")
    } else {
        draft
    };
    Some(draft.help(format!("let it be there already: {words}")))
}
