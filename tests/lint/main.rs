//! The linter on its corpus, and its pages.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod corpus;
mod deep;
mod pages;
mod speed;
mod world;
