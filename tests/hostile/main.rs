//! What nobody sane would write, and somebody will: texts, files, names and settings that are damaged
//! or meant to do harm. Each is refused with its place or does nothing, and nothing hangs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]
#![cfg(unix)]

#[path = "../support/mod.rs"]
mod support;

/// The bodies of the fuzz targets.
#[path = "../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, dead_code, reason = "there they are the face of a crate")]
mod targets;

mod bombs;
mod confined;
mod corpus;
mod files;
mod found;
mod lock_bytes;
mod lock_writes;
mod names;
mod paths;
mod settings;
mod terminal;
