//! Where connections come from, and the databases that are thrown away.
//!
//! Nothing here knows what a connection does: that is asked of a [`Database`].

use std::path::Path;

use super::{BoxFuture, Database, DatabaseError, Holder};
use crate::dialect::Dialect;

/// Where connections come from.
pub trait Connect: Send + Sync {
    /// Connects to the database.
    fn connect(&self) -> BoxFuture<'_, Result<Box<dyn Database>, DatabaseError>>;
    /// Makes an empty database of the same engine, to be thrown away.
    fn scratch(&self) -> BoxFuture<'_, Result<Scratch, DatabaseError>>;
    /// The engine.
    fn dialect(&self) -> Dialect;
    /// Whether the database is on this machine.
    fn is_local(&self) -> bool;
    /// The file of the database, where there is none: to look at it is to look at an empty database.
    fn absent_file(&self) -> Option<&Path> {
        None
    }
    /// What is weak about how the server is reached, for people.
    fn warnings(&self) -> &[String] {
        &[]
    }
    /// All that [`Connect::clear`] would drop.
    fn contents(&self) -> BoxFuture<'_, Result<Contents, DatabaseError>>;
    /// Ends what a dropped connection of this left at work at the server, scratch databases included; whether it
    /// is known that nothing is left. What was open is rolled back by then.
    fn end_sessions(&self) -> BoxFuture<'_, bool> {
        Box::pin(async { false })
    }
    /// Who holds locks that a connection of this waits for now.
    fn blockers(&self) -> BoxFuture<'_, Vec<Holder>> {
        Box::pin(async { Vec::new() })
    }
    /// Drops everything in the database, our own tables included.
    fn clear(&self) -> BoxFuture<'_, Result<(), DatabaseError>>;
}

/// What is in a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Where, for people.
    pub address: String,
    /// Each object, for people.
    pub objects: Vec<String>,
}

/// A throwaway database.
pub struct Scratch {
    /// Its name, which its errors may hold; empty where it has none.
    pub name: String,
    /// A connection to it.
    pub database: Box<dyn Database>,
    /// What removes it, once the connection is closed.
    pub discard: BoxFuture<'static, ()>,
}
