//! SQLite.

use super::Script;
use crate::schema::Schema;

pub(super) fn script(from: &Schema, to: &Schema) -> Script {
    let _ = (from, to);
    Script::default()
}
