//! Which migrations change tables that their engine cannot recover (`MyISAM`, Aria, MEMORY, …).
//!
//! There a failing statement keeps the rows that it has changed so far, a rollback takes nothing
//! back, and after a crash nobody knows how far it came. Such a migration may run; it is named before.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Diagnostic;
use crate::id::MigrationId;
use crate::sql;

use super::{Circumstances, Step};

/// A migration, and a table that it writes to.
pub(super) struct Unrecoverable {
    pub(super) id: MigrationId,
    table: String,
    engine: String,
}

impl Unrecoverable {
    pub(super) fn reason(&self) -> String {
        format!(
            "`{}` changes rows of `{}`, which its engine {} cannot take back",
            self.id, self.table, self.engine
        )
    }

    pub(super) fn warning(&self) -> Diagnostic {
        Diagnostic::new(format!("{}: a failure or a crash keeps a part", self.reason()))
            .help(format!("convert it before: `ALTER TABLE {} ENGINE = InnoDB`", self.table))
    }
}

/// Each migration that writes to such tables, with each of them once.
pub(super) fn unrecoverable(steps: &[Step], at: &Circumstances<'_>) -> Vec<Unrecoverable> {
    let mut engines: BTreeMap<String, String> = at.unrecoverable.clone();
    let default = engines.remove("");
    let mut found = Vec::new();
    for step in steps {
        let mut written = BTreeSet::new();
        for statement in &step.statements {
            let text = &step.script.text[statement.span.clone()];
            if let Some((table, engine)) = sql::created_with_engine(at.dialect, text) {
                match engine.or_else(|| default.clone()).filter(|engine| !sql::recovers(engine)) {
                    Some(engine) => _ = engines.insert(table, engine),
                    None => _ = engines.remove(&table),
                }
            }
            written.extend(
                sql::written_tables(at.dialect, text).into_iter().filter(|t| engines.contains_key(t)),
            );
        }
        let one =
            |table: String| Unrecoverable { id: step.id.clone(), engine: engines[&table].clone(), table };
        found.extend(written.into_iter().filter(|table| engines.contains_key(table)).map(one));
    }
    found
}
