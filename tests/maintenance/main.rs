//! Maintenance mode with everything real: the built program, servers, an application that is asked over HTTP,
//! kills and signals.
//!
//! Needs the feature `tower`, which `test.sh` gives.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

#[path = "../support/mod.rs"]
mod support;

#[expect(dead_code, reason = "its `main` is the program's")]
#[path = "../../examples/axum.rs"]
mod shop;

mod common;
mod ends;
mod hand;
mod kills;
mod over_http;
mod programs;
mod refused;
