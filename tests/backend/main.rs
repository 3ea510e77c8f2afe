//! The contract of the ports, the same for every database: what the engine may rely on.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

#[path = "../support/mod.rs"]
mod support;

mod catch_up;
mod guard;
mod introspection;
mod owners;
mod secrets;
mod session;
mod world;
