//! `drop-column`: a column that old code may still read goes, with what is in it.

use super::{EVERY, Rule};
use crate::config::Severity;
use crate::lint::draft::Draft;
use crate::lint::look::Look;
use crate::sql::What;

pub(super) const RULE: Rule = Rule {
    name: "drop-column",
    about: "a column is dropped while code may still use it",
    severity: Severity::Error,
    dialects: EVERY,
    squawk: &["ban-drop-column"],
    timed: false,
    find,
};

fn find(look: &Look<'_>) -> Vec<Draft> {
    let drops = look.acts().filter_map(|(n, act)| {
        let What::DropColumn { table, column, .. } = &act.what else { return None };
        let fine = look.is_contract() || look.is_new_column(table, column);
        (!fine).then(|| {
            Draft::new((n, act), format!("`{table}.{column}` is dropped, with what is in it"))
                .note("code that runs during the deploy fails as soon as it names the column")
                .help("deploy code that does not use it first, then drop it in a migration with `phase contract` and `contract-of ID`")
        })
    });
    drops.chain(left_behind(look)).collect()
}

/// The columns that a rebuild does not take along.
fn left_behind<'a>(look: &'a Look<'_>) -> impl Iterator<Item = Draft> + 'a {
    let rebuilds = look.acts().filter(|_| !look.is_contract());
    let rebuilds = rebuilds.filter_map(|(n, act)| Some((n, act, look.rebuilt(act)?, look.old_name(act)?)));
    rebuilds.flat_map(|(n, act, rebuilt, old)| {
        let columns = look.known.old_columns(old).into_iter();
        let lost = columns.filter(move |(column, _)| !rebuilt.keeps(column));
        lost.map(move |(column, _)| {
            Draft::new((n, act), format!("`{}.{column}` does not come along into the new table", old.1))
                .ours()
                .note("code that runs during the deploy fails as soon as it names the column")
                .help("deploy code that does not use it first, then drop it in a migration with `phase contract` and `contract-of ID`")
        })
    })
}
