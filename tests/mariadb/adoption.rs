//! A database that sqlx's own migrator has made is taken over: nothing runs twice.

use sqlx::Connection;
use sqlx::migrate::Migrator;

use crate::common::{contents, project};
use crate::support::database::Db;
use crate::support::{block_on, mariadb};

#[test]
fn what_sqlx_has_run_does_not_run_again() {
    let Some(db) = Db::mariadb() else { return };
    let one = ("20240101000000_one", "CREATE TABLE one (x INT);\nINSERT INTO one VALUES (1);\n");
    let project = project(&[one, ("20240102000000_two", "CREATE TABLE two (x INT);\n")]);
    block_on(async {
        let migrator = Migrator::new(project.join("migrations")).await.unwrap();
        let mut connection = mariadb::connect(db.url()).await.unwrap();
        migrator.run(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
    project.write("migrations/20240103000000_three.sql", "CREATE TABLE three (x INT);\n");
    project.run(&db, &["migrate"]).exits(7).says("`_sqlx_migrations`").says("import sqlx --module NAMESPACE");
    let output = project
        .run(&db, &["import", "sqlx", "--module", "app"])
        .ok()
        .says("imported app::20240101000000_one");
    output.says("2 recorded, 0 were recorded before");
    project.run(&db, &["migrate"]).ok().says("1 migration committed").says("schema check: passed");
    project.run(&db, &["migrate", "--locked"]).ok().says("nothing to do");
    assert_eq!(
        db.query("SELECT kind FROM db_migrations ORDER BY position"),
        ["imported", "imported", "applied"]
    );
    let age = "SELECT ABS(TIMESTAMPDIFF(SECOND, m.executed_at, UTC_TIMESTAMP())) < 600 FROM db_migrations m LIMIT 1";
    assert_eq!(db.query(age), ["1"], "its own date, in UTC");
    let fresh = db.another();
    project.run(&fresh, &["migrate", "--locked"]).ok();
    db.execute("DROP TABLE _sqlx_migrations");
    assert_eq!(contents(db.url()), contents(fresh.url()));
}
