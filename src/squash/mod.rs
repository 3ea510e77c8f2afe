//! `squash`: many migrations of a module become one, their base.
//!
//! - `choice`: which migrations, under which id the base goes, and the lock with it in their place
//! - `sort`: what each of their statements is: schema, something to keep, something for a hand
//! - `base`: the text of the base
//! - `rows`: rows of two databases, compared column by column
//! - `state`: rights, counters and filled views, read as lines
//!
//! All of it is pure. What the schema is, and whether the base makes the same as what it replaces, is found
//! out by the engine on scratch databases.

mod base;
mod choice;
mod rows;
mod sort;
pub mod state;

pub use base::{Base, Schema, in_format};
pub use choice::{Choice, choose, with_base};
pub use rows::{Column, Rows, Sight, differences, sequences, unsteady, volatile};
pub use sort::{Fate, Sorted, can_vary, may_write, sort};
