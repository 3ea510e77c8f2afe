//! The contract of the ports, the same for every database: what the engine may rely on.

#[path = "../support/mod.rs"]
mod support;

mod guard;
mod introspection;
mod session;
mod world;
