//! Bases that stand for several migrations: where none, all or some of those have run.

use crate::common::{LOCK, POSTS, TAGS, USERS, add_tags, base, locked, ran, states};
use crate::support::database::{Db, each_database};
use crate::support::project::Project;

const WHOLE: &str = "app::20240102000001_whole";
const AUTHORS: &str = "app::20240101120000_authors";

/// The first two of three migrations are put together by hand, as the author of a crate does it.
fn put_together(project: &Project) {
    let text = |file: &str| project.read(&format!("migrations/{file}.sql"));
    let whole = format!(
        "-- db-migrations: replaces {USERS} {POSTS}\n{}{}",
        text("20240101000000_users"),
        text("20240102000000_posts")
    );
    for file in ["20240101000000_users", "20240102000000_posts"] {
        project.remove(&format!("migrations/{file}.sql"));
    }
    project.write("migrations/20240102000001_whole.sql", whole);
    project.write("migrations/20240102000001_whole.down.sql", "DROP TABLE posts; DROP TABLE users;\n");
}

fn kinds(db: &Db) -> Vec<String> {
    db.query("SELECT concat_ws(' ', id, kind) FROM db_migrations ORDER BY position, id")
}

fn old_and_new(db: &Db, run: &[&str]) -> Project {
    let project = base();
    add_tags(&project);
    project.run(db, run).ok();
    put_together(&project);
    project
}

#[test]
fn where_all_have_run_the_base_is_recorded() {
    each_database(|db| {
        let project = old_and_new(db, &["migrate"]);
        let before = db.dump_schema();
        project.run(db, &["plan"]).says(&format!("records {WHOLE} without running it"));
        project.run(db, &["migrate"]).ok().says("the 2 migrations that it stands for ran here");
        assert_eq!(locked(&project), [WHOLE, TAGS]);
        assert_eq!(db.dump_schema(), before);
        let archived = [USERS, POSTS].map(|id| format!("{id} archived"));
        let rows = [&archived[0], &archived[1], &format!("{WHOLE} baseline"), &format!("{TAGS} applied")];
        assert_eq!(kinds(db), rows.map(String::as_str));
        let calm = project.run(db, &["migrate", "--locked"]).ok();
        assert!(!calm.stderr.contains("warning"), "{calm}");
        assert_eq!(states(&project, db), [format!("{WHOLE} applied"), format!("{TAGS} applied")]);
        // undone, nothing of it is there any more, and it runs
        project.run(db, &["execute", "whole", "tags", "--down", "--yes"]).exits(7);
        project.write("migrations/20240103000000_tags.down.sql", "DROP TABLE tags;\n");
        project.run(db, &["execute", "whole", "tags", "--down", "--yes"]).ok();
        assert_eq!(kinds(db), Vec::<String>::new());
        project.run(db, &["migrate"]).ok();
        let rows = [&archived[0], &archived[1], &format!("{WHOLE} applied"), &format!("{TAGS} applied")];
        assert_eq!(kinds(db), rows.map(String::as_str));
        assert_eq!(db.dump_schema(), before);
    });
}

#[test]
fn where_none_has_run_the_base_runs() {
    each_database(|db| {
        let project = old_and_new(&db.another(), &["migrate"]);
        project.run(db, &["migrate"]).ok();
        let archived = [USERS, POSTS].map(|id| format!("{id} archived"));
        let rows = [&archived[0], &archived[1], &format!("{WHOLE} applied"), &format!("{TAGS} applied")];
        assert_eq!(kinds(db), rows.map(String::as_str));
        // an older release finds what it needs, and does nothing
        let old = base();
        add_tags(&old);
        old.run(&db.another(), &["migrate"]).ok();
        let before = (db.dump_schema(), kinds(db));
        old.run(db, &["migrate", "--locked"]).ok().says(WHOLE);
        assert_eq!((db.dump_schema(), kinds(db)), before);
    });
}

#[test]
fn where_some_have_run_it_is_refused_and_says_which() {
    each_database(|db| {
        let project = old_and_new(db, &["migrate", USERS]);
        let before = db.dump();
        project.run_alone(&["lock"]).ok();
        project.run(db, &["schema", "snapshot"]).ok();
        for args in [&["migrate"][..], &["migrate", "--locked"]] {
            let refused = project.run(db, args).exits(7);
            let refused =
                refused.says(&format!("`{WHOLE}` stands for 2 migrations, of which only 1 ran here"));
            refused.says(&format!("`{POSTS}` has not run here")).says("that still has them");
        }
        assert_eq!(db.dump(), before);
        assert!(states(&project, db).contains(&format!("{WHOLE} refused")), "{:?}", states(&project, db));
        // the way out: the rest by other means, then it is marked
        project.run(db, &["version", "whole", "--add", "--yes"]).ok();
        let rows = [format!("{USERS} archived"), format!("{POSTS} archived"), format!("{WHOLE} marked")];
        assert_eq!(kinds(db), rows);
    });
}

#[test]
fn a_release_from_before_the_base_finds_what_it_needs() {
    each_database(|db| {
        let new = old_and_new(db, &["migrate"]);
        new.run(db, &["migrate"]).ok();
        let old = base();
        add_tags(&old);
        let before = (db.dump_schema(), kinds(db));
        old.run(&db.another(), &["migrate"]).ok();
        old.run(db, &["migrate", "--locked"]).ok().says(WHOLE);
        assert_eq!((db.dump_schema(), kinds(db)), before);
    });
}

#[test]
fn a_late_branch_is_appended_and_told() {
    each_database(|db| {
        let project = old_and_new(db, &["migrate"]);
        project.run(db, &["migrate"]).ok();
        project
            .write("migrations/20240101120000_authors.sql", "CREATE TABLE authors (id INT PRIMARY KEY);\n");
        project.run(db, &["lock"]).ok().says(&format!("it is older than `{WHOLE}`"));
        project.run(db, &["migrate"]).ok();
        assert_eq!(locked(&project), [WHOLE, TAGS, AUTHORS]);
        assert!(
            project.read(LOCK).contains(&format!("replaces: [{USERS}, {POSTS}]")),
            "{}",
            project.read(LOCK)
        );
    });
}

#[test]
fn before_it_is_recorded_a_base_is_a_target_like_any_other() {
    each_database(|db| {
        let project = old_and_new(db, &["migrate"]);
        project.write("migrations/20240103000000_tags.down.sql", "DROP TABLE tags;\n");
        project.run_alone(&["lock"]).ok();
        project.run(db, &["execute", "whole", "tags", "--down", "--yes"]).exits(2).says("records it");
        project.run(db, &["migrate", "whole", "--yes"]).ok();
        assert_eq!(ran(db), [USERS, POSTS]);
    });
}

/// The second one is only for one database; each text says what it stands for.
#[test]
fn what_had_no_text_for_a_database_is_not_missing_there() {
    let all = [USERS, POSTS].join(" ");
    each_database(|db| {
        let project = base();
        let posts = project.read("migrations/20240102000000_posts.sql");
        project.remove("migrations/20240102000000_posts.sql");
        project.write("migrations/20240102000000_posts.postgres.sql", &posts);
        project.run(db, &["migrate"]).ok();
        let users = project.read("migrations/20240101000000_users.sql");
        for file in ["20240101000000_users", "20240102000000_posts.postgres"] {
            project.remove(&format!("migrations/{file}.sql"));
        }
        let write = |dialect: &str, replaces: &str, text: &str| {
            let text = format!("-- db-migrations: replaces {replaces}\n{text}");
            project.write(&format!("migrations/20240102000001_whole.{dialect}.sql"), text);
        };
        write("postgres", &all, &format!("{users}{posts}"));
        write("sqlite", USERS, &users);
        write("mysql", USERS, &users);
        project.run(db, &["migrate"]).ok().says("stands for ran here");
        project.run(&db.another(), &["migrate"]).ok();
    });
}
