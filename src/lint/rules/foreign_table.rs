//! `foreign-table`: a table is changed that another module has made, and counts on.

use super::{EVERY, Rule};
use crate::config::Severity;
use crate::lint::draft::Draft;
use crate::lint::look::Look;
use crate::sql::{Verb, What};

pub(super) const RULE: Rule = Rule {
    name: "foreign-table",
    about: "a table of another module is changed",
    severity: Severity::Warn,
    dialects: EVERY,
    squawk: &[],
    timed: false,
    find,
};

fn find(look: &Look<'_>) -> Vec<Draft> {
    let touched = look.acts().filter_map(|(n, act)| {
        let table = act.what.table()?;
        // a new row is what most tables of others are there for
        let verb = match &act.what {
            What::Rows(rows) => match rows.verb {
                Verb::Insert | Verb::Merge => return None,
                Verb::Update => "updates rows of",
                Verb::Delete | Verb::Truncate => "deletes rows of",
            },
            What::CreateIndex { .. } | What::DropIndex { .. } => "changes the indexes of",
            What::DropTable { .. } => "drops",
            What::RenameTable { .. } => "renames",
            What::Create { .. } => "puts a trigger on",
            _ => "alters",
        };
        let made_here = look.is_made_here(table);
        let owner = look.known.owner(table, look.module()).filter(|_| !made_here)?;
        Some(
            Draft::new((n, act), format!("this {verb} `{table}`, which {owner} has made"))
                .note("its next version may change the table, and knows nothing of this")
                .help(format!("let {owner} do it, or keep a table of your own beside it")),
        )
    });
    touched.collect()
}
