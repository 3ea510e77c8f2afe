//! One ordered whole of the database migrations of an application and of every crate and plugin
//! that it depends on.

pub mod backend;
pub mod catalogue;
#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
pub mod database;
pub mod diagnostic;
pub mod dialect;
pub mod discover;
pub mod drift;
pub mod engine;
pub mod event;
pub mod generate;
pub mod history;
pub mod id;
pub mod lock;
pub mod lockfile;
pub mod migration;
pub mod module;
pub mod plan;
#[cfg(feature = "cli")]
pub mod report;
pub mod run_id;
pub mod schema;
pub mod snapshot;
pub mod sql;
