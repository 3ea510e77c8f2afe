//! The engine: it sees ports and values, never a particular database, file format or terminal.
//!
//! - `project`: what is known without a database
//! - `prepare`: merge and plan, as one value
//! - `execute`: walks a plan; `stopped` says what came of one that did not end well
//! - `rehearse`: a run that the database commits bit by bit, first on a scratch database
//! - `compensate`: down scripts after a failure
//! - `release`: what a deploy is called, and what it may run
//! - `replay`: what the lock makes of an empty database
//! - `check`: the schema check
//! - `declared`: what people declare, on a scratch database, and whose each object is (`owners`)
//! - `diff`: the migration that makes what is declared
//! - `squash`: many migrations become one, and the proof
//! - `migrate`: the flow, on one page; `waiting`, `refusal` and `verdict` are its steps
//! - `record`: writing into the history without running anything
//! - `write_sql`: a run as text, for another client
//! - `adopt`: other tools' histories, in a run
//! - `mirror`: our rows in other tools' tables
//! - `mend`: rows of the history that do not fit
//! - `maintenance`: an application is told that it must not work meanwhile
//! - `dump`: a first migration of what is there; `rollup`: a history of one row
//! - `status`, `import`, `repair`, `version`, `layout`, `snapshots`: the other commands' work

mod adopt;
mod beside;
mod check;
mod compensate;
mod consent;
mod declared;
pub mod diff;
mod dump;
mod execute;
mod failure;
mod import;
mod layout;
mod maintenance;
mod mend;
mod migrate;
mod mirror;
pub mod online;
mod owners;
mod prepare;
mod project;
mod record;
mod refusal;
mod rehearse;
mod release;
mod repair;
mod replay;
mod retry;
mod rollup;
mod seen;
mod snapshots;
pub mod squash;
mod status;
mod stopped;
mod verdict;
mod version;
mod waiting;
mod write_sql;

pub use adopt::{Adoption, unadopted};
pub use check::{CheckMode, Verdict, compare_with, policy as drift_policy};
pub use declared::{Declared, Owned, declared, owned};
pub use dump::{Dumped, dump_schema};
pub use failure::{Failure, Kind as FailureKind};
pub use import::{Import, Source, import, unknown_module};
pub use layout::sync_layout;
pub use maintenance::Maintenance;
pub use mend::{Mend, Misfit, MisfitKind, mend, misfits, to_mend};
pub use migrate::{Applied, CaughtUp, LockMode, Migrated, Outcome, Request, migrate};
pub use owners::Owners;
pub use prepare::{Aim, Prepared, prepare, prepare_for};
pub use project::Project;
pub use refusal::{locked_refusals, strangers_diagnostic};
pub use release::Release;
pub use repair::{Repair, ToRepair, repair, to_repair};
pub use replay::{Replayed, replay};
pub use rollup::{Rollup, roll_up, to_roll_up};
pub use snapshots::{SnapshotState, checked as checks_schema, renew, snapshot_state, write_snapshot};
pub use status::{Line, State, Status, status};
pub use verdict::undeclared;
pub use version::{Mark, Which, mark, to_mark};
pub use write_sql::{WRITTEN_BY, WrittenRun, write_sql};
