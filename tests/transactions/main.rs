//! The transaction is ours, and so is the session: no migration ends the one, none leaves anything in the
//! other, and no rebuild on SQLite loses a row.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]
#![expect(clippy::print_stdout, reason = "what was counted is worth reading")]

#[path = "../support/mod.rs"]
mod support;
#[path = "../backend/world.rs"]
#[expect(dead_code, reason = "the suite that it is for uses more of it")]
mod world;

mod cases;
mod corpus;
mod fence;
mod leaks;
mod program;
mod rebuilds;
