//! Histories of published crates, put together into one migration each: it makes the same.

use crate::support::crates::{cargo_project, copy, source};
use crate::support::database::Db;
use crate::support::project::{Output, Project};

/// The migrations of a crate as those of an application.
fn taken_over(package: &str, path: &str) -> Project {
    let crates = cargo_project("schemas", "");
    let project = Project::with_config("cargo: off\n");
    copy(&source(&crates, package).join(path), "migrations", &project);
    project
}

/// All of it becomes one; a database that ran all of them, and an empty one, are the same afterwards.
fn put_together(project: &Project, db: &Db) -> Output {
    let fresh = db.another();
    project.run(db, &["migrate"]).ok();
    let output = project.run(db, &["squash"]).ok().says("proved on scratch databases: the same schema");
    assert_eq!(project.lock().lines().filter(|line| line.contains("::")).count(), 1);
    project.run(db, &["migrate", "--locked"]).ok().says("without running it");
    project.run(&fresh, &["migrate", "--locked"]).ok();
    assert_eq!(fresh.dump_schema(), db.dump_schema());
    output
}

#[test]
fn a_link_aggregator_with_rows_functions_and_triggers() {
    let Some(db) = Db::postgres() else { return };
    let project = taken_over("lemmy_server", "migrations");
    let output = put_together(&project, &db)
        .says("takes the place of 140 migrations")
        .says("the same 185 rows in 2 tables")
        .says("different each time, and left out: `public.secret.jwt_secret`");
    // an old seed of a table that is gone
    assert!(output.stderr.contains("relation \"category\" does not exist"), "{output}");
    assert_eq!(db.query("SELECT count(*) FROM language"), ["184"]);
}

#[test]
fn an_index_of_files() {
    for (path, db) in [("migrations/sqlite3", Some(Db::sqlite())), ("migrations/mysql", Db::mariadb())] {
        let Some(db) = db else { continue };
        put_together(&taken_over("torrust-index", path), &db).says("takes the place of 33 migrations");
    }
}
