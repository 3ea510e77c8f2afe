//! `no-where`: every row of a table is changed or goes.

use super::{EVERY, Rule};
use crate::config::Severity;
use crate::lint::draft::Draft;
use crate::lint::look::Look;
use crate::sql::{Act, Verb, What};

pub(super) const RULE: Rule = Rule {
    name: "no-where",
    about: "every row of a table changes or goes",
    severity: Severity::Error,
    dialects: EVERY,
    squawk: &[],
    timed: false,
    find,
};

fn find(look: &Look<'_>) -> Vec<Draft> {
    look.acts().filter_map(|at| of(look, at)).collect()
}

fn of(look: &Look<'_>, at: (usize, &Act)) -> Option<Draft> {
    let What::Rows(rows) = &at.1.what else { return partition(look, at) };
    let table = &rows.table;
    if look.is_new(table) || rows.filtered || rows.limited || look.is_rebuilt(table) {
        return None;
    }
    match rows.verb {
        // where only new columns are set, nothing is written over
        Verb::Update if rows.sets.iter().all(|column| look.is_new_column(table, column)) => None,
        Verb::Update => Some(
            Draft::new(at, format!("every row of `{table}` is updated"))
                .help("say which rows: `WHERE …`; if all of them are meant, say so: `-- db-migrations: allow no-where REASON`"),
        ),
        Verb::Delete | Verb::Truncate => Some(
            Draft::new(at, format!("every row of `{table}` is deleted"))
                .help("say which rows: `WHERE …`; if all of them are meant, say so: `-- db-migrations: allow no-where REASON`"),
        ),
        Verb::Insert | Verb::Merge => None,
    }
}

/// `ALTER TABLE … TRUNCATE PARTITION` (MariaDB, MySQL).
fn partition(look: &Look<'_>, at: (usize, &Act)) -> Option<Draft> {
    let What::AlterTable { table, words, .. } = &at.1.what else { return None };
    let found = words.starts_with("truncate partition") && !look.is_postgres() && !look.is_new(table);
    found.then(|| {
        Draft::new(at, format!("every row of a partition of `{table}` is deleted"))
            .help("if all of them are meant, say so: `-- db-migrations: allow no-where REASON`")
    })
}
