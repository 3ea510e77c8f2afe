//! `diff`: the migration that makes what is declared of what there is.
//!
//! - `sides`: both schemas, as far as they may change
//! - `renames`: what is a new name and not a drop and an addition
//! - `start`: the renames, done
//! - `way`: the statements, as changes that become files, each with what undoes it
//! - `prove`: all of it on a scratch database (`bench`), with rows: up, down, up
//!
//! The caller asks between these steps, gives the files their names, and writes them.

mod bench;
mod prove;
mod renames;
mod sides;
mod start;
mod way;

use crate::database::Connect;
use crate::diff::Style;
use crate::drift::Filter;
use crate::id::Namespace;

pub(super) use bench::Bench;
pub use prove::{Doubt, Proof, ToProve, prove};
pub use renames::{Renames, renames, shell_word, text as rename_text};
pub(super) use sides::live;
pub use sides::{Sides, sides};
pub use way::{Change, Direction, Way, loss as loss_text, loss_line, way};

/// What a change begins at.
#[derive(Clone, Copy)]
pub enum Base<'a> {
    /// What the lock makes of an empty database.
    Lock,
    /// What is in a database.
    Live(&'a dyn Connect),
    /// Nothing.
    Empty,
}

/// What is asked of `diff`.
pub struct Request<'a> {
    /// What the change begins at.
    pub base: Base<'a>,
    /// Where scratch databases are made.
    pub scratch: &'a dyn Connect,
    /// The module that gets the migration.
    pub module: Namespace,
    /// Only what belongs to that module changes.
    pub only_own: bool,
    /// What may change.
    pub filter: Filter,
    /// What would be lost is dropped.
    pub allow_drop: bool,
    /// How the statements are to be.
    pub style: Style,
}
