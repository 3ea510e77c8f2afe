//! Which migrations change tables that their engine cannot recover (MyISAM, Aria, MEMORY, …).
//!
//! There a failing statement keeps the rows that it has changed so far, a rollback takes nothing
//! back, and after a crash nobody knows how far it came. Such a migration may run; it is named before.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::sql;

use super::{Circumstances, Step};

/// One warning for each migration and table, at most one per table.
pub(super) fn warnings(steps: &[Step], at: &Circumstances<'_>) -> Vec<Diagnostic> {
    let mut engines: BTreeMap<String, String> = at.unrecoverable.clone();
    let default = engines.remove("");
    let mut warnings = Vec::new();
    for step in steps {
        for statement in &step.statements {
            let text = &step.script.text[statement.span.clone()];
            if let Some((table, engine)) = sql::created_with_engine(at.dialect, text) {
                let engine = engine.or_else(|| default.clone());
                match engine.filter(|engine| !sql::recovers(engine)) {
                    Some(engine) => _ = engines.insert(table, engine),
                    None => _ = engines.remove(&table),
                }
            }
            for table in sql::written_tables(at.dialect, text) {
                if let Some(engine) = engines.remove(&table) {
                    let what = format!(
                        "`{}` changes rows of `{table}`, which its engine {engine} cannot take back: a failure or a crash keeps a part",
                        step.id
                    );
                    warnings.push(
                        Diagnostic::new(what)
                            .help("convert the table before: `ALTER TABLE … ENGINE = InnoDB`"),
                    );
                }
            }
        }
    }
    warnings
}
