//! `enum-value-used`: a new value of an enum is used in the transaction that adds it, which PostgreSQL refuses.

use super::{POSTGRES, Rule};
use crate::config::Severity;
use crate::lint::draft::Draft;
use crate::lint::look::Look;
use crate::sql::{AddedValue, What, added_enum_value};

pub(super) const RULE: Rule = Rule {
    name: "enum-value-used",
    about: "a new enum value is used in the same transaction",
    severity: Severity::Error,
    dialects: POSTGRES,
    squawk: &[],
    timed: false,
    find,
};

fn find(look: &Look<'_>) -> Vec<Draft> {
    if look.script.no_transaction {
        return Vec::new();
    }
    let mut added: Vec<AddedValue> = Vec::new();
    let mut found = Vec::new();
    for n in 0..look.readings.len() {
        let text = look.text(n);
        let used = added.iter().find(|value| value.is_used_in(text) || is_written(look, n, &value.value));
        if let Some(value) = used {
            let message =
                format!("`{}` is used in the transaction that adds it to `{}`", value.value, value.type_name);
            found.push(
                Draft::at(Some(n), look.readings[n].span.clone(), message)
                    .note("PostgreSQL refuses that (55P04)")
                    .help("add the value in a migration of its own, before this one"),
            );
        }
        added.extend(added_enum_value(look.dialect, text));
    }
    found
}

/// Whether a statement that changes rows, or the default of a column, writes the value as a literal.
fn is_written(look: &Look<'_>, n: usize, value: &str) -> bool {
    let writes = look.readings[n].acts.iter().any(|act| match &act.what {
        What::Rows(_) => true,
        What::AlterTable { words, .. } => words.contains(" default "),
        What::AddColumn { column, .. } => column.default.is_some(),
        _ => false,
    });
    writes && look.text(n).contains(&format!("'{}'", value.replace('\'', "''")))
}
