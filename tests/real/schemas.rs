//! Schemas as published crates make them, each built once in a database of its own.

use crate::m1;
use crate::m1::enabling;
use crate::m2;
use crate::m3;
use crate::mysql::hammerwork_mended;
use crate::support::crates::cargo_project;
use crate::support::database::Db;
use crate::support::project::Project;

fn migrated(project: &Project, db: Db) -> Db {
    project.run(&db, &["migrate"]).ok();
    db
}

fn enabled(fixture: &str, module: &str, path: &str) -> Project {
    cargo_project(fixture, &format!("modules: {{ enable: {{ {module}: {{ path: {path} }} }} }}\n"))
}

/// Five crates.
pub(crate) fn m1() -> Option<Db> {
    Some(migrated(&cargo_project("m1", &enabling(&m1::CRATES)), Db::postgres()?))
}

/// Four crates.
pub(crate) fn m2() -> Option<Db> {
    Some(migrated(&cargo_project("m2", m2::CONFIG), Db::postgres()?))
}

/// Four crates on SQLite.
pub(crate) fn m3() -> Option<Db> {
    Some(migrated(&cargo_project("m3", &enabling(&m3::CRATES)), Db::sqlite()))
}

/// Two crates in diesel's layout.
pub(crate) fn diesel() -> Option<Db> {
    Some(migrated(&cargo_project("diesel", &enabling(&["backie", "fang"])), Db::postgres()?))
}

/// One large crate.
pub(crate) fn zksync() -> Option<Db> {
    Some(migrated(&cargo_project("zksync", &enabling(&["zksync_dal"])), Db::postgres()?))
}

/// A job queue on MariaDB.
pub(crate) fn hammerwork() -> Option<Db> {
    Some(migrated(&hammerwork_mended(), Db::mariadb()?))
}

/// An index of files on MariaDB.
pub(crate) fn torrust_mariadb() -> Option<Db> {
    Some(migrated(&enabled("schemas", "torrust-index", "migrations/mysql"), Db::mariadb()?))
}

/// The same on SQLite.
pub(crate) fn torrust_sqlite() -> Option<Db> {
    Some(migrated(&enabled("schemas", "torrust-index", "migrations/sqlite3"), Db::sqlite()))
}

/// A link aggregator, with many functions and triggers.
pub(crate) fn lemmy() -> Option<Db> {
    Some(migrated(&cargo_project("schemas", &enabling(&["lemmy_server"])), Db::postgres()?))
}
