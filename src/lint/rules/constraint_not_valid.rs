//! `constraint-not-valid`: a constraint is checked against every row while the table is locked.

use super::{POSTGRES, Rule};
use crate::config::Severity;
use crate::lint::draft::Draft;
use crate::lint::look::Look;
use crate::sql::{Act, ConstraintKind, What};

pub(super) const RULE: Rule = Rule {
    name: "constraint-not-valid",
    about: "a constraint is checked against all rows under a lock",
    severity: Severity::Error,
    dialects: POSTGRES,
    squawk: &[
        "constraint-missing-not-valid",
        "disallowed-unique-constraint",
        "adding-foreign-key-constraint",
    ],
    timed: true,
    find,
};

fn find(look: &Look<'_>) -> Vec<Draft> {
    look.acts()
        .filter_map(|at| added(look, at).or_else(|| with_column(look, at)))
        .chain(validated(look))
        .collect()
}

fn added(look: &Look<'_>, at: (usize, &Act)) -> Option<Draft> {
    let What::AddConstraint { table, constraint } = &at.1.what else { return None };
    if look.is_made_anew(table) || constraint.not_valid || constraint.using_index {
        return None;
    }
    let name = constraint.name.as_ref().map(|name| format!(" `{name}`")).unwrap_or_default();
    match constraint.kind {
        ConstraintKind::Check | ConstraintKind::Foreign => {
            let what = if constraint.kind == ConstraintKind::Check { "check" } else { "foreign key" };
            Some(
                Draft::new(
                    at,
                    format!(
                        "every row of `{table}` is read for the {what}{name}, and nobody can write meanwhile"
                    ),
                )
                .help(
                    "add it with `NOT VALID`, and `VALIDATE CONSTRAINT` in a migration of its own behind it",
                ),
            )
        }
        ConstraintKind::Unique | ConstraintKind::Primary => {
            let what =
                if constraint.kind == ConstraintKind::Unique { "unique constraint" } else { "primary key" };
            Some(
                Draft::new(at, format!("the index of the {what}{name} is built while nobody can use `{table}`"))
                    .help("build it with `CREATE UNIQUE INDEX CONCURRENTLY` in a `no-transaction` migration, then `ADD CONSTRAINT … USING INDEX`"),
            )
        }
        ConstraintKind::Exclude => Some(
            Draft::new(
                at,
                format!(
                    "the index of the exclusion constraint{name} is built while nobody can use `{table}`"
                ),
            )
            .note("there is no way to build it aside: choose a quiet time, or a new table"),
        ),
        ConstraintKind::NotNull => None,
    }
}

fn with_column(look: &Look<'_>, at: (usize, &Act)) -> Option<Draft> {
    let What::AddColumn { table, column, .. } = &at.1.what else { return None };
    if look.is_new(table) {
        return None;
    }
    let name = &column.name;
    if column.unique {
        return Some(
            Draft::new(at, format!("the index of `{table}.{name}` is built while nobody can use the table"))
                .ours()
                .help("add the column alone; then build the index with `CREATE UNIQUE INDEX CONCURRENTLY` in a `no-transaction` migration, and `ADD CONSTRAINT … USING INDEX`"),
        );
    }
    if column.check {
        return Some(
            Draft::new(at, format!("every row of `{table}` is read for the check of `{name}`, and nobody can use the table"))
                .ours()
                .help("add the column alone; then the check with `NOT VALID`, and validate it in a migration of its own"),
        );
    }
    // without a default all values are null, and nothing is checked
    let checked = column.default.is_some() || column.stored;
    (checked && column.references.is_some()).then(|| {
        Draft::new(at, format!("every row of `{table}` is looked up for the foreign key of `{name}`"))
            .ours()
            .help("add the column alone; then the foreign key with `NOT VALID`, and validate it in a migration of its own")
    })
}

/// What is added as not valid and validated at once is as slow, with both locks.
fn validated(look: &Look<'_>) -> Vec<Draft> {
    let mut added = std::collections::HashSet::new();
    let mut found = Vec::new();
    for (n, act) in look.acts() {
        match &act.what {
            What::AddConstraint { table, constraint } if constraint.not_valid && !look.is_new(table) => {
                added.extend(constraint.name.clone().map(|name| (table.clone(), name)));
            }
            What::Validate { table, name }
                if added.contains(&(table.clone(), name.clone())) && !look.script.no_transaction =>
            {
                found.push(
                    Draft::new(
                        (n, act),
                        format!(
                            "`{name}` is validated in the transaction that adds it, which keeps its lock"
                        ),
                    )
                    .ours()
                    .help("validate it in a migration of its own"),
                );
            }
            _ => {}
        }
    }
    found
}
