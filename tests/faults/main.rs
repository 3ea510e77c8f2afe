//! The program dies, fails, panics or is interrupted at every named moment of a run (`src/fault.rs`): the database
//! is as before or as after an undisturbed run, what was printed is true, and the next plain `migrate`
//! completes without hand work.
//!
//! Needs the feature `faults`, which `test.sh` gives.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

#[path = "../support/mod.rs"]
mod support;

mod coverage;
mod cuts;
mod dropped;
mod many;
mod points;
mod random;
mod scene;
mod signals;
mod tries;
