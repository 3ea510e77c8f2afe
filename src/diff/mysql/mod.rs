//! MariaDB and MySQL.

use super::Script;
use crate::dialect::Dialect;
use crate::schema::Schema;

pub(super) fn script(dialect: Dialect, from: &Schema, to: &Schema) -> Script {
    let _ = (dialect, from, to);
    Script::default()
}
