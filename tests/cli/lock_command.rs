//! `lock`: what it writes, what `--check` says, and every way to mend what a person must decide.

use crate::common::{LOCK, POSTS, TAGS, TAGS_FILE, USERS, add_tags, bare, base, locked, ran, states};
use crate::copies::copies;
use crate::support::database::{Db, each_database};

#[test]
fn it_needs_no_database() {
    let project = base();
    project.run_alone(&["lock", "--check"]).exits(1).says("is new").says("is not up to date");
    assert!(!project.exists(LOCK), "a check writes nothing");
    project.run_alone(&["lock"]).ok().says("added app::20240101000000_users").says("2 entries");
    assert_eq!(locked(&project), [USERS, POSTS]);
    project.run_alone(&["lock", "--check"]).ok().says("is up to date");
    let tree = project.tree();
    project.run_alone(&["lock"]).ok().says("is up to date");
    assert_eq!(project.tree(), tree);
}

#[test]
fn it_refreshes_the_snapshot_of_sqlite_and_names_the_command_for_the_other() {
    let project = base();
    project.write("db-migrations.yml", "cargo: off\ndialects: [sqlite, postgres]\n");
    let output = project.run_alone(&["lock"]).ok().says("wrote migrations-schema.sqlite.sql");
    output.says("schema snapshot --dialect postgres");
    project.run_alone(&["lock", "--check"]).exits(1).says("`migrations-schema.postgres.sql` is missing");
    let Some(db) = Db::postgres() else { return };
    project.run(&db, &["schema", "snapshot"]).ok().says("wrote migrations-schema.postgres.sql");
    project.run(&db, &["lock", "--check", "--replay"]).ok();
    assert!(db.is_empty(), "a replay happens elsewhere");
    let text = project.read("migrations-schema.postgres.sql").replace("text NOT NULL", "text");
    project.write("migrations-schema.postgres.sql", text);
    project.run(&db, &["lock", "--check"]).ok();
    project
        .run(&db, &["lock", "--check", "--replay"])
        .exits(1)
        .says("is not what a replay of the lock makes");
}

#[test]
fn what_a_hand_wrote_survives() {
    let project = base();
    project.run_alone(&["lock"]).ok();
    let lock = project.lock();
    let (_, entries) = lock.split_once("\n\n").unwrap();
    let mut lines = entries.lines();
    let (users, posts) = (lines.next().unwrap(), lines.next().unwrap());
    let by_hand = format!(
        "# ours\r\n\r\n# why posts\r\n{posts}   # here\r\n\r\n\"{USERS}\":\r\n  skip: false\r\n# end\r\n"
    );
    assert!(users.starts_with(USERS));
    project.write(LOCK, &by_hand);
    add_tags(&project);
    project.run_alone(&["lock"]).ok();
    let after = project.lock();
    let kept = format!(
        "# ours\r\n\r\n# why posts\r\n{posts}   # here\r\n\r\n\"{USERS}\":\r\n  skip: false\r\n  checksum: "
    );
    assert!(after.starts_with(&kept), "{after}");
    assert!(after.contains("# end\r\n") && after.contains(&format!("\n{TAGS}: {{ skip: false")), "{after}");
    project.run_alone(&["lock", "--check"]).ok();
}

#[test]
fn line_endings_are_kept_in_entries_over_several_lines() {
    let project = base();
    project.write(LOCK, format!("{USERS}:\r\n  skip: false\r\n"));
    project.run_alone(&["lock"]).ok();
    assert!(!project.lock().replace("\r\n", "").contains('\n'), "{:?}", project.lock());
}

#[test]
fn a_deleted_migration_is_missing_until_it_is_pruned() {
    each_database(|db| {
        let project = base();
        add_tags(&project);
        project.run(&db.another(), &["migrate"]).ok();
        project.remove(TAGS_FILE);
        let before = project.lock();
        project.run(db, &["migrate"]).exits(7).says(&format!("`{TAGS}` is locked, but was not found"));
        project.run(db, &["migrate", "--locked"]).exits(7).says(TAGS);
        assert!(db.is_empty());
        project.run(db, &["lock", "--check"]).exits(1).says(TAGS).says("--prune");
        project.run(db, &["lock"]).exits(1).says(TAGS);
        assert_eq!(project.lock(), before, "a lock with an open question does not lose it");
        assert_eq!(states(&project, db)[2], format!("{TAGS} missing"));
        project.run(db, &["lock", "--prune"]).ok();
        assert_eq!(locked(&project), [USERS, POSTS]);
        project.run(db, &["migrate"]).ok();
    });
}

#[test]
fn a_whole_module_that_went_is_named_so() {
    let project = copies();
    project.run_alone(&["lock"]).ok();
    project.remove("plugins/two");
    let output = project.run_alone(&["lock", "--check"]).exits(1);
    output.says("`two::20230102000000_own` is locked, but its whole module is gone");
}

#[test]
fn an_edited_migration_is_changed_until_it_is_accepted() {
    each_database(|db| {
        let project = base();
        project.run(db, &["migrate"]).ok();
        let file = "migrations/20240102000000_posts.sql";
        project.write(file, format!("{}-- a remark\n", project.read(file)));
        let (tree, dump) = (project.tree(), db.dump());
        project.run(db, &["lock", "--check"]).exits(1).says(POSTS).says("changed after it was locked");
        project.run(db, &["lock"]).exits(1).says(POSTS).says("--accept");
        for args in [&["migrate"][..], &["migrate", "--locked"]] {
            project.run(db, args).exits(7).says(POSTS).says(&format!("lock --accept {POSTS}"));
        }
        project.run(db, &["migrate"]).exits(7).says("changed after it ran");
        project.run(&db.another(), &["migrate"]).exits(7).says("it has not run here");
        assert_eq!((project.tree(), db.dump()), (tree, dump));
        assert_eq!(states(&project, db)[1], format!("{POSTS} changed"));
        project
            .run(db, &["lock", "--accept", "app::20240102000000_post"])
            .exits(2)
            .says("did you mean")
            .says(POSTS);
        project.run(db, &["lock", "--accept", POSTS]).ok();
        project.run(db, &["schema", "snapshot"]).ok();
        project.run(db, &["lock", "--check"]).ok();
        project.run(db, &["migrate", "--locked"]).ok().says("nothing to do");
    });
}

#[test]
fn a_whole_module_is_accepted() {
    let project = copies();
    project.run_alone(&["lock"]).ok();
    let own = "plugins/two/migrations/20230102000000_own.sql";
    project.write(own, "CREATE TABLE own (id bigint);\n");
    project.write("migrations/20240102000000_posts.sql", "CREATE TABLE posts (id int);\n");
    project.run_alone(&["lock", "--accept"]).exits(2);
    project.run_alone(&["lock", "--accept", "--module", "two"]).exits(1).says(POSTS).does_not_say("two::2");
    project.run_alone(&["lock", "--accept", "--module", "app"]).ok();
    project.run_alone(&["lock", "--check"]).ok();
}

#[test]
fn accepting_a_module_that_is_none_is_a_mistake() {
    let project = copies();
    project.run_alone(&["lock"]).ok();
    project.run_alone(&["lock", "--accept", "--module", "nobody"]).exits(2).says("nobody");
}

#[test]
fn a_renamed_migration_does_not_run_twice() {
    each_database(|db| {
        let project = base();
        project.run(db, &["migrate"]).ok();
        let fresh = db.another();
        let text = project.read("migrations/20240102000000_posts.sql");
        project.remove("migrations/20240102000000_posts.sql");
        project.write("migrations/20240102000000_articles.sql", text);
        let new = "app::20240102000000_articles";
        let dump = db.dump();
        let rename = format!("lock rename {POSTS} {new}");
        project.run(db, &["migrate"]).exits(7).says(&rename);
        project.run(db, &["lock", "--check"]).exits(1).says(&rename);
        assert_eq!(db.dump(), dump);
        project.edit(LOCK, POSTS, &format!("# the posts\n{POSTS}"));
        project.run(db, &["lock", "rename", POSTS, new]).ok();
        assert!(project.lock().contains(&format!("# the posts\n{new}: ")), "{}", project.lock());
        assert_eq!(locked(&project), [USERS, new]);
        project.run(db, &["migrate"]).ok().does_not_say("applied app::");
        assert_eq!(ran(db), [USERS, POSTS]);
        assert_eq!(states(&project, db)[1], format!("{new} applied"));
        project.run(db, &["schema", "snapshot"]).ok();
        project.run(db, &["lock", "--check"]).ok();
        project.run(&fresh, &["migrate", "--locked"]).ok();
        assert_eq!(ran(&fresh), [USERS, new]);
        assert_eq!(fresh.dump_schema(), db.dump_schema());
    });
}

#[test]
fn renames_that_are_none_are_refused() {
    let project = base();
    project.run_alone(&["lock"]).ok();
    let tree = project.tree();
    for (old, new) in [(USERS, "app::1_x"), ("app::1_x", USERS), (USERS, POSTS)] {
        project.run_alone(&["lock", "rename", old, new]).exits(2);
    }
    assert_eq!(project.tree(), tree);
}

#[test]
fn identical_duplicates_are_joined_others_are_refused() {
    let project = base();
    project.run_alone(&["lock"]).ok();
    let lock = project.lock();
    let line = lock.lines().last().unwrap();
    project.write(LOCK, format!("{lock}{line}\n"));
    project.run_alone(&["lock", "--check"]).exits(1).says(POSTS).says("twice");
    let db = Db::sqlite();
    project.run(&db, &["migrate", "--locked"]).exits(7);
    project.run_alone(&["lock"]).ok();
    assert_eq!(project.lock(), lock);
    project.write(LOCK, format!("{lock}{}\n", line.replace("skip: false", "skip: true")));
    project.run_alone(&["lock"]).exits(2).says(POSTS);
}

#[test]
fn a_skipped_entry_does_not_run_and_can_lose_its_file() {
    each_database(|db| {
        let project = base();
        add_tags(&project);
        project.run_alone(&["lock"]).ok();
        project.edit(LOCK, &format!("{TAGS}: {{ skip: false"), &format!("{TAGS}: {{ skip: true"));
        project.run(db, &["migrate"]).ok();
        assert_eq!(ran(db), [USERS, POSTS]);
        assert_eq!(states(&project, db)[2], format!("{TAGS} skipped"));
        project.remove(TAGS_FILE);
        project.run(db, &["migrate"]).ok().says("nothing to do");
    });
}

#[test]
fn a_locked_dependency_that_stands_behind_is_a_warning() {
    let project = bare()
        .file("migrations/1_a.sql", "-- db-migrations: depends-on app::2_b\nSELECT 1;\n")
        .file("migrations/2_b.sql", "-- db-migrations: depends-on app::1_a\nSELECT 1;\n");
    project.run_alone(&["lock"]).exits(2).says("app::1_a").says("app::2_b");
    project.write("migrations/2_b.sql", "SELECT 1;\n");
    project.run_alone(&["lock"]).exits(2);
}
