//! MariaDB, where DDL commits behind our back: what stays, what is said of it, and how a run goes on.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

#[path = "../support/mod.rs"]
mod support;

mod adoption;
mod common;
mod compensation;
mod corpus;
mod journal;
mod kills;
mod positions;
mod rehearsal;
mod rows_only;
mod settings;
mod waiting;
