//! Four crates on SQLite. Two migrations of `apalis-sqlite` are copies of the SQLite variants of
//! `apalis-sql`, which also has texts for PostgreSQL and MySQL.

use crate::checks::{a_copy_cannot_run_twice, ids, migrate_and_prove, states};
use crate::counts::Counts;
use crate::m1::enabling;
use crate::support::crates::cargo_project;
use crate::support::database::Db;

pub(crate) const CRATES: [&str; 4] =
    ["apalis-sql", "apalis-sqlite", "atuin-server-sqlite", "openmls_sqlx_storage"];

#[test]
fn copies_of_variants_are_found() {
    let db = Db::sqlite();
    let project = cargo_project("m3", &enabling(&CRATES));
    migrate_and_prove(&project, &db)
        .says("20 migrations committed")
        .says("`apalis-sqlite::20220530084123_jobs_workers` is a copy of `apalis-sql::20220530084123_jobs_workers`")
        .says("`apalis-sqlite::20250313213411_add_job_priority` is a copy of `apalis-sql::20250313213411_add_job_priority`");
    assert_eq!(Counts::of(&db), Counts { tables: 15, indexes: 17, ..Counts::default() });
    assert_eq!(states(&project, &db), "20 applied, 2 copies, 11 not-applicable");
    let lock = project.lock();
    assert_eq!(ids(&lock).len(), 33);
    assert_eq!(lock.matches("same-as:").count(), 2);
    assert_eq!(lock.matches("{ skip: true").count(), 2);
    let plan = project.run(&db.another(), &["plan"]).ok();
    assert_eq!(plan.stdout.matches("not-applicable").count(), 11, "{plan}");

    a_copy_cannot_run_twice(
        &project,
        &db,
        "apalis-sqlite::20250313213411_add_job_priority",
        "duplicate column name: priority",
    );
}

/// With only the folder for SQLite named, nothing is left for other databases.
#[test]
fn a_narrower_path_leaves_the_other_databases_out() {
    let db = Db::sqlite();
    let config = enabling(&CRATES).replace("apalis-sql: {}", "apalis-sql: { path: migrations/sqlite }");
    let project = cargo_project("m3", &config);
    migrate_and_prove(&project, &db).says("20 migrations committed");
    assert_eq!(ids(&project.lock()).len(), 22);
    assert_eq!(states(&project, &db), "20 applied, 2 copies");
    assert_eq!(Counts::of(&db), Counts { tables: 15, indexes: 17, ..Counts::default() });
}
