//! Migrations of published crates, as their authors wrote them, on the databases that they are for.
#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "../support/mod.rs"]
mod support;

mod adoption;
mod bridges;
mod bundle;
mod checks;
mod consent;
mod counts;
mod diesel;
mod diff;
mod dumps;
mod edits;
mod harness;
#[path = "../diff/common.rs"]
#[allow(dead_code, reason = "for generated schemas")]
mod law;
mod lint;
mod m1;
mod m2;
mod m3;
mod mysql;
mod peers;
mod schemas;
mod squash;
mod tables;
mod zksync;
