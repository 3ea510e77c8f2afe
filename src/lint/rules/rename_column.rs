//! `rename-column`: a column changes its name in one step, so that old or new code fails.

use super::{EVERY, Rule};
use crate::config::Severity;
use crate::lint::draft::Draft;
use crate::lint::look::Look;
use crate::sql::What;

pub(super) const RULE: Rule = Rule {
    name: "rename-column",
    about: "a column is renamed in one step",
    severity: Severity::Error,
    dialects: EVERY,
    squawk: &["renaming-column"],
    timed: false,
    find,
};

fn find(look: &Look<'_>) -> Vec<Draft> {
    let renames = look.acts().filter_map(|(n, act)| {
        let What::RenameColumn { table, from, to } = &act.what else { return None };
        let fine = look.is_contract() || look.is_new_column(table, from);
        (!fine).then(|| {
            Draft::new((n, act), format!("`{table}.{from}` is called `{to}` from one moment to the next"))
                .note("code that runs during the deploy knows only one of the two names")
                .help("run `db-migrations generate rename-column`: it writes the steps that keep both names alive")
        })
    });
    renames.collect()
}
