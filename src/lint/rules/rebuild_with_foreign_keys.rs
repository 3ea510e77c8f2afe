//! `rebuild-with-foreign-keys`: a table that others point at is rebuilt while foreign keys are enforced, which deletes their rows.

use super::{Rule, SQLITE};
use crate::config::Severity;
use crate::lint::draft::Draft;
use crate::lint::look::Look;
use crate::sql::{Object, What};

pub(super) const RULE: Rule = Rule {
    name: "rebuild-with-foreign-keys",
    about: "a table is rebuilt while foreign keys are enforced",
    severity: Severity::Error,
    dialects: SQLITE,
    squawk: &[],
    timed: false,
    find,
};

fn find(look: &Look<'_>) -> Vec<Draft> {
    if !look.foreign_keys {
        return Vec::new();
    }
    let rebuilds = look.acts().filter_map(|(n, act)| {
        let What::DropTable { table, .. } = &act.what else { return None };
        let old = was(look, table, act.span.start);
        let own = look.is_made_here(table) && !look.known.has(table);
        let pointed_at = look.known.is_referenced(old) || !look.known.has(old);
        let fine = own || !look.is_made_anew(old) || !pointed_at || look.known.is_fresh(old);
        (!fine).then(|| {
            let what = format!("`{table}` is dropped to be rebuilt while foreign keys are enforced");
            Draft::new((n, act), what)
                .note("to drop it deletes its rows first: with `ON DELETE CASCADE` the rows that point at them go, too")
                .note("`PRAGMA foreign_keys` inside of a migration does nothing: it runs in a transaction")
                .help("write `-- db-migrations: foreign-keys off` into the head of the file")
        })
    });
    rebuilds.collect()
}

/// What a table was called before it was put aside.
fn was<'a>(look: &Look<'a>, table: &'a Object, before: usize) -> &'a Object {
    let renamed = look.acts().find_map(|(_, act)| match &act.what {
        What::RenameTable { from, to } if to == table && act.span.start < before => Some(from),
        _ => None,
    });
    renamed.unwrap_or(table)
}
