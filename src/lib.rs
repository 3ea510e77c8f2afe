//! One ordered whole of the database migrations of an application and of every crate and plugin
//! that it depends on.
//!
//! A crate that you depend on can need tables of its own. This library finds the migrations of all
//! of them ([`discover`]), gathers them ([`catalogue`]), merges them into a committed file that
//! fixes their order ([`lock`]), plans what a database lacks ([`plan`]), runs it in one transaction
//! and checks the resulting schema inside it ([`engine`]). The program `db-migrations` is a thin face
//! over it; README.md shows it at work, `docs/architecture.md` the house.
//!
//! The thinking is pure, so it can be tried without any database:
//!
//! ```
//! use std::collections::BTreeSet;
//! use db_migrations::catalogue::Catalogue;
//! use db_migrations::id::{Namespace, Version};
//! use db_migrations::lock::{Document, Lock, merge};
//! use db_migrations::migration::{Migration, Script, Scripts};
//! use db_migrations::module::{Format, Module, Origin};
//!
//! let module = |namespace: &str, digits: &str| {
//!     let id = format!("{namespace}::{digits}_init").parse().unwrap();
//!     let up = Scripts { plain: Some(Script::new("SELECT 1;\n", "init.sql")), ..Scripts::default() };
//!     Module {
//!         namespace: Namespace::new(namespace).unwrap(),
//!         origin: Origin::Folder,
//!         folder: namespace.to_owned(),
//!         format: Format::Native,
//!         depends_on: BTreeSet::new(),
//!         migrations: vec![Migration::new(id, Version::number(digits).unwrap(), up)],
//!         checks: Vec::new(),
//!     }
//! };
//! let modules = vec![module("shop", "20240601000000"), module("users", "20240101000000")];
//! let catalogue = Catalogue::gather(modules).unwrap();
//! let merged = merge(&Lock::default(), &catalogue, None).unwrap();
//! let text = Document::parse("migrations-lock.yml", "").unwrap().edit(&merged.lock).unwrap();
//! let ids: Vec<&str> = text.lines().filter_map(|line| line.split_once(": ")).map(|(id, _)| id).collect();
//! assert_eq!(ids[1..], ["users::20240101000000_init", "shop::20240601000000_init"]);
//! ```

pub mod adopt;
pub mod backend;
pub mod bundle;
pub mod catalogue;
#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
pub mod database;
pub mod diagnostic;
pub mod dialect;
pub mod diff;
pub mod discover;
pub mod drift;
pub mod engine;
pub mod event;
mod fault;
pub mod generate;
pub mod git;
pub mod history;
pub mod id;
pub mod lint;
pub mod lock;
pub mod lockfile;
pub mod maintenance;
pub mod migration;
pub mod module;
pub mod plan;
mod program;
#[cfg(feature = "cli")]
pub mod report;
pub mod review;
pub mod run_id;
pub mod schema;
pub mod secret;
pub mod snapshot;
pub mod sql;
pub mod squash;
pub mod tls;
pub mod tool;
