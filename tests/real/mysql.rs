//! Three crates with migrations for MySQL, on MariaDB. One runs; one fails at its 16th migration, since
//! MariaDB has no `DROP CHECK`; one fails at once, at a collation that MariaDB does not know.

use std::fs;

use crate::checks::{ids, migrate_and_prove, states};
use crate::m1::enabling;
use crate::support::crates::{cargo_project, source};
use crate::support::database::Db;
use crate::support::project::Project;

const SIXTEENTH: &str = "hammerwork::016_versioned_encryption_keys";
const FILE: &str = "plugins/hammerwork/migrations/016_versioned_encryption_keys.mysql.sql";

#[test]
fn fang_runs() {
    let Some(db) = Db::mariadb() else { return };
    let config = enabling(&["fang"]).replace("fang: {}", "fang: { path: mysql_migrations/migrations }");
    let project = cargo_project("mysql", &config);
    migrate_and_prove(&project, &db).says("1 migration committed");
    assert_eq!(ids(&project.lock()), ["fang::2023-08-17-102017_create_fang_tasks"]);
    assert_eq!(states(&project, &db), "1 applied");
    assert_eq!(db.query("SHOW TABLES LIKE 'fang%'"), ["fang_tasks"]);
}

/// A copy of hammerwork's files for MySQL that can be edited, without a rehearsal.
fn hammerwork() -> Project {
    let published = cargo_project("mysql", "modules: {}\n");
    let folder = source(&published, "hammerwork").join("src/migrations");
    let project =
        Project::with_config("cargo: off\npolicy: { rehearsal: off }\nmodules: { paths: [\"plugins/*\"] }\n");
    project.write("plugins/hammerwork/module.yml", "namespace: hammerwork\n");
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if name.ends_with(".mysql.sql") {
            project.write(&format!("plugins/hammerwork/migrations/{name}"), fs::read(entry.path()).unwrap());
        }
    }
    project
}

/// The same, which runs on MariaDB.
pub(crate) fn hammerwork_mended() -> Project {
    let project = hammerwork();
    project.edit(FILE, "DROP CHECK check_operation", "DROP CONSTRAINT check_operation");
    project
}

#[test]
fn hammerwork_stops_where_it_is_said_and_goes_on_once_it_is_mended() {
    let Some(db) = Db::mariadb() else { return };
    let project = hammerwork();
    let output = project.run(&db, &["migrate"]).exits(4).says(&format!("migration `{SIXTEENTH}` failed"));
    let output = output.says(&format!("{FILE}:39:1")).says("near 'CHECK check_operation'");
    let output = output.says("statement 10 of 16").says("its first 7 statements stayed");
    let output = output.says(
        "stayed: 15 migrations, from `hammerwork::001_initial_schema` to `hammerwork::015_add_job_leases`",
    );
    let output = output.says("not begun: 5 migrations, the first is `hammerwork::017_add_kms_data_keys`");
    output.says(&format!("repair --mark-done {SIXTEENTH}")).does_not_say("rolled back");
    assert_eq!(db.count("SELECT COUNT(*) FROM db_migrations"), 15);
    let status = project.run(&db, &["status"]).ok().says("partial (7/16)").says("statement 10 failed");
    status.says("15 applied, 5 pending, 1 partial");
    project.edit(FILE, "DROP CHECK check_operation", "DROP CONSTRAINT check_operation");
    project.run(&db, &["migrate"]).ok().says("6 migrations committed").says("schema check: passed");
    assert_eq!(states(&project, &db), "21 applied");
    let fresh = db.another();
    project.run(&fresh, &["migrate", "--locked"]).ok();
    assert_eq!(fresh.dump_schema(), db.dump_schema());
}

#[test]
fn a_rehearsal_finds_it_before_anything_is_touched() {
    let Some(db) = Db::mariadb() else { return };
    let config = enabling(&["hammerwork"]).replace("hammerwork: {}", "hammerwork: { path: src/migrations }");
    let project = cargo_project("mysql", &config);
    let output = project.run(&db, &["migrate"]).exits(3).says(&format!("migration `{SIXTEENTH}` failed"));
    output.says("016_versioned_encryption_keys.mysql.sql:39:1").says("nothing was touched");
    assert!(db.is_empty());
    assert!(!project.exists("migrations-lock.yml"));
}

#[test]
fn apalis_sql_fails_at_a_collation_that_mariadb_does_not_know() {
    let Some(db) = Db::mariadb() else { return };
    let project = cargo_project("mysql", &enabling(&["apalis-sql"]));
    let output = project.run(&db, &["migrate"]).exits(3).says("apalis-sql::20220530084123_jobs_workers");
    output.says("Unknown collation").says("nothing was touched");
    assert!(db.is_empty());
    let output = project.run(&db, &["migrate", "--rehearsal", "off"]).exits(3).says("Unknown collation");
    output.says("nothing of this run stayed").does_not_say("rolled back");
}
