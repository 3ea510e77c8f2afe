//! The rehearsal: what it finds before anything is touched, what it cannot find, and what it cannot reach.

use crate::common::{contents, file, project};
use crate::support::database::Db;
use crate::support::project::Project;

const FIRST: (&str, &str) = (
    "20240101000000_users",
    "CREATE TABLE users (id INT PRIMARY KEY, name VARCHAR(50));\nINSERT INTO users VALUES (1, 'ann');\n",
);

const TRY: [&str; 3] = ["migrate", "--rehearsal", "try"];
const REQUIRE: [&str; 3] = ["migrate", "--rehearsal", "require"];

fn migrated() -> Option<(Db, Project)> {
    let db = Db::mariadb()?;
    let project = project(&[FIRST]);
    project.run(&db, &TRY).ok().says("rehearsing 1 migration").says("schema check: passed");
    Some((db, project))
}

fn second(project: &Project, text: &str) {
    project.write(&file("20240102000000_second"), text);
}

/// Nothing of a rehearsal is left at the server; others may run at the same time, so by our own name.
fn leftovers(db: &Db, before: &[String]) -> Vec<String> {
    scratch(db).into_iter().filter(|name| !before.contains(name)).collect()
}

fn scratch(db: &Db) -> Vec<String> {
    db.query(
        "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE 'db\\_migrations\\_scratch%' \
         UNION SELECT User FROM mysql.user WHERE User LIKE 'dbm\\_scratch%'",
    )
}

#[test]
fn a_migration_that_fails_there_touches_nothing() {
    let Some(db) = Db::mariadb() else { return };
    let project = project(&[
        FIRST,
        ("20240102000000_bad", "CREATE TABLE posts (id INT);\nALTER TABLE users DROP CHECK c;\n"),
    ]);
    let output = project.run(&db, &["migrate", "--rehearsal", "try"]).exits(3);
    let output = output.says("migration `app::20240102000000_bad` failed").says("20240102000000_bad.sql:2:");
    output
        .says("this was the rehearsal")
        .says("nothing was touched")
        .does_not_say("stayed")
        .does_not_say("traces");
    assert!(db.is_empty(), "not even our tables");
    assert!(!project.exists("migrations-lock.yml"));
}

#[test]
fn drift_is_found_before_anything_is_touched() {
    let Some((db, project)) = migrated() else { return };
    db.execute("ALTER TABLE users MODIFY name VARCHAR(99)");
    second(&project, "CREATE TABLE posts (id INT);\n");
    let before = db.dump();
    let output = project.run(&db, &TRY).exits(3).says("users").says("varchar(50)").says("varchar(99)");
    output.says("seen in the rehearsal: nothing was touched");
    assert_eq!(db.dump(), before);
}

#[test]
fn what_depends_on_rows_shows_in_the_run_only() {
    let Some((db, project)) = migrated() else { return };
    second(&project, "CREATE TABLE one (id INT);\nINSERT INTO users VALUES (1, 'again');\n");
    let output = project.run(&db, &TRY).exits(4).says("errors that depend on rows can still come");
    output.says("Duplicate entry").says("its first statement stayed");
    second(&project, "CREATE TABLE one (id INT);\nINSERT INTO users VALUES (2, 'bob');\n");
    project.run(&db, &TRY).ok();
}

#[test]
fn a_failure_that_rows_could_prevent_proves_nothing() {
    let Some((db, project)) = migrated() else { return };
    let posts = "CREATE TABLE posts (id INT, user_id INT, FOREIGN KEY (user_id) REFERENCES users (id));\nINSERT INTO posts VALUES (1, 1);\n";
    second(&project, posts);
    project
        .run(&db, &REQUIRE)
        .exits(7)
        .says("could not be rehearsed")
        .says("foreign key")
        .says("nothing was touched");
    assert!(!contents(db.url()).contains("posts"));
    project
        .run(&db, &TRY)
        .ok()
        .says("the rehearsal proves nothing: ")
        .says("this can come from missing rows");
    assert_eq!(db.count("SELECT COUNT(*) FROM posts"), 1);
}

#[test]
fn what_reaches_beyond_the_database_is_not_rehearsed() {
    let Some((db, project)) = migrated() else { return };
    let name = url::Url::parse(db.url()).unwrap().path().trim_start_matches('/').to_owned();
    for (text, what) in [
        (format!("CREATE TABLE x (a INT);\nINSERT INTO {name}.users VALUES (2, 'x');\n"), "another database"),
        (format!("CREATE TABLE x (a INT);\nUSE {name};\n"), "USE"),
        (
            "CREATE TABLE x (a INT);\nSET GLOBAL innodb_flush_log_at_trx_commit = 0;\n".to_owned(),
            "SET GLOBAL",
        ),
    ] {
        second(&project, &text);
        project.run(&db, &REQUIRE).exits(7).says("reaches beyond its database").says(what);
        assert!(!contents(db.url()).contains("`x`"));
    }
    project.run(&db, &TRY).ok().says("not rehearsed: `app::20240102000000_second` reaches beyond");
}

#[test]
fn a_hidden_way_out_is_closed() {
    let Some((db, project)) = migrated() else { return };
    let name = url::Url::parse(db.url()).unwrap().path().trim_start_matches('/').to_owned();
    second(
        &project,
        &format!(
            "SET @s = 'CREATE TABLE {name}.escaped (x INT)';\nPREPARE s FROM @s;\nEXECUTE s;\nDEALLOCATE PREPARE s;\n"
        ),
    );
    project.run(&db, &REQUIRE).exits(7).says("the scratch session lacks a right");
    assert!(!contents(db.url()).contains("escaped"));
}

#[test]
fn events_sleep_and_come_out_as_they_are() {
    let Some(db) = Db::mariadb() else { return };
    let event = "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM users;\n";
    let project = project(&[FIRST, ("20240101000001_event", event)]);
    project.run(&db, &TRY).ok();
    second(
        &project,
        "CREATE DEFINER=root@localhost TRIGGER t BEFORE INSERT ON users FOR EACH ROW SET NEW.name = 'x';\n",
    );
    project.run(&db, &TRY).ok().says("rehearsed on a scratch database").says("schema check: passed");
    project.run(&db, &["schema", "check"]).ok();
    assert!(contents(db.url()).contains("ENABLE DO DELETE"));
}

#[test]
fn without_the_rights_it_is_said() {
    let Some((db, project)) = migrated() else { return };
    let name = url::Url::parse(db.url()).unwrap().path().trim_start_matches('/').to_owned();
    let user = format!("poor_{}", &crate::support::random()[..8]);
    db.execute(&format!("CREATE USER {user}@localhost; GRANT ALL ON `{name}`.* TO {user}@localhost"));
    second(&project, "CREATE TABLE x (a INT);\n");
    project.run_at(&db.url_as(&user), &REQUIRE).exits(7).says("no scratch database");
    // an account that sees nothing else serves as well as one that we make
    let narrow = format!("narrow_{}", &crate::support::random()[..8]);
    db.execute(&format!(
        "CREATE USER {narrow}@localhost; GRANT ALL ON `db\\_migrations\\_scratch\\_%`.* TO {narrow}@localhost"
    ));
    let config = format!(
        "cargo: off\ndatabase: {{ scratch-url: \"{}\" }}\n",
        db.url_as(&narrow).replace(&format!("/{name}"), "/")
    );
    project.write("db-migrations.yml", config);
    project
        .run_at(&db.url_as(&user), &REQUIRE)
        .ok()
        .says("rehearsing 1 migration")
        .says("schema check: passed");
    db.execute(&format!("DROP USER {user}@localhost, {narrow}@localhost"));
}

#[test]
fn it_leaves_nothing_behind() {
    let Some((db, project)) = migrated() else { return };
    second(&project, "ALTER TABLE users DROP CHECK c;\n");
    let before = scratch(&db);
    project.run(&db, &TRY).exits(3);
    second(&project, "ALTER TABLE users ADD age INT;\n");
    project.run(&db, &TRY).ok();
    // other tests come and go: what stays is left behind
    let stays = leftovers(&db, &before);
    std::thread::sleep(std::time::Duration::from_secs(3));
    let still: Vec<String> =
        leftovers(&db, &before).into_iter().filter(|name| stays.contains(name)).collect();
    assert!(still.is_empty(), "{still:?}");
}
