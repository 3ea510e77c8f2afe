//! `drop-table`: a table that old code may still use goes, with all rows.

use super::{EVERY, Rule};
use crate::config::Severity;
use crate::lint::draft::Draft;
use crate::lint::look::Look;
use crate::sql::{Act, What};

pub(super) const RULE: Rule = Rule {
    name: "drop-table",
    about: "a table is dropped while code may still use it",
    severity: Severity::Error,
    dialects: EVERY,
    squawk: &["ban-drop-table"],
    timed: false,
    find,
};

fn find(look: &Look<'_>) -> Vec<Draft> {
    let drops = look.acts().filter_map(|(n, act)| {
        let What::DropTable { table, temporary, .. } = &act.what else { return with_others(look, (n, act)) };
        let fine = *temporary || look.is_contract() || look.is_new(table) || look.rebuilt(act).is_some();
        (!fine).then(|| {
            Draft::new((n, act), format!("`{table}` is dropped, with all its rows"))
                .help("deploy code that does not use it first, then drop it in a migration with `phase contract` and `contract-of ID`")
        })
    });
    drops.collect()
}

/// What takes tables, or a part of one, with it.
fn with_others(look: &Look<'_>, at: (usize, &Act)) -> Option<Draft> {
    let is_postgres = look.is_postgres();
    let what = match &at.1.what {
        // on PostgreSQL a schema with tables goes only by `CASCADE`, which has a rule of its own
        What::Drop { noun, object, .. } if noun == "DATABASE" || noun == "SCHEMA" && !is_postgres => {
            format!("the database `{object}` is dropped, with all its tables")
        }
        What::AlterTable { table, words, .. }
            if words.starts_with("drop partition") && !is_postgres && !look.is_new(table) =>
        {
            format!("a partition of `{table}` is dropped, with all its rows")
        }
        _ => return None,
    };
    (!look.is_contract()).then(|| {
        Draft::new(at, what)
            .ours()
            .help("if that is meant, say so: `-- db-migrations: allow drop-table REASON`")
    })
}
