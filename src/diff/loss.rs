//! What a change would lose for good, and the schema that keeps it.

use crate::dialect::Dialect;
use crate::schema::{Kind, Schema};

/// Something that would be lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The kind of the object.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// The part of a table, as in [`crate::sql::Part::name`]: `column id`.
    pub part: Option<String>,
    /// What is lost, for people: `its rows`, `digits behind the point`.
    pub what: String,
}

/// What the way from one schema to the other loses.
pub fn losses(dialect: Dialect, from: &Schema, to: &Schema) -> Vec<Loss> {
    let _ = (dialect, from, to);
    Vec::new()
}

/// The wanted schema with all that would be lost still in it.
pub fn retain(dialect: Dialect, from: &Schema, to: &Schema, losses: &[Loss]) -> Schema {
    let _ = (dialect, from, losses);
    to.clone()
}
