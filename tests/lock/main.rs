//! The lock: its order rule, its merge, its text. All pure: no file, no database.

mod laws;
mod merge;
mod support;
mod text;
mod vectors;
