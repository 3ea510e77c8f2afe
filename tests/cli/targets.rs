//! Up and down: targets, `rollback`, `execute`.

use crate::common::{LOCK, POSTS, TAGS, USERS, bare, base, ran, untouched};
use crate::support::database::{Db, each_database};
use crate::support::project::Project;

/// Three migrations with down scripts.
fn reversible() -> Project {
    let project = bare();
    for (n, name) in [(1, "users"), (2, "posts"), (3, "tags")] {
        let stem = format!("migrations/2024010{n}000000_{name}");
        project.write(&format!("{stem}.up.sql"), format!("CREATE TABLE {name} (id integer PRIMARY KEY);\n"));
        project.write(&format!("{stem}.down.sql"), format!("DROP TABLE {name};\n"));
    }
    project
}

fn down(project: &Project, db: &Db, args: &[&str]) -> crate::support::project::Output {
    project.run(db, &[args, &["--yes"]].concat())
}

#[test]
fn a_run_stops_at_its_target_and_goes_back_from_it() {
    each_database(|db| {
        let project = reversible();
        let output = project.run(db, &["migrate", "posts"]).ok();
        output.says("schema check: not checked: 1 pending");
        assert_eq!(ran(db), [USERS, POSTS]);
        assert!(project.lock().contains(TAGS), "the lock holds all that was found");
        project.run(db, &["migrate", "next"]).ok().says("schema check: passed");
        let whole = db.dump_schema();
        down(&project, db, &["migrate", "prev"]).ok().says("undone app::20240103000000_tags");
        assert_eq!(ran(db), [USERS, POSTS]);
        down(&project, db, &["migrate", "20240101"]).ok();
        assert_eq!(ran(db), [USERS]);
        down(&project, db, &["migrate", "first"]).ok().says("1 migration undone");
        assert_eq!(db.count("SELECT count(*) FROM db_migrations"), 0);
        project.run(db, &["migrate", "current"]).ok().says("the database is in that state");
        project.run(db, &["migrate", "--locked"]).ok().says("schema check: passed");
        assert_eq!(db.dump_schema(), whole);
    });
}

#[test]
fn a_rollback_takes_back_the_last_run_whole() {
    each_database(|db| {
        let project = reversible();
        project.run(db, &["migrate", "current+1"]).ok();
        project.run(db, &["migrate"]).ok();
        let lock = project.lock();
        let output = project.run(db, &["rollback"]).exits(2);
        output.says("2 migrations would be undone").says("nobody is at a terminal");
        assert_eq!(ran(db), [USERS, POSTS, TAGS]);
        let json = down(&project, db, &["rollback", "--format", "json"]).ok().json();
        assert_eq!(
            (json["outcome"].as_str(), json["undone"][0]["id"].as_str()),
            (Some("undone"), Some(TAGS))
        );
        assert_eq!(ran(db), [USERS]);
        assert_eq!(project.lock(), lock);
        assert_eq!(
            db.query("SELECT reason FROM db_migrations_run ORDER BY started_at DESC LIMIT 1"),
            ["rollback"]
        );
        down(&project, db, &["rollback", "--steps", "2"]).exits(2).says("only 1 is in the history");
        down(&project, db, &["rollback"]).ok();
        down(&project, db, &["rollback"]).ok().says("nothing to undo");
    });
}

#[test]
fn what_cannot_be_undone_is_said_before_anything_runs() {
    each_database(|db| {
        let project = reversible();
        project.run(db, &["migrate"]).ok();
        let before = db.dump();
        down(&project, db, &["execute", "users", "--down"]).exits(7).says("stays, and may need").says(USERS);
        project.remove("migrations/20240101000000_users.down.sql");
        let output = down(&project, db, &["migrate", "0"]).exits(7);
        output.says("`app::20240101000000_users` has no down script");
        project.run(db, &["migrate", "0", "--dry-run"]).exits(1).says("has no down script");
        project.run(db, &["plan", "0"]).exits(1).says("has no down script");
        let planned = project.run(db, &["plan", "posts"]).ok();
        planned.says(&format!("  {TAGS} (down, 1 statement)")).does_not_say(POSTS);
        down(&project, db, &["migrate", "nobody"]).exits(2).says("no migration is called `nobody`");
        down(&project, db, &["rollback", "--run", "zzz"]).exits(2);
        assert_eq!(db.dump(), before);
    });
}

#[test]
fn a_failing_down_script_leaves_everything_as_it_was() {
    each_database(|db| {
        let project = reversible();
        project.run(db, &["migrate"]).ok();
        let before = db.dump();
        project.write("migrations/20240102000000_posts.down.sql", "DROP TABLE nowhere;\n");
        let output = down(&project, db, &["rollback"]).exits(3);
        output.says("the down script of `app::20240102000000_posts` failed").says(untouched(db));
        assert_eq!(db.dump(), before);
    });
}

#[test]
fn a_down_script_outside_of_a_transaction_goes_on_where_it_stopped() {
    each_database(|db| {
        let project = reversible();
        project.run(db, &["migrate"]).ok();
        let script = "migrations/20240103000000_tags.down.sql";
        project.write(
            script,
            "-- db-migrations: no-transaction\nDROP TABLE tags;\nDROP TABLE nowhere;\nDROP TABLE posts;\n",
        );
        let args = ["rollback", "--steps", "1", "--allow-split", "--rehearsal", "off"];
        let output = down(&project, db, &args).exits(4);
        output.says("its first statement stayed").says(&format!("`db-migrations execute {TAGS} --down"));
        assert_eq!(ran(db), [USERS, POSTS, TAGS]);
        project.run(db, &["migrate"]).exits(7).says("the down script").says("stopped half-way");
        project.edit(script, "DROP TABLE nowhere;", "SELECT 1;");
        down(&project, db, &["execute", TAGS, "--down", "--allow-split", "--rehearsal", "off"]).ok();
        assert_eq!(ran(db), [USERS, POSTS]);
        assert_eq!(db.count("SELECT count(*) FROM db_migrations_step"), 0);
    });
}

#[test]
fn of_two_rollbacks_at_once_one_is_refused() {
    each_database(|db| {
        if db.is_sqlite() {
            return; // nothing sleeps there
        }
        let project = reversible();
        let sleep = if db.is_mariadb() { "SELECT sleep(2)" } else { "SELECT pg_sleep(2)" };
        for stem in ["20240102000000_posts", "20240103000000_tags"] {
            let name = &stem[15..];
            let text = format!("{sleep};\nDROP TABLE {name};\n");
            project.write(&format!("migrations/{stem}.down.sql"), text);
        }
        project.run(db, &["migrate"]).ok();
        let args = ["rollback", "--steps", "1", "--yes", "--rehearsal", "off"];
        let runs: Vec<_> = (0..2).map(|_| project.spawn(db, &args)).collect();
        let outputs: Vec<_> = runs.into_iter().map(crate::support::project::Running::wait).collect();
        let refused = outputs.into_iter().find(|output| output.code == 7).expect("one is refused");
        refused.says("another run changed what would be undone since this one began");
        assert_eq!(ran(db), [USERS, POSTS]);
    });
}

#[test]
fn single_migrations_run_and_go() {
    each_database(|db| {
        let project = reversible();
        project.run(db, &["execute", "tags", "users"]).ok().says("schema check: not checked: 1 pending");
        assert_eq!(ran(db), [USERS, TAGS]);
        project.run(db, &["execute", "tags"]).exits(2).says("has run here already");
        down(&project, db, &["execute", "tags", "--down"]).ok();
        assert_eq!(ran(db), [USERS]);
    });
}

#[test]
fn a_rollback_works_although_something_else_is_new() {
    each_database(|db| {
        let project = reversible();
        project.run(db, &["migrate"]).ok();
        project.write("migrations/20240104000000_new.sql", "SELECT 1;\n");
        let lock = project.lock();
        down(&project, db, &["rollback", "--steps", "1", "--locked"]).ok();
        assert_eq!(ran(db), [USERS, POSTS]);
        assert_eq!(project.lock(), lock);
    });
}

#[test]
fn each_migration_in_a_transaction_of_its_own() {
    each_database(|db| {
        let project = base().file("migrations/20240103000000_bad.sql", "INSERT INTO nowhere VALUES (1);\n");
        let output = project.run(db, &["migrate", "--no-all-or-nothing", "--rehearsal", "off"]).exits(4);
        output.says("committed before, and stayed");
        assert_eq!(ran(db), [USERS, POSTS]);
    });
}

#[test]
fn all_or_nothing_refuses_what_the_configuration_allows() {
    let db = Db::sqlite();
    let project = Project::with_config("cargo: off\npolicy: { allow-split: true }\n")
        .file("migrations/1_a.sql", "-- db-migrations: no-transaction\nCREATE TABLE a (id integer);\n")
        .file("migrations/2_b.sql", "CREATE TABLE b (id integer);\n");
    project.run(&db, &["migrate", "--all-or-nothing"]).exits(7).says("cannot be one transaction");
    project.run(&db, &["migrate", "--all-or-nothing", "--no-all-or-nothing"]).exits(2);
    project.run(&db, &["migrate"]).ok();
    let Some(maria) = Db::mariadb() else { return };
    let project = base();
    project.run(&maria, &["migrate", "--all-or-nothing"]).exits(7).says("commits at every DDL statement");
    assert!(maria.is_empty());
}

#[test]
fn an_older_layout_of_the_history_is_brought_up_and_a_newer_one_refused() {
    each_database(|db| {
        let project = reversible();
        project.run(db, &["migrate", "1"]).exits(2).says("no migration is called");
        project.run(db, &["migrate", "next"]).ok();
        db.execute("ALTER TABLE db_migrations_run DROP COLUMN layout");
        if !db.is_mariadb() {
            db.execute("ALTER TABLE db_migrations_step DROP COLUMN direction");
        }
        project.run(db, &["status"]).ok().says(USERS);
        project.run(db, &["migrate"]).ok().says("2 migrations committed");
        down(&project, db, &["rollback"]).ok();
        assert_eq!(db.count("SELECT count(*) FROM db_migrations_run WHERE layout = 2"), 3);
        db.execute("UPDATE db_migrations_run SET layout = 3, tool_version = '9.0'");
        for command in ["status", "migrate"] {
            let output = project.run(db, &[command]).exits(7);
            output.says("layout 3").says("use version 9.0 or a newer one");
        }
        assert!(project.exists(LOCK));
    });
}
