//! `drop-table`: a table that old code may still use goes, with all rows.

use super::{EVERY, Rule};
use crate::config::Severity;
use crate::lint::draft::Draft;
use crate::lint::look::Look;
use crate::sql::What;

pub(super) const RULE: Rule = Rule {
    name: "drop-table",
    about: "a table is dropped while code may still use it",
    severity: Severity::Error,
    dialects: EVERY,
    squawk: &["ban-drop-table"],
    timed: false,
    find,
};

fn find(look: &Look<'_>) -> Vec<Draft> {
    let drops = look.acts().filter_map(|(n, act)| {
        let What::DropTable { table, temporary, .. } = &act.what else { return None };
        let fine = *temporary || look.is_contract() || look.is_new(table) || look.rebuilt(act).is_some();
        (!fine).then(|| {
            Draft::new((n, act), format!("`{table}` is dropped, with all its rows"))
                .help("deploy code that does not use it first, then drop it in a migration with `phase contract` and `contract-of ID`")
        })
    });
    drops.collect()
}
