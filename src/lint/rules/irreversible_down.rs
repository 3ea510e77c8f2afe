//! `irreversible-down`: the way back leaves what the way there has made.

use super::{EVERY, Rule};
use crate::config::Severity;
use crate::lint::draft::Draft;
use crate::lint::look::Look;
use crate::sql::{Act, Object, What};

pub(super) const RULE: Rule = Rule {
    name: "irreversible-down",
    about: "a way back leaves what the migration has made",
    severity: Severity::Warn,
    dialects: EVERY,
    squawk: &[],
    timed: false,
    find,
};

fn find(look: &Look<'_>) -> Vec<Draft> {
    let Some((script, down)) = look.down else { return Vec::new() };
    let back: Vec<&What> = down.iter().flat_map(|reading| &reading.acts).map(|act| &act.what).collect();
    let makes = look.acts().any(|(_, act)| act.what.is_schema());
    if back.is_empty() && makes {
        let message = format!("the way back `{}` does nothing", script.path);
        return vec![in_down(0..script.text.len().min(1), message)];
    }
    // bodies and whole schemas take away what cannot be seen
    let hides = |what: &&What| match what {
        What::Other => true,
        What::Drop { noun, .. } => noun == "SCHEMA" || noun == "OWNED",
        _ => false,
    };
    if back.iter().any(hides) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (_, act) in look.acts() {
        let Some(left) = left(act, &back, look) else { continue };
        let span = down.first().map_or(0..0, |reading| reading.span.clone());
        found.push(in_down(span, format!("the way back leaves {left}")));
    }
    found
}

fn in_down(span: std::ops::Range<usize>, message: String) -> Draft {
    let mut draft = Draft::at(None, span, message)
        .help("take away there what the migration makes; or say why not: `-- db-migrations: allow irreversible-down REASON`");
    draft.in_down = true;
    draft
}

/// What is made and not taken away again.
fn left(act: &Act, back: &[&What], look: &Look<'_>) -> Option<String> {
    let drops = |name: &Object| {
        back.iter().any(|what| match what {
            What::DropTable { table, .. } | What::Drop { object: table, .. } => is_same(table, name),
            What::RenameTable { from, .. } => is_same(from, name),
            _ => false,
        })
    };
    match &act.what {
        What::CreateTable { table, temporary: false, .. } => {
            // `OR REPLACE` drops what was there, not what comes
            let mut others = look.acts().filter(|(_, other)| other.span != act.span);
            let ends_here = others.any(|(_, act)| match &act.what {
                What::DropTable { table: other, .. } | What::RenameTable { from: other, .. } => {
                    is_same(other, table)
                }
                _ => false,
            });
            (!ends_here && !drops(table)).then(|| format!("the table `{table}`"))
        }
        What::AddColumn { table, column, .. } => {
            let gone = drops(table)
                || back.iter().any(|what| match what {
                    What::DropColumn { table: other, column: name, .. } => {
                        is_same(other, table) && name.eq_ignore_ascii_case(&column.name)
                    }
                    What::RenameColumn { table: other, from, .. } => {
                        is_same(other, table) && from.eq_ignore_ascii_case(&column.name)
                    }
                    // a table that is built anew
                    What::CreateTable { .. } => true,
                    _ => false,
                });
            (!gone).then(|| format!("the column `{table}.{}`", column.name))
        }
        What::CreateIndex { name: Some(name), table, .. } => {
            let gone = drops(table)
                || back.iter().any(|what| match what {
                    What::DropIndex { index, .. } => index.name.eq_ignore_ascii_case(name),
                    // with the column, or with a table that is built anew
                    What::DropColumn { table: other, .. } => is_same(other, table),
                    What::CreateTable { .. } => true,
                    _ => false,
                });
            (!gone).then(|| format!("the index `{name}`"))
        }
        _ => None,
    }
}

fn is_same(one: &Object, other: &Object) -> bool {
    one.name.eq_ignore_ascii_case(&other.name)
}
