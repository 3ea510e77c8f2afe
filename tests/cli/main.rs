//! The program end to end: folders with migrations, real databases, exit codes and what is said.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

#[path = "../support/mod.rs"]
mod support;

mod adoption;
mod attacks;
mod bases;
mod bit_by_bit;
mod blocked;
mod bookkeeping;
mod bridges;
mod bundle;
mod bundle_outside;
mod bundle_proof;
mod bundle_roles;
mod canary;
mod coming_from;
mod commands;
mod common;
mod consent;
mod copies;
mod declared;
mod dependency;
mod diff;
mod diff_asks;
mod diff_modules;
mod diff_proof;
mod failure;
mod faults;
mod first_migration;
mod generating;
mod json;
mod lint;
mod lock_command;
mod lock_git;
mod lock_refusals;
mod looking;
mod modes;
mod names;
mod online;
mod online_safe;
mod phases;
mod pooler;
mod refusals;
mod renames;
mod repairing;
mod roles;
mod schema;
mod schema_check;
mod schema_diff;
mod settings;
mod split;
mod sqlite_keys;
mod squash;
mod squash_proof;
mod targets;
mod tls;
mod together;
mod traffic;
mod unfinished;
mod unwritten;
mod write_sql;
