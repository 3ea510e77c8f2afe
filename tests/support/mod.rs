//! What the test binaries share: throwaway databases, project folders that the built program runs in,
//! and real Cargo projects.
#![allow(dead_code, reason = "each test binary uses a part")]
#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

pub(crate) mod certificates;
pub(crate) mod connect;
pub(crate) mod crates;
pub(crate) mod database;
pub(crate) mod mariadb;
pub(crate) mod measured;
pub(crate) mod pgbouncer;
pub(crate) mod postgres;
pub(crate) mod project;
#[cfg(feature = "redis")]
pub(crate) mod redis;
mod server;
pub(crate) mod tls;

use std::future::Future;

/// Runs a future to its end, on a runtime of its own.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Random lower-case hex digits, for names that nobody else has.
pub(crate) fn random() -> String {
    use std::hash::{BuildHasher, RandomState};
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

/// The SHA-256 of a text, as `sha256sum` prints it.
pub(crate) fn sha256(text: &str) -> String {
    use sha2::{Digest, Sha256};
    use std::fmt::Write;
    Sha256::digest(text.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}
