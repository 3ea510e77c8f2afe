//! `data-beside-schema`: many rows are changed in the transaction that holds a lock on a table.

use super::{POSTGRES, Rule};
use crate::config::Severity;
use crate::lint::draft::Draft;
use crate::lint::look::Look;
use crate::sql::{Object, Verb, What};

pub(super) const RULE: Rule = Rule {
    name: "data-beside-schema",
    about: "many rows change beside a change of the schema",
    severity: Severity::Warn,
    dialects: POSTGRES,
    squawk: &[],
    timed: true,
    find,
};

fn find(look: &Look<'_>) -> Vec<Draft> {
    if look.script.no_transaction {
        return Vec::new();
    }
    let Some(locked) = look.acts().find_map(|(n, act)| locks(look, &act.what).map(|table| (n, table))) else {
        return Vec::new();
    };
    let bulk = look.acts().filter_map(|(n, act)| {
        let What::Rows(rows) = &act.what else { return None };
        let many = match rows.verb {
            Verb::Insert | Verb::Merge => rows.of_rows,
            Verb::Update | Verb::Delete => !rows.by_key,
            Verb::Truncate => false,
        };
        let (statement, table) = &locked;
        (many && !look.is_new(&rows.table) && *statement != n).then(|| {
            Draft::new((n, act), format!("rows of `{}` change in the transaction that has `{table}` locked", rows.table))
                .note("the lock is kept until all of them are done")
                .help("change the rows in a migration of its own; `catch-up` is for rows that old code changes in between")
        })
    });
    bulk.collect()
}

/// The table, not a new one, that a change keeps others away from.
fn locks(look: &Look<'_>, what: &What) -> Option<Object> {
    let table = what.table().filter(|_| what.is_schema())?;
    let light = matches!(
        what,
        What::CreateIndex { concurrently: true, .. } | What::DropIndex { concurrently: true, .. }
    );
    (!light && !look.is_new(table)).then(|| table.clone())
}
