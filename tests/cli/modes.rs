//! Update, `--locked`, `--dry-run`: who may write what.

use std::fs;

use crate::common::{LOCK, POSTS, TAGS, USERS, add_tags, applied, base, history, locked, ran, snapshot};
use crate::support::database::{Db, each_database};

#[test]
fn the_first_run_writes_lock_and_snapshot() {
    each_database(|db| {
        let project = base();
        let output = project.run(db, &["migrate"]).ok();
        let output = output.says("applied app::20240101000000_users (").says("2 migrations committed");
        output.says("schema check: passed").says("wrote migrations-lock.yml").says(&snapshot(db));
        assert_eq!(locked(&project), [USERS, POSTS]);
        assert_eq!(ran(db), [USERS, POSTS]);
        assert_eq!(db.query("SELECT DISTINCT kind FROM db_migrations"), ["applied"]);
        assert_eq!(db.query("SELECT DISTINCT dialect FROM db_migrations"), [db.dialect()]);
        let user = if db.is_mariadb() { "`user`" } else { "\"user\"" };
        assert_eq!(db.query(&format!("SELECT {user} FROM db_migrations_run")), ["tester@testhost"]);
        assert_eq!(db.query("SELECT verdict FROM db_migrations_run"), ["passed"]);
        let snapshot = project.read(&snapshot(db));
        assert!(snapshot.contains("-- proof: replay\n"), "{snapshot}");
        assert!(snapshot.contains("-- table: "), "{snapshot}");
        assert!(!snapshot.contains("db_migrations_run"), "{snapshot}");
        project.run(db, &["lock", "--check", "--replay"]).ok();
    });
}

#[test]
fn a_second_run_touches_nothing() {
    each_database(|db| {
        let project = base();
        project.run(db, &["migrate"]).ok();
        let bytes = |db: &Db| db.path().map(|path| fs::read(path).unwrap());
        let (tree, dump, file) = (project.tree(), db.dump(), bytes(db));
        for args in [&["migrate"][..], &["migrate", "--locked"], &["migrate", "--dry-run"]] {
            project.run(db, args).ok().says("nothing to do").does_not_say("applied");
            assert_eq!(project.tree(), tree, "{args:?}");
            assert_eq!(db.dump(), dump, "{args:?}");
            assert_eq!(bytes(db), file, "{args:?}");
        }
    });
}

#[test]
fn locked_runs_what_is_locked() {
    each_database(|db| {
        let project = base();
        project.run(db, &["migrate"]).ok();
        let other = db.another();
        let tree = project.tree();
        let output = project.run(&other, &["migrate", "--locked", "--format", "json"]).ok();
        assert_eq!(applied(&output), [USERS, POSTS]);
        assert_eq!(output.json()["schema_check"]["verdict"], "passed");
        assert_eq!(project.tree(), tree);
        assert_eq!(other.dump_schema(), db.dump_schema());
    });
}

#[test]
fn locked_refuses_what_is_not_locked() {
    each_database(|db| {
        let project = base();
        project.run(db, &["migrate"]).ok();
        add_tags(&project);
        let (tree, dump) = (project.tree(), db.dump());
        let other = db.another();
        for db in [db, &other] {
            project.run(db, &["migrate", "--locked"]).exits(7).says(TAGS).says("is new").says("--locked");
        }
        assert_eq!(project.tree(), tree);
        assert_eq!(db.dump(), dump);
        assert!(other.is_empty());
        assert!(other.path().is_none_or(|path| !path.exists()), "not even the file is made");
    });
}

#[test]
fn locked_names_every_difference() {
    let db = Db::sqlite();
    let project = base();
    add_tags(&project);
    project.run(&db, &["lock"]).ok();
    project.write("migrations/20240102000000_posts.sql", "CREATE TABLE posts (id int);\n");
    project.write("migrations/20240105000000_more.sql", "CREATE TABLE more (id int);\n");
    let output = project.run(&db, &["migrate", "--locked"]).exits(7);
    output
        .says("app::20240102000000_posts` changed")
        .says("app::20240105000000_more` is new")
        .does_not_say(TAGS);
    assert!(db.is_empty());
}

#[test]
fn locked_refuses_a_stale_or_missing_snapshot_before_any_statement() {
    each_database(|db| {
        let project = base();
        project.run(&db.another(), &["migrate"]).ok();
        let name = snapshot(db);
        let fresh = project.read(&name);
        let help = "run `db-migrations schema snapshot`";
        project.remove(&name);
        project.run(db, &["migrate", "--locked"]).exits(7).says(&format!("`{name}` is missing")).says(help);
        assert!(db.is_empty());
        // a snapshot of another lock: the entry was added by hand
        project.write(&name, &fresh);
        add_tags(&project);
        project.write(LOCK, format!("{}{TAGS}: {{ skip: true }}\n", project.lock()));
        project.run(db, &["migrate", "--locked"]).exits(7);
        let lock = project.lock();
        project.write(
            LOCK,
            lock.replace(
                "skip: true }",
                &format!(
                    "skip: true, checksum: {} }}",
                    crate::common::sha256(&project.read(crate::common::TAGS_FILE))
                ),
            ),
        );
        let output = project.run(db, &["migrate", "--locked"]).exits(7).says(help);
        output.says(&format!("`{name}` was made from another lock")).says(&format!("`{TAGS}` came"));
        assert!(db.is_empty());
        project.run(db, &["schema", "snapshot"]).ok();
        project.run(db, &["migrate", "--locked"]).ok();
        assert_eq!(ran(db), [USERS, POSTS]);
    });
}

#[test]
fn a_dry_run_writes_nothing_anywhere() {
    each_database(|db| {
        let project = base();
        let tree = project.tree();
        let output = project.run(db, &["migrate", "--dry-run"]).ok();
        output.says(USERS).says(POSTS).says("dry run: nothing was written");
        assert_eq!(project.tree(), tree);
        assert!(db.is_empty());
        if let Some(path) = db.path() {
            let folder = path.parent().unwrap();
            assert_eq!(fs::read_dir(folder).unwrap().count(), 0, "neither the file nor a guard");
        }
        project.run(db, &["migrate"]).ok();
        add_tags(&project);
        let (tree, dump) = (project.tree(), db.dump());
        let output = project.run(db, &["migrate", "--dry-run"]).ok();
        output.says(TAGS).does_not_say(USERS);
        assert_eq!((project.tree(), db.dump()), (tree, dump));
    });
}

#[test]
fn the_plan_is_what_runs() {
    each_database(|db| {
        let project = base();
        project.run(db, &["migrate"]).ok();
        // one late, one new, one skipped
        project.write("migrations/20230101000000_old.sql", "CREATE TABLE old (id int);\n");
        add_tags(&project);
        project.run(db, &["lock"]);
        let (tree, dump) = (project.tree(), db.dump());
        let plan = project.run(db, &["plan", "--format", "json"]).ok().json();
        assert_eq!((project.tree(), db.dump()), (tree, dump));
        let groups = plan["plan"]["groups"].as_array().unwrap();
        let steps = groups.iter().flat_map(|group| group["steps"].as_array().unwrap());
        let ids: Vec<_> = steps.map(|step| step["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(groups.len(), 1);
        assert_eq!(ids, ["app::20230101000000_old", TAGS]);
        let output = project.run(db, &["migrate", "--format", "json"]).ok();
        assert_eq!(applied(&output), ids);
        assert_eq!(ran(db)[2..], ids);
        let plan = project.run(db, &["plan"]).ok();
        plan.says("nothing would run");
    });
}

#[test]
fn a_lock_reordered_by_hand_is_noticed() {
    each_database(|db| {
        let project = base();
        add_tags(&project);
        project.run(&db.another(), &["migrate"]).ok();
        let lock = project.lock();
        let line = lock.lines().find(|line| line.starts_with(TAGS)).unwrap();
        let users = lock.lines().find(|line| line.starts_with(USERS)).unwrap();
        let moved = lock.replace(&format!("{line}\n"), "").replace(users, &format!("{line}\n{users}"));
        project.write(LOCK, &moved);
        assert_eq!(locked(&project), [TAGS, USERS, POSTS]);
        let refused = project.run(db, &["migrate", "--locked"]).exits(7);
        refused.says("the order changed from `app::20240101000000_users` on");
        assert!(db.is_empty());
        project.run(db, &["lock", "--check"]).exits(1).says("the order changed");
        let output = project.run(db, &["migrate"]).ok();
        output.says("was edited by hand since the snapshot was made").says("the order changed from");
        assert_eq!(ran(db), [TAGS, USERS, POSTS]);
        assert_eq!(project.lock(), moved, "the hand's order stays");
        project.run(&db.another(), &["migrate", "--locked"]).ok();
    });
}

#[test]
fn a_reorder_of_what_has_run_is_noticed_too() {
    each_database(|db| {
        let project = base();
        project.run(db, &["migrate"]).ok();
        let before = history(db);
        let lock = project.lock();
        let entries: Vec<_> = lock.lines().filter(|line| line.starts_with("app::")).collect();
        project.write(LOCK, format!("{}\n{}\n", entries[1], entries[0]));
        project.run(db, &["migrate", "--locked"]).exits(7).says("the order changed");
        project.run(db, &["migrate"]).ok().says("the order changed");
        assert_eq!(history(db), before);
    });
}

#[test]
fn who_installs_an_older_module_later_gets_the_same_order_everywhere() {
    each_database(|db| {
        let project = base();
        project.write("db-migrations.yml", "cargo: off\nmodules:\n  paths: [\"plugins/*\"]\n");
        project.run(db, &["migrate"]).ok();
        project.write("plugins/shop/migrations/20200101000000_shop.sql", "CREATE TABLE shop (id int);\n");
        project.run(db, &["migrate"]).ok().does_not_say("late");
        assert_eq!(locked(&project), [USERS, POSTS, "shop::20200101000000_shop"]);
        let fresh = db.another();
        project.run(&fresh, &["migrate", "--locked"]).ok();
        assert_eq!(ran(&fresh), ran(db));
        assert_eq!(fresh.dump_schema(), db.dump_schema());
    });
}
