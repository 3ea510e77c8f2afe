//! `rename-table`: a table changes its name in one step, so that old or new code fails.

use super::{EVERY, Rule};
use crate::config::Severity;
use crate::lint::draft::Draft;
use crate::lint::look::Look;
use crate::sql::{Object, What};

pub(super) const RULE: Rule = Rule {
    name: "rename-table",
    about: "a table is renamed in one step",
    severity: Severity::Error,
    dialects: EVERY,
    squawk: &["renaming-table"],
    timed: false,
    find,
};

fn find(look: &Look<'_>) -> Vec<Draft> {
    let renames = look.acts().filter_map(|(n, act)| {
        let What::RenameTable { from, to } = &act.what else { return None };
        // two that change places, or a rebuild: the name is there afterwards, too
        let fine = look.is_contract() || look.is_new(from) || look.is_rebuilt(to) || look.is_taken_again(from)
            || is_given_up(look, to);
        (!fine).then(|| {
            Draft::new((n, act), format!("`{from}` is called `{to}` from one moment to the next"))
                .note("code that runs during the deploy knows only one of the two names")
                .help("run `db-migrations generate rename-table`: it writes the steps that keep both names alive")
        })
    });
    renames.collect()
}

/// Whether the table that had the new name has got another one.
fn is_given_up(look: &Look<'_>, to: &Object) -> bool {
    look.acts().any(|(_, act)| matches!(&act.what, What::RenameTable { from, .. } if from == to))
}
