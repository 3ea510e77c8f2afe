//! `add-not-null`: a column must have a value, and rows that are there, or code that runs, have none.

use super::{EVERY, Rule};
use crate::config::Severity;
use crate::dialect::Dialect;
use crate::lint::draft::Draft;
use crate::lint::look::Look;
use crate::sql::{Act, Column, What};

pub(super) const RULE: Rule = Rule {
    name: "add-not-null",
    about: "a column must not be null where rows or running code have no value",
    severity: Severity::Error,
    dialects: EVERY,
    squawk: &["adding-required-field", "adding-not-nullable-field"],
    timed: false,
    find,
};

fn find(look: &Look<'_>) -> Vec<Draft> {
    let found = look.acts().filter_map(|(n, act)| added(look, (n, act)).or_else(|| set(look, (n, act))));
    found.chain(rebuilt(look)).collect()
}

/// Columns that the table that takes the place of another one demands.
fn rebuilt<'a>(look: &'a Look<'_>) -> impl Iterator<Item = Draft> + 'a {
    let rebuilds = look.acts().filter(|_| !look.is_contract());
    let rebuilds = rebuilds.filter_map(|(n, act)| Some((n, act, look.rebuilt(act)?, look.old_name(act)?)));
    rebuilds.flat_map(|(n, act, rebuilt, table)| {
        let old = look.known.old_columns(table);
        let demands = move |column: &&Column| {
            let before = old.iter().find(|(name, _)| name.eq_ignore_ascii_case(&column.name));
            let filled = column.default.is_some() || column.stored || column.virtual_ || column.counts;
            match before {
                // a primary key may have stood apart from its column
                Some((_, before)) => column.not_null && !before.not_null && !column.unique,
                None => column.not_null && !filled && !column.unique && !old.is_empty(),
            }
        };
        let columns = rebuilt.made.columns.iter().filter(demands);
        columns
            .map(move |column| {
                let what = format!(
                    "`{}.{}` must not be null in the table that takes the place",
                    table.1, column.name
                );
                Draft::new((n, act), what)
                    .ours()
                    .note("it fails where a row has no value, and code that writes none fails afterwards")
                    .help("fill the rows first; `db-migrations generate set-not-null` writes the steps")
            })
            .collect::<Vec<_>>()
    })
}

fn added(look: &Look<'_>, at: (usize, &Act)) -> Option<Draft> {
    let What::AddColumn { table, column, .. } = &at.1.what else { return None };
    let without = column.default.as_deref().is_none_or(|default| default.eq_ignore_ascii_case("null"));
    let filled = column.stored || column.virtual_ || column.counts;
    if !column.not_null || !without || filled || look.is_new(table) {
        return None;
    }
    let what = format!("`{table}.{}` must not be null, and has no default", column.name);
    let fails = if look.is_postgres() || look.dialect == Dialect::Sqlite {
        "it fails on a table with rows; inserts of code that does not know the column fail in any case"
    } else {
        "inserts of code that does not know the column fail in strict mode"
    };
    let draft = Draft::new(at, what);
    // squawk takes any default for one
    let draft = if column.default.is_some() { draft.ours() } else { draft };
    Some(
        draft
            .note(fails)
            .help("give it a constant default; or add it without `NOT NULL`, fill it, and run `db-migrations generate set-not-null`"),
    )
}

fn set(look: &Look<'_>, at: (usize, &Act)) -> Option<Draft> {
    match &at.1.what {
        What::SetNotNull { table, column } => {
            let known = look.known.column(table, column);
            let fine = look.is_new(table)
                || look.known.is_checked(table, column)
                || known.is_some_and(|known| known.not_null);
            (!fine).then(|| {
                Draft::new(at, format!("every row of `{table}` is read to see that `{column}` is not null"))
                    .note("nobody can read or write the table while that lasts, and code that writes nulls fails afterwards")
                    .help("add `CHECK (… IS NOT NULL) NOT VALID`, validate it in a migration of its own, then set it; `db-migrations generate set-not-null` writes that")
            })
        }
        What::Redefine { table, old, column } => {
            let known = look.known.column(table, old)?;
            let tightens = !look.is_contract() && column.not_null && !known.not_null && !column.counts;
            (tightens && !look.is_new_column(table, old)).then(|| {
                Draft::new(at, format!("`{table}.{old}` may be null so far, and must not be any more"))
                    .note("it fails, or makes values up, where a row has none; code that writes nulls fails afterwards")
                    .help("fill the rows first; `db-migrations generate set-not-null` writes the steps")
            })
        }
        _ => None,
    }
}
