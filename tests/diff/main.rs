//! The generators of scripts before real servers: what makes one schema of another makes exactly that.
//!
//! The law: for generated pairs (a, b), the script from a to b carried out on a gives what the check cannot tell from b.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

#[path = "../support/mod.rs"]
mod support;

mod common;
mod mysql;
mod mysql_cases;
mod postgres;
mod postgres_cases;
mod sqlite;
mod sqlite_cases;
