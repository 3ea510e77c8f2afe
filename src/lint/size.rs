//! How large the touched tables are: shown with a finding, and where they are small, what is only about time
//! does not count.

use std::collections::HashMap;

use super::Finding;
use super::known::{Key, folded, key};
use crate::database::TableSize;
use crate::dialect::Dialect;
use crate::sql::{Kind, Object};

/// How large a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// How many rows it has, as the database estimates.
    pub rows: u64,
    /// How much it holds with its indexes, where that is known.
    pub bytes: Option<u64>,
}

impl Size {
    /// `about 1200 rows, 3.4 MB`.
    pub fn words(&self) -> String {
        let rows = format!("about {} rows", self.rows);
        let Some(bytes) = self.bytes else { return rows };
        let (mut value, mut unit) = (bytes, "B");
        for next in ["kB", "MB", "GB", "TB"] {
            if value < 10_000 {
                break;
            }
            (value, unit) = (value / 1000, next);
        }
        format!("{rows}, {value} {unit}")
    }
}

/// Says with each finding how large the table is, and marks those on tables of up to `small` rows.
pub fn sized(found: &mut [Finding], sizes: &[TableSize], small: u32) {
    let mut by_key: HashMap<Key, Size> = HashMap::new();
    // all findings here are of one database
    let dialect = found.first().map_or(Dialect::Postgres, |finding| finding.dialect);
    for table in sizes {
        let object = Object { kind: Kind::Relation, schema: table.schema.clone(), name: table.table.clone() };
        let size = Size { rows: table.rows, bytes: table.bytes };
        // a name without a schema means the first one that has it, the usual one before others
        by_key.entry((None, folded(dialect, &table.table))).or_insert(size);
        by_key.insert(key(dialect, &object), size);
    }
    for finding in found {
        let Some(size) = finding.table.as_ref().and_then(|table| by_key.get(&key(dialect, table))) else {
            continue;
        };
        finding.size = Some(*size);
        finding.is_small = finding.is_timed && size.rows <= u64::from(small);
        if let Some(table) = &finding.table {
            finding.diagnostic.notes.insert(0, format!("`{table}` has {}", size.words()));
        }
    }
}
