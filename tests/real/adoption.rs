//! A database that sqlx's own migrator has made is taken over: nothing runs twice.

use std::path::{Path, PathBuf};

use sqlx::migrate::Migrator;
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use crate::checks::{ids, nothing_is_left_to_do, schema, states};
use crate::m1::{CRATES, enabling};
use crate::support::block_on;
use crate::support::crates::{cargo_project, source};
use crate::support::database::Db;
use crate::support::project::Project;

const HISTORY: &str = "SELECT count(*) FROM pg_class WHERE relname LIKE 'db\\_migrations%'";

/// Runs the migrations of a folder as an application would that calls `sqlx::migrate!().run()`.
fn sqlx_migrates(db: &Db, folder: &Path, table: &'static str) {
    block_on(async {
        let mut migrator = Migrator::new(folder).await.unwrap();
        migrator.dangerous_set_table_name(table);
        let mut connection = PgConnection::connect(db.url()).await.unwrap();
        migrator.run(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}

fn migrations(project: &Project, package: &str) -> PathBuf {
    source(project, package).join("migrations")
}

/// Two crates, each with a table of its own for its history.
fn adopted() -> Option<(Project, Db)> {
    let db = Db::postgres()?;
    let project = cargo_project("m1", &enabling(&CRATES));
    sqlx_migrates(&db, &migrations(&project, "apalis-postgres"), "_sqlx_migrations");
    sqlx_migrates(&db, &migrations(&project, "sqlxmq"), "_sqlxmq_migrations");
    Some((project, db))
}

fn import(project: &Project, db: &Db) {
    project
        .run(db, &["import", "sqlx", "--module", "apalis-postgres"])
        .ok()
        .says("imported apalis-postgres::20220530084123_jobs_workers")
        .says("23 recorded, 0 were recorded before");
    project
        .run(db, &["import", "sqlx", "--module", "sqlxmq", "--table", "_sqlxmq_migrations"])
        .ok()
        .says("5 recorded, 0 were recorded before");
    project.run(db, &["import", "sqlx", "--module", "apalis-postgres"]).ok().says("0 recorded, 23 were");
}

/// Only what sqlx has not run is run, and the schema is that of a fresh database.
fn the_rest_runs(project: &Project, db: &Db) {
    project
        .run(db, &["migrate", "--locked"])
        .ok()
        .says("4 migrations committed")
        .says("applied job::20250904065521_job_setup")
        .does_not_say("applied sqlxmq")
        .does_not_say("applied apalis-postgres")
        .says("schema check: passed");
    nothing_is_left_to_do(project, db);
    let kinds = db.query("SELECT kind||' '||count(*) FROM db_migrations GROUP BY kind ORDER BY kind");
    assert_eq!(kinds, ["applied 4", "imported 28"]);
    let fresh = db.another();
    project.run(&fresh, &["migrate", "--locked"]).ok().says("32 migrations committed");
    db.execute("DROP TABLE _sqlx_migrations, _sqlxmq_migrations");
    assert_eq!(schema(project, db), schema(project, &fresh));
    assert_eq!(db.dump_schema(), fresh.dump_schema());
}

#[test]
fn what_sqlx_has_run_is_imported_and_the_rest_runs() {
    let Some((project, db)) = adopted() else { return };
    let (dump, tree) = (db.dump(), project.tree());
    project.run(&db, &["migrate"]).exits(7).says("import sqlx --module").says("23 rows in");
    project.run(&db, &["migrate", "--dry-run"]).exits(7).says("import sqlx");
    assert_eq!(db.dump(), dump);
    assert_eq!(project.tree(), tree);

    import(&project, &db);
    let lock = project.lock();
    assert_eq!(ids(&lock).len(), 34);
    let states = states(&project, &db);
    assert!(states.contains("28 applied") && states.contains("4 pending"), "{states}");
    let modules: Vec<&str> = ids(&lock).iter().filter_map(|id| id.split("::").next()).collect();
    assert!(
        modules[..23].iter().all(|module| *module == "apalis-postgres"),
        "what has run comes first:\n{lock}"
    );

    project.run(&db, &["migrate", "--locked"]).exits(7).says("schema snapshot");
    project.run(&db, &["schema", "snapshot"]).ok();
    the_rest_runs(&project, &db);
}

/// The lock was made and reviewed elsewhere before this database came along.
#[test]
fn a_database_is_imported_under_a_lock_that_is_there() {
    let Some((project, db)) = adopted() else { return };
    let reviewed = db.another();
    project.run(&reviewed, &["migrate"]).ok();
    let tree = project.tree();
    project.run(&db, &["migrate", "--locked"]).exits(7).says("import sqlx");
    import(&project, &db);
    assert_eq!(project.tree(), tree, "importing changes nothing in the project");
    the_rest_runs(&project, &db);
    assert_eq!(project.tree(), tree);
}

/// A history table in a schema of its own.
#[test]
fn a_table_in_another_schema_is_found() {
    let Some(db) = Db::postgres() else { return };
    let project = cargo_project("m1", &enabling(&["sqlxmq"]));
    db.execute("CREATE SCHEMA mq");
    sqlx_migrates(&db, &migrations(&project, "sqlxmq"), "mq._sqlx_migrations");
    project.run(&db, &["migrate"]).exits(7).says("import sqlx --module").says("--schema mq");
    project.run(&db, &["import", "sqlx", "--module", "sqlxmq"]).exits(7).says("--schema");
    assert_eq!(db.count(HISTORY), 0);
    project.run(&db, &["import", "sqlx", "--module", "sqlxmq", "--schema", "mq"]).ok().says("5 recorded");
    project.run(&db, &["migrate"]).ok().says("nothing");
}

/// Whatever does not fit is refused by name, and nothing is recorded.
#[test]
fn rows_that_do_not_fit_are_refused() {
    let Some((project, db)) = adopted() else { return };
    let import = ["import", "sqlx", "--module", "apalis-postgres"];
    for (change, undo, words) in [
        (
            "UPDATE _sqlx_migrations SET checksum = sha384('other') WHERE version = 20230408110421",
            "UPDATE _sqlx_migrations SET checksum = (SELECT checksum FROM saved s WHERE s.version = 20230408110421) WHERE version = 20230408110421",
            ["20230408110421", "drop old push job", "another text"],
        ),
        (
            "UPDATE _sqlx_migrations SET success = false WHERE version = 20260902075949",
            "UPDATE _sqlx_migrations SET success = true",
            ["20260902075949", "remove pl in get jobs", "did not end well"],
        ),
        (
            "INSERT INTO _sqlx_migrations SELECT 20990101000000, 'from the future', now(), true, checksum, 1 FROM saved LIMIT 1",
            "DELETE FROM _sqlx_migrations WHERE version = 20990101000000",
            ["20990101000000", "from the future", "no migration in module `apalis-postgres`"],
        ),
    ] {
        db.execute("DROP TABLE IF EXISTS saved; CREATE TABLE saved AS TABLE _sqlx_migrations");
        db.execute(change);
        let (dump, tree) = (db.dump(), project.tree());
        let output = project.run(&db, &import).exits(7);
        for word in words {
            assert!(output.stderr.contains(word), "`{word}` is not in {output}");
        }
        assert_eq!(output.stderr.matches("error:").count(), 1, "{output}");
        assert_eq!(db.dump(), dump);
        assert_eq!(project.tree(), tree);
        db.execute(undo);
    }
    db.execute("DROP TABLE saved");
    project
        .run(&db, &["import", "sqlx", "--module", "obix"])
        .exits(7)
        .says("has no migration in module `obix`");
    project.run(&db, &["import", "sqlx", "--module", "apalis"]).exits(2).says("there is no module `apalis`");
    project.run(&db, &["import", "sqlx", "--module", "obix", "--table", "nope"]).exits(7).says("nope");
    assert_eq!(db.count(HISTORY), 0);
    project.run(&db, &import).ok().says("23 recorded");
}

/// A checkout on Windows had other line ends: the same text, another checksum.
#[test]
fn line_ends_of_another_checkout_are_accepted_and_named() {
    let Some(db) = Db::postgres() else { return };
    let project = cargo_project("m1", &enabling(&["sqlxmq"]));
    let folder = TempDir::new().unwrap();
    for entry in std::fs::read_dir(migrations(&project, "sqlxmq")).unwrap().flatten() {
        let text = std::fs::read_to_string(entry.path()).unwrap().replace("\r\n", "\n");
        std::fs::write(folder.path().join(entry.file_name()), text.replace('\n', "\r\n")).unwrap();
    }
    sqlx_migrates(&db, folder.path(), "_sqlx_migrations");
    project
        .run(&db, &["import", "sqlx", "--module", "sqlxmq"])
        .ok()
        .says("`sqlxmq::20210316025847_setup` ran with CRLF line ends")
        .says("5 recorded");
    let history = db.query("SELECT checksum FROM db_migrations ORDER BY position");
    let lock = project.lock();
    assert!(history.iter().all(|checksum| lock.contains(checksum)), "the checksum is that of the file here");
}
