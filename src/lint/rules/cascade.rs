//! `cascade`: `CASCADE` takes away what the statement does not name.

use super::{POSTGRES, Rule};
use crate::config::Severity;
use crate::lint::draft::Draft;
use crate::lint::look::Look;
use crate::sql::{Act, Object, What};

pub(super) const RULE: Rule = Rule {
    name: "cascade",
    about: "CASCADE takes away what nobody names",
    severity: Severity::Error,
    dialects: POSTGRES,
    squawk: &[],
    timed: false,
    find,
};

fn find(look: &Look<'_>) -> Vec<Draft> {
    // one of a list that goes
    let mut told = std::collections::HashSet::new();
    look.acts().filter_map(|at| of(look, at).filter(|_| told.insert(at.1.span.start))).collect()
}

fn of(look: &Look<'_>, at: (usize, &Act)) -> Option<Draft> {
    let (what, help) = match &at.1.what {
        What::DropTable { table, cascade: true, .. } if !look.is_new(table) => (format!("`{table}`"), DROP),
        What::DropColumn { table, column, cascade: true, .. } if !look.is_new_column(table, column) => {
            (format!("`{table}.{column}`"), DROP)
        }
        What::Drop { object, cascade: true, noun, .. } if !is_made_here(look, object) => {
            (format!("the {} `{object}`", noun.to_lowercase()), DROP)
        }
        What::DropIndex { index, cascade: true, .. } => (format!("the index `{index}`"), DROP),
        What::AlterTable { table, words, cascade: true }
            if words.starts_with("drop ") && !look.is_new(table) =>
        {
            (format!("a constraint of `{table}`"), DROP)
        }
        What::Rows(rows) if rows.cascade && !look.is_new(&rows.table) => {
            let what = format!(
                "with `{}`, every table that points at it is emptied, and every one that points at those",
                rows.table
            );
            return Some(Draft::new(at, what).help("name each table that is meant"));
        }
        _ => return None,
    };
    Some(Draft::new(at, format!("with {what} goes everything that depends on it, named nowhere")).help(help))
}

const DROP: &str = "drop what depends on it by name first, and leave `CASCADE` out";

fn is_made_here(look: &Look<'_>, wanted: &Object) -> bool {
    look.acts()
        .any(|(_, act)| matches!(&act.what, What::Create { object: Some(object), .. } if object == wanted))
}
