//! What fails in a run where every DDL statement commits by itself (MariaDB), with rows that no rehearsal
//! has: what stayed is told, and the ways on that are told work.

use crate::common::{POSTS, TAGS, TAGS_FILE, USERS, base, ran, states, untouched};
use crate::support::database::Db;
use crate::support::project::Project;

/// A migrated database with a row that stands in the way of the third migration's second statement.
fn in_the_way(db: &Db) -> Project {
    let project = base();
    project.run(db, &["migrate"]).ok();
    db.execute("INSERT INTO users VALUES (50, 'live')");
    project.write(
        TAGS_FILE,
        "CREATE TABLE tags (id int PRIMARY KEY);\nINSERT INTO users VALUES (50, 'new');\nINSERT INTO tags VALUES (1);\n",
    );
    project
}

/// The same after the failing run, all of whose words are true.
fn stopped(db: &Db) -> Project {
    let project = in_the_way(db);
    let tree = project.tree();
    let output = project.run(db, &["migrate"]).exits(4).says("rehearsed on a scratch database without rows");
    let output = output.says("Duplicate entry '50'").says("20240103000000_tags.sql:2:");
    let output =
        output.says("statement 2 of 3").says("its first statement stayed").does_not_say("rolled back");
    output.says(&format!("repair --mark-done {TAGS}")).says(&format!("repair --restart {TAGS}"));
    assert_eq!(ran(db), [USERS, POSTS]);
    assert_eq!(states(&project, db)[2], format!("{TAGS} partial (1/3)"));
    assert_eq!(project.tree(), tree);
    project.run(db, &["status"]).ok().says("partial (1/3)").says("Duplicate entry '50'");
    project
}

fn ends_like_an_undisturbed_one(project: &Project, db: &Db) {
    assert_eq!(ran(db), [USERS, POSTS, TAGS]);
    assert_eq!(db.count("SELECT count(*) FROM db_migrations_step"), 0);
    let other = db.another();
    project.run(&other, &["migrate", "--locked"]).ok();
    assert_eq!(db.dump_schema(), other.dump_schema());
    assert_eq!(db.query("SELECT id FROM tags"), ["1"]);
}

#[test]
fn it_goes_on_where_it_stopped() {
    let Some(db) = Db::mariadb() else { return };
    let project = stopped(&db);
    db.execute("DELETE FROM users WHERE id = 50");
    project.run(&db, &["migrate"]).ok().says(&format!("applied {TAGS}")).says("schema check: passed");
    ends_like_an_undisturbed_one(&project, &db);
}

#[test]
fn the_rest_is_done_by_hand() {
    let Some(db) = Db::mariadb() else { return };
    let project = stopped(&db);
    db.execute("INSERT INTO tags VALUES (1)");
    project.run(&db, &["repair"]).exits(1).says(TAGS).says("--mark-done");
    project.run(&db, &["repair", "--mark-done", TAGS, "--yes"]).ok().says("is marked as done");
    project.run(&db, &["migrate"]).ok().does_not_say("applied").says("schema check: passed");
    ends_like_an_undisturbed_one(&project, &db);
    project.run(&db, &["repair", "--restart", TAGS, "--yes"]).exits(7).says("is not half-applied");
}

#[test]
fn it_is_undone_by_hand_and_runs_from_its_beginning() {
    let Some(db) = Db::mariadb() else { return };
    let project = stopped(&db);
    db.execute("DROP TABLE tags; DELETE FROM users WHERE id = 50");
    project.run(&db, &["repair", "--restart", TAGS, "--yes"]).ok().says("from its beginning");
    assert_eq!(states(&project, &db)[2], format!("{TAGS} pending"));
    project.run(&db, &["migrate"]).ok().says(&format!("applied {TAGS}"));
    ends_like_an_undisturbed_one(&project, &db);
}

#[test]
fn where_nothing_stayed_that_is_said() {
    let Some(db) = Db::mariadb() else { return };
    let project = base();
    project.run(&db, &["migrate"]).ok();
    db.execute("INSERT INTO users VALUES (2, 'ann')");
    project.write(TAGS_FILE, "CREATE UNIQUE INDEX users_name ON users (name(9));\nDELETE FROM users;\n");
    let schema = db.dump_schema();
    let output = project.run(&db, &["migrate"]).exits(3).says("Duplicate entry");
    let output =
        output.says("nothing of this run stayed: what the failing statement changes is as it was before");
    output.does_not_say("rolled back").does_not_say("repair");
    assert_eq!(db.dump_schema(), schema);
    assert_eq!(db.count("SELECT count(*) FROM users"), 2);
    assert_eq!(db.count("SELECT count(*) FROM db_migrations_step"), 0);
    assert_eq!(states(&project, &db)[2], format!("{TAGS} pending"));
    db.execute("DELETE FROM users WHERE id = 2");
    project.run(&db, &["migrate"]).ok();
}

#[test]
fn rows_alone_are_one_transaction() {
    let Some(db) = Db::mariadb() else { return };
    let project = in_the_way(&db);
    project.write(TAGS_FILE, "UPDATE users SET name = 'all';\n");
    project.write("migrations/20240104000000_more.sql", "INSERT INTO users VALUES (50, 'new');\n");
    let before = db.dump();
    let output = project.run(&db, &["migrate"]).exits(3).says("Duplicate entry '50'");
    output.says("everything was rolled back: nothing of this run stayed").does_not_say("rehears");
    assert_eq!(db.dump(), before);
    db.execute("DELETE FROM users WHERE id = 50");
    project.run(&db, &["migrate"]).ok().says("2 migrations committed");
    assert_eq!(db.query("SELECT name FROM users ORDER BY id"), ["all", "new"]);
}

#[test]
fn a_rehearsal_is_tried_required_or_off() {
    let Some(db) = Db::mariadb() else { return };
    let project = base().file(TAGS_FILE, "CREATE TABLE tags (id int);\nINSERT INTO nowhere VALUES (1);\n");
    for args in [&["migrate"][..], &["migrate", "--rehearsal", "require"]] {
        project.run(&db, args).exits(3).says("nowhere").says(untouched(&db));
        assert!(db.is_empty());
    }
    project.write("db-migrations.yml", "cargo: off\npolicy: { rehearsal: off }\n");
    let output = project.run(&db, &["migrate"]).exits(4).does_not_say("rehears");
    output.says(&format!("committed before, and stayed: `{USERS}`, `{POSTS}`"));
    assert_eq!(states(&project, &db)[2], format!("{TAGS} partial (1/2)"));
    // what the scratch session must not reach cannot be rehearsed
    let role = format!("made_{}", crate::support::random());
    project.write("db-migrations.yml", "cargo: off\n");
    project.edit(TAGS_FILE, "INSERT INTO nowhere VALUES (1)", &format!("CREATE ROLE {role}"));
    let output = project.run(&db, &["migrate", "--rehearsal", "require"]).exits(7);
    output.says("could not be rehearsed").says("CREATE ROLE").says("nothing was touched");
    project.run(&db, &["migrate"]).ok().says("not rehearsed: ").says("CREATE ROLE");
    db.execute(&format!("DROP ROLE {role}"));
}

#[test]
fn down_scripts_compensate_for_what_stayed() {
    let Some(db) = Db::mariadb() else { return };
    let project = base();
    project.run(&db, &["migrate"]).ok();
    let (schema, tree) = (db.dump_schema(), project.tree());
    project.write("migrations/20240103000000_tags.up.sql", "CREATE TABLE tags (id int);\n");
    project.write("migrations/20240103000000_tags.down.sql", "DROP TABLE tags;\n");
    project.write("migrations/20240104000000_late.sql", "INSERT INTO users VALUES (1, 'again');\n");
    let output = project.run(&db, &["migrate", "--compensate"]).exits(3).says("Duplicate entry '1'");
    output
        .says("compensated: 1 of this run's 1 whole migration undone")
        .says("only tables that are gone again got rows");
    assert_eq!(db.dump_schema(), schema);
    assert_eq!(ran(&db), [USERS, POSTS]);
    assert!(tree.iter().all(|file| project.tree().contains(file)), "neither lock nor snapshot changed");
}
