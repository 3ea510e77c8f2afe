//! The lock: its order rule, its merge, its text. All pure: no file, no database.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod laws;
mod merge;
mod resolve;
mod support;
mod text;
mod vectors;
