//! The declared schema: what people wrote, made on a scratch database; and whose each object is.

use std::collections::BTreeMap;

use crate::database::Connect;
use crate::event::Sink;
use crate::id::Namespace;
use crate::lock::Merged;
use crate::migration::Script;
use crate::schema::{Kind, Schema};

use super::failure::Failure;
use super::project::Project;

/// Which module made which object, by kind and name.
pub type Owners = BTreeMap<(Kind, String), Namespace>;

/// The declared schema.
#[derive(Clone, Debug)]
pub struct Declared {
    /// What it makes of an empty database.
    pub schema: Schema,
    /// The server that made it: `PostgreSQL 15.20`.
    pub server: String,
    /// Whose text, or whose migrations, made each object.
    pub owners: Owners,
    /// The texts that people wrote, in the order in which they were loaded.
    pub texts: Vec<Script>,
}

/// What the lock makes of an empty database, and by whose migrations.
#[derive(Clone, Debug)]
pub struct Owned {
    /// The schema.
    pub schema: Schema,
    /// The server that made it.
    pub server: String,
    /// Whose migrations made each object.
    pub owners: Owners,
    /// Statements that reach beyond a database, which were not replayed.
    pub left_out: Vec<String>,
}

/// Loads what is declared into a scratch database.
pub async fn declared(
    project: &Project,
    merged: &Merged,
    scratch: &dyn Connect,
    sink: &mut dyn Sink,
) -> Result<Declared, Failure> {
    let _ = (project, merged, scratch, sink);
    todo!("soon")
}

/// Replays the lock, and learns whose each object is.
pub async fn owned(
    project: &Project,
    merged: &Merged,
    scratch: &dyn Connect,
    sink: &mut dyn Sink,
) -> Result<Owned, Failure> {
    let _ = (project, merged, scratch, sink);
    todo!("soon")
}
