//! The program dies, fails, panics or is interrupted at every named moment of a run (`src/fault.rs`): the database
//! is as before or as after an undisturbed run, what was printed is true, and the next plain `migrate`
//! completes without hand work.
//!
//! Needs the feature `faults`, which `test.sh` gives.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

#[cfg(feature = "faults")]
mod coverage;
#[cfg(feature = "faults")]
mod cuts;
#[cfg(feature = "faults")]
mod dropped;
#[cfg(feature = "faults")]
mod many;
#[cfg(feature = "faults")]
mod points;
#[cfg(feature = "faults")]
mod random;
#[cfg(feature = "faults")]
mod scene;
#[cfg(feature = "faults")]
mod signals;
#[cfg(feature = "faults")]
#[path = "../support/mod.rs"]
mod support;
#[cfg(feature = "faults")]
mod tries;

#[cfg(not(feature = "faults"))]
#[test]
fn skipped() {
    use std::io::Write;
    // not by `eprintln`: the harness would swallow it
    let _ =
        writeln!(std::io::stderr(), "skipped: faults (run `cargo test --features faults`, or `./test.sh`)");
}
