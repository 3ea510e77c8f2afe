//! Random ids of runs and scratch databases.
//!
//! Taken from the random keys that the standard library seeds its hash maps with, and the time: not
//! a secret, only unlikely to come twice.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

/// 16 hexadecimal digits.
pub fn random() -> String {
    let mut hasher = RandomState::new().build_hasher();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    hasher.write_u128(now);
    hasher.write_u32(std::process::id());
    format!("{:016x}", hasher.finish())
}
