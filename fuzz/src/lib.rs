//! What must hold of hostile input: one function for each fuzz target.
//!
//! `cargo fuzz` runs them (`run.sh`), and `tests/hostile/corpus.rs` includes this very file and runs
//! them on the committed corpus and on mutations of it, with the stable compiler. They use the public
//! API only. A function panics when its law does not hold; what a text *should* mean is no question here.

#![allow(clippy::unwrap_used, reason = "a broken law should panic")]

mod common;
mod config;
mod directives;
mod file_names;
mod lock_edit;
mod lock_read;
mod split;

pub use config::config;
pub use directives::directives;
pub use file_names::file_names;
pub use lock_edit::lock_edit;
pub use lock_read::lock_read;
pub use split::split;
