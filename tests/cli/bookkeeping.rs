//! What looks at the history, and what only writes it.

use crate::common::{POSTS, TAGS, USERS, add_tags, base, ran};
use crate::support::database::{Db, each_database};

#[test]
fn looking_says_what_ran_and_what_is_pending() {
    each_database(|db| {
        let project = base();
        let json = |args: &[&str]| project.run(db, &[args, &["--format", "json"]].concat()).json();
        project.run(db, &["current"]).ok().says("no migration has run here");
        project.run(db, &["count", "--simple"]).ok().says("2\n");
        project.run(db, &["up-to-date"]).exits(1).says("2 migrations pending");
        project.run(db, &["latest"]).ok().says(POSTS).says("not locked yet");
        assert!(db.is_empty(), "looking creates nothing");
        project.run(db, &["migrate"]).ok();
        project.run(db, &["current"]).ok().says(POSTS);
        project.run(db, &["latest"]).ok().says(POSTS).does_not_say("not locked");
        project.run(db, &["up-to-date", "--fail-on-unregistered"]).ok().says("up to date");
        add_tags(&project);
        let output = project.run(db, &["up-to-date", "--list"]).exits(1);
        output.says(TAGS).says("1 migration pending").does_not_say(USERS);
        assert_eq!(json(&["up-to-date"])["pending"][0], TAGS);
        assert_eq!(json(&["count"])["pending"], 1);
        assert_eq!(json(&["current"])["migration"]["id"], POSTS);
        assert_eq!(json(&["latest"])["migration"]["id"], TAGS);
        let listed = json(&["list"]);
        assert_eq!(listed["migrations"][0]["state"], "applied");
        assert_eq!(listed["migrations"][2]["file"], crate::common::TAGS_FILE);
        db.execute("INSERT INTO db_migrations SELECT 'app::9_gone', checksum, dialect, kind, run, 9, executed_at, execution_ms FROM db_migrations WHERE position = 1");
        project.run(db, &["migrate"]).ok();
        project.run(db, &["up-to-date"]).ok().says("their files are gone");
        project.run(db, &["up-to-date", "-u"]).exits(1);
    });
}

#[test]
fn what_nobody_knows_is_allowed_told_or_refused() {
    each_database(|db| {
        let project = base();
        project.run(db, &["migrate"]).ok();
        db.execute("INSERT INTO db_migrations SELECT 'app::9_gone', checksum, dialect, kind, run, 9, executed_at, execution_ms FROM db_migrations WHERE position = 1");
        project.run(db, &["migrate"]).ok().says("app::9_gone");
        project.write("db-migrations.yml", "cargo: off\npolicy: { unknown-executed: allow }\n");
        project.run(db, &["migrate"]).ok().does_not_say("9_gone");
        project.write("db-migrations.yml", "cargo: off\npolicy: { unknown-executed: deny }\n");
        for mode in [&["migrate"][..], &["migrate", "--locked"]] {
            project.run(db, mode).exits(7).says("app::9_gone").says("version app::9_gone --delete");
        }
        project.run(db, &["plan"]).exits(1).says("app::9_gone");
        project.run(db, &["version", "9_gone", "--delete", "--yes"]).ok();
        project.run(db, &["migrate"]).ok();
        project.write("db-migrations.yml", "cargo: off\npolicy: { unknown-executed: maybe }\n");
        project.run(db, &["status"]).exits(2).says("unknown-executed");
    });
}

#[test]
fn a_list_needs_no_database() {
    let project = base();
    let output = project.run_alone(&["list"]).ok();
    output.says(USERS).says("not locked yet").says("no database is named");
    project.run_alone(&["list", "--module", "nobody"]).exits(2).says("nobody");
}

#[test]
fn rows_come_and_go_by_hand() {
    each_database(|db| {
        let project = base();
        project.run(db, &["migrate"]).ok();
        let schema = db.dump_schema();
        let output = project.run(db, &["version", "posts", "--delete"]).exits(2);
        output.says(POSTS).says("nobody is at a terminal");
        project.run(db, &["version", "posts", "--delete", "--dry-run"]).ok().says("1 row would be deleted");
        assert_eq!(ran(db), [USERS, POSTS]);
        project.run(db, &["version", "posts", "--delete", "--yes"]).ok().says("1 row deleted; nothing ran");
        assert_eq!(ran(db), [USERS]);
        project.run(db, &["version", "posts", "--delete", "--yes"]).exits(7).says("has not run here");
        project.run(db, &["version", "users", "--add", "--yes"]).exits(7).says("has run here already");
        project.run(db, &["version", "nobody", "--add", "--yes"]).exits(2);
        project.run(db, &["version", "--add"]).exits(2);
        project.run(db, &["version", "--range-from", "posts", "--range-to", "users", "--add"]).exits(2);
        let added = project.run(db, &["version", "--all", "--add", "--yes", "--reason", "by hand"]).ok();
        added.says(&format!("added {POSTS}"));
        let reason = "SELECT reason FROM db_migrations_run ORDER BY started_at DESC LIMIT 1";
        assert_eq!(db.query(reason), ["version --add: by hand"]);
        assert_eq!(db.query("SELECT kind FROM db_migrations ORDER BY position"), ["applied", "marked"]);
        project.run(db, &["version", "--all", "--add", "--yes"]).ok().says("nothing to do");
        // what a person did by hand is checked by the next run
        project.run(db, &["migrate", "--locked"]).ok().says("schema check: passed");
        project.run(db, &["migrate", "--locked"]).ok().says("nothing to do");
        project.run(db, &["version", "--range-to", "posts", "--delete", "--yes"]).ok().says("2 rows deleted");
        assert_eq!(db.dump_schema(), schema);
    });
}

#[test]
fn a_false_row_is_found_by_the_next_run() {
    each_database(|db| {
        let project = base();
        project.run(db, &["migrate"]).ok();
        add_tags(&project);
        project.run(db, &["lock"]).ok();
        if !db.is_sqlite() {
            project.run(db, &["schema", "snapshot"]).ok();
        }
        project.run(db, &["version", "tags", "--add", "--yes"]).ok();
        project.run(db, &["migrate", "--locked"]).exits(3).says("tags");
    });
}

#[test]
fn what_does_not_run_here_cannot_be_marked() {
    let db = Db::sqlite();
    let project = base();
    project.run(&db, &["lock"]).ok();
    project.edit("migrations-lock.yml", "_posts: { skip: false", "_posts: { skip: true");
    project.run(&db, &["version", "posts", "--add", "--yes"]).exits(7).says("it is skipped in the lock");
    add_tags(&project);
    project.run(&db, &["version", "tags", "--add", "--yes"]).exits(2).says("no migration is called `tags`");
}

#[test]
fn the_tables_of_the_history_are_made_and_brought_up() {
    each_database(|db| {
        let project = base();
        project.run(db, &["sync-metadata-storage"]).ok().says("made the history's tables, layout 2");
        project.run(db, &["migrate"]).ok();
        db.execute("ALTER TABLE db_migrations_run DROP COLUMN layout");
        if !db.is_mariadb() {
            db.execute("ALTER TABLE db_migrations_step DROP COLUMN direction");
        }
        let output = project.run(db, &["sync-metadata-storage", "--format", "json"]).ok().json();
        assert_eq!((output["before"].as_i64(), output["outcome"].as_str()), (Some(1), Some("upgraded")));
        project.run(db, &["sync-metadata-storage"]).ok().says("layout 2 already");
        project.run(db, &["migrate", "--locked"]).ok().says("nothing to do");
    });
}
