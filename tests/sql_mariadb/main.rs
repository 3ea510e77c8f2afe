//! Where MariaDB statements end, with the server itself and its client as the judges.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

#[path = "../support/mod.rs"]
mod support;

mod corpus;
mod generated;
mod harness;
mod statements;
