//! `index-not-concurrent`: an index is built or dropped under a lock that stops writers.

use super::{POSTGRES, Rule};
use crate::config::Severity;
use crate::lint::draft::Draft;
use crate::lint::fix::concurrently;
use crate::lint::look::Look;
use crate::sql::{Act, What};

pub(super) const RULE: Rule = Rule {
    name: "index-not-concurrent",
    about: "an index is built while nobody can write",
    severity: Severity::Error,
    dialects: POSTGRES,
    squawk: &["require-concurrent-index-creation", "require-concurrent-index-deletion"],
    timed: true,
    find,
};

fn find(look: &Look<'_>) -> Vec<Draft> {
    look.acts().filter_map(|at| Some(of(look, at)?.fix(concurrently(look, at.1)))).collect()
}

fn of(look: &Look<'_>, at: (usize, &Act)) -> Option<Draft> {
    match &at.1.what {
        What::CreateIndex { name, table, concurrently: false, .. } if !look.is_made_anew(table) => {
            let name = name.as_ref().map(|name| format!(" `{name}`")).unwrap_or_default();
            Some(
                Draft::new(at, format!("the index{name} is built while nobody can write to `{table}`"))
                    .help("`CREATE INDEX CONCURRENTLY IF NOT EXISTS`, in a migration of its own with `-- db-migrations: no-transaction`"),
            )
        }
        What::DropIndex { index, concurrently: false, .. } if !is_made_here(look, &index.name) => Some(
            Draft::new(at, format!("to drop the index `{index}`, everybody who uses its table is waited for, and waits"))
                .help("`DROP INDEX CONCURRENTLY IF EXISTS`, in a migration of its own with `-- db-migrations: no-transaction`"),
        ),
        _ => None,
    }
}

fn is_made_here(look: &Look<'_>, index: &str) -> bool {
    look.acts().any(|(_, act)| match &act.what {
        What::CreateIndex { name: Some(name), .. } => name == index,
        _ => false,
    })
}
