//! diesel: a folder for each migration, versions that are compared as text, no checksums. Its client for
//! MariaDB needs more than a C compiler to build, so that it is run on SQLite and PostgreSQL here.

use std::path::Path;

use super::{File, Tool, program, url, write};
use crate::support::database::Db;
use crate::support::project::{Output, Project};

pub(super) const DIESEL: Tool =
    Tool { name: "diesel", table: "__diesel_schema_migrations", columns: "version, run_on", run };

fn run(db: &Db, folder: &Path) -> Output {
    Output::of(program("diesel").arg(url(db)).arg(folder), &["diesel"])
}

fn on_each(test: impl Fn(&Db)) {
    test(&Db::sqlite());
    if let Some(db) = Db::postgres() {
        test(&db);
    }
}

const SETUP: File = ("00000000000000_diesel_initial_setup/up.sql", "CREATE TABLE setup (id integer);\n");
const SIZES: File = (
    "2024-01-01-000000_größen_и_цены/up.sql",
    "-- Größen\r\nCREATE TABLE sizes (\r\n    id integer PRIMARY KEY,\r\n    label varchar(40) NOT NULL DEFAULT '36½'\r\n);\r\n",
);
/// Its version is greater than any date, as text; a number of days.
const NINE: File = ("9_nine/up.sql", "INSERT INTO ten VALUES (9);\n");
const TEN: File = ("10_ten/up.sql", "CREATE TABLE ten (id integer PRIMARY KEY);\n");
const REST: File = ("91_rest/up.sql", "CREATE TABLE rest (id integer PRIMARY KEY);\n");

const FIRST: [File; 4] = [SETUP, SIZES, NINE, TEN];

/// The first ones and what stands beside them: that is no migration.
fn past(db: &Db) -> Project {
    let project = DIESEL.past(db, &FIRST);
    write(&project, &[("10_ten/down.sql", "DROP TABLE ten;\n"), (".keep", "")]);
    project
}

#[test]
fn a_history_is_taken_over() {
    on_each(|db| DIESEL.is_taken_over(db, &FIRST, REST));
}

/// What diesel cannot run in a transaction has run outside of one.
#[test]
fn a_migration_without_a_transaction_is_taken_over() {
    let Some(db) = Db::postgres() else { return };
    let index = ("11_index/up.sql", "CREATE INDEX CONCURRENTLY ten_by_id ON ten (id);\n");
    let project = Project::with_config("cargo: off\nformat: diesel\n");
    write(&project, &[TEN, index, ("11_index/metadata.toml", "run_in_transaction = false\n")]);
    assert_eq!(DIESEL.migrate(&project, &db).stdout, "10\n11\n");
    project.run(&db, &DIESEL.import()).ok().says("2 recorded");
    project.run(&db, &["schema", "snapshot"]).ok();
    project.run(&db, &["migrate", "--locked"]).ok().says("nothing to do");
    project.run(&db, &["schema", "check"]).ok().says("schema check: passed");
}

#[test]
fn versions_are_text_and_dates_are_kept() {
    on_each(|db| {
        let project = past(db);
        db.execute(
            "UPDATE __diesel_schema_migrations SET run_on = '2024-05-06 22:08:09' WHERE version = '9'",
        );
        db.execute(
            "UPDATE __diesel_schema_migrations SET run_on = '2024-05-06 22:08:08' WHERE version <> '9'",
        );
        project.run(db, &DIESEL.import()).ok().says("4 recorded");
        let names = db.query("SELECT substr(id, 6) FROM db_migrations ORDER BY position");
        assert_eq!(names, [SETUP, TEN, SIZES, NINE].map(|file| file.0.trim_end_matches("/up.sql")));
        let dates = db.query("SELECT executed_at FROM db_migrations ORDER BY position");
        let times: Vec<&str> = dates.iter().map(|date| &date[11..19]).collect();
        assert_eq!(times, ["22:08:08", "22:08:08", "22:08:08", "22:08:09"]);
    });
}

#[test]
fn whatever_does_not_fit_is_refused_by_name() {
    on_each(|db| {
        let project = past(db);
        project.remove("migrations/10_ten");
        DIESEL.is_refused(&project, db, &["version 10 of", "no migration in module `app`"]);
        write(&project, &[TEN]);
        db.execute("UPDATE __diesel_schema_migrations SET version = '010' WHERE version = '10'");
        DIESEL.is_refused(&project, db, &["version 010 of", "no migration in module `app`"]);
        db.execute("UPDATE __diesel_schema_migrations SET version = '10' WHERE version = '010'");
        project.run(db, &DIESEL.import()).ok().says("4 recorded");
    });
}

/// diesel keeps no checksum: the import cannot see an edited file, and the check of the schema does.
#[test]
fn an_edited_file_is_found_by_the_schema_check() {
    on_each(|db| {
        let project = past(db);
        project.edit("migrations/10_ten/up.sql", "id integer", "id bigint");
        project.run(db, &DIESEL.import()).ok().says("4 recorded");
        project.run(db, &["schema", "snapshot"]).ok();
        write(&project, &[REST]);
        project.run(db, &["lock"]).ok();
        project.run(db, &["schema", "snapshot"]).ok();
        let dump = db.dump();
        project.run(db, &["migrate", "--locked"]).exits(3).says("ten`, column id is different");
        assert_eq!(db.dump(), dump);
    });
}

/// `10` and `010` are two versions here.
#[test]
fn zeros_in_front_of_a_version_count() {
    on_each(|db| {
        let eleven = ("010_eleven/up.sql", "CREATE TABLE eleven (id integer PRIMARY KEY);\n");
        DIESEL.is_taken_over(db, &[TEN, eleven, NINE], REST);
    });
}
