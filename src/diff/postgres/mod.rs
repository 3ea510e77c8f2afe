//! PostgreSQL.

use super::{Script, Style};
use crate::schema::Schema;

pub(super) fn script(from: &Schema, to: &Schema, style: Style) -> Script {
    let _ = (from, to, style);
    Script::default()
}
