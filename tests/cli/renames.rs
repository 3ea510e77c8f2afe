//! Migrations and modules under new names: lock, order and history keep, nothing runs twice, and every command
//! stays calm. `lock diff` says what happened.

use std::process::Command;

use crate::common::{LOCK, POSTS, TAGS, USERS, add_tags, base, locked, ran, states};
use crate::support::database::{Db, each_database};
use crate::support::project::Project;

const ARTICLES: &str = "app::20240105000000_articles";

/// The database has run everything; then a file gets another name.
fn renamed_file(db: &Db, directive: bool) -> Project {
    let project = base();
    add_tags(&project);
    project.write("migrations/20240102000000_posts.down.sql", "DROP TABLE posts;\n");
    project.run(db, &["migrate"]).ok();
    let text = project.read("migrations/20240102000000_posts.sql");
    project.remove("migrations/20240102000000_posts.sql");
    project.remove("migrations/20240102000000_posts.down.sql");
    let first = if directive { format!("-- db-migrations: replaces {POSTS}\n") } else { String::new() };
    project.write("migrations/20240105000000_articles.sql", format!("{first}{text}"));
    project.write("migrations/20240105000000_articles.down.sql", "DROP TABLE posts;\n");
    project.edit(LOCK, POSTS, &format!("# the posts\n{POSTS}"));
    project
}

/// No command warns, runs or changes anything; a fresh database gets the same schema.
fn is_calm(project: &Project, db: &Db, new: &[&str]) {
    let before = db.dump();
    project.run(db, &["schema", "snapshot"]).ok();
    for args in [
        &["lock", "--check"][..],
        &["migrate", "--locked"],
        &["migrate"],
        &["status"],
        &["schema", "check"],
        &["up-to-date", "--fail-on-unregistered"],
        &["repair"],
        &["plan", "--locked"],
    ] {
        let output = project.run(db, args).ok();
        assert!(!output.stderr.contains("warning"), "{output}");
    }
    assert_eq!(db.dump(), before);
    for id in new {
        assert!(states(project, db).contains(&format!("{id} applied")), "{:?}", states(project, db));
    }
    let fresh = db.another();
    project.run(&fresh, &["migrate", "--locked"]).ok();
    assert_eq!(fresh.dump_schema(), db.dump_schema());
    assert_eq!(ran(&fresh), locked(project));
}

#[test]
fn a_directive_says_what_a_file_was() {
    each_database(|db| {
        let project = renamed_file(db, true);
        project.run(db, &["migrate", "--locked"]).exits(7).says("takes the place of");
        project.run(db, &["lock"]).ok().says(&format!("`{ARTICLES}` takes the place of `{POSTS}`"));
        assert_eq!(locked(&project), [USERS, ARTICLES, TAGS]);
        assert!(project.lock().contains(&format!("# the posts\n{ARTICLES}: ")), "{}", project.lock());
        is_calm(&project, db, &[ARTICLES]);
        assert_eq!(ran(db), [USERS, POSTS, TAGS]);
    });
}

#[test]
fn what_ran_under_the_old_id_is_undone_under_the_new() {
    each_database(|db| {
        let project = renamed_file(db, false);
        project.run_alone(&["lock", "rename", POSTS, ARTICLES]).ok();
        is_calm(&project, db, &[ARTICLES]);
        project.run(db, &["execute", ARTICLES, "--down", "--yes"]).exits(7).says("stays, and may need");
        project.write("migrations/20240103000000_tags.down.sql", "DROP TABLE tags;\n");
        project.run(db, &["execute", "articles", "tags", "--down", "--yes"]).ok();
        assert_eq!(ran(db), [USERS]);
        project.run(db, &["migrate"]).ok();
        assert_eq!(ran(db), [USERS, ARTICLES, TAGS]);
    });
}

/// The last one that ran has another id now: what is pending afterwards is counted by it.
#[test]
fn the_last_run_is_undone_after_a_rename() {
    each_database(|db| {
        let project = renamed_file(db, true);
        project.remove("migrations/20240103000000_tags.sql");
        project.run_alone(&["lock", "--prune"]).ok();
        project.run(db, &["repair", "--forget", "--yes"]).ok();
        db.execute("DROP TABLE tags");
        project.run(db, &["schema", "snapshot"]).ok();
        project.run(db, &["migrate"]).ok();
        assert_eq!(ran(db), [USERS, POSTS]);
        project.run(db, &["rollback", "--steps", "1", "--yes"]).ok().says("not checked: 1 pending");
        assert_eq!(ran(db), [USERS]);
        project.run(db, &["migrate"]).ok();
        assert_eq!(ran(db), [USERS, ARTICLES]);
    });
}

#[test]
fn a_module_that_moved_is_not_run_again_by_itself() {
    let db = Db::sqlite();
    let project = Project::with_config("cargo: off\nmodules:\n  paths: [\"plugins/*\"]\n").file(
        "plugins/blog/migrations/1_p.sql",
        "CREATE TABLE IF NOT EXISTS p (id integer);\nINSERT INTO p VALUES (1);\n",
    );
    project.run(&db, &["migrate"]).ok();
    std::fs::rename(project.join("plugins/blog"), project.join("plugins/news")).unwrap();
    for args in [&["migrate"][..], &["lock"], &["lock", "--check"]] {
        let output = project.run(&db, args);
        assert_ne!(output.code, 0, "{output}");
        output.says("lock rename --module blog news");
    }
    assert_eq!(db.count("SELECT count(*) FROM p"), 1);
    project.run(&db, &["lock", "rename", "--module", "blog", "news"]).ok();
    project.run(&db, &["migrate"]).ok();
    assert_eq!(db.count("SELECT count(*) FROM p"), 1);
}

#[test]
fn a_whole_module_gets_another_name() {
    each_database(|db| {
        let project = Project::with_config("cargo: off\nmodules:\n  paths: [\"plugins/*\"]\n")
            .file("migrations/1_a.sql", "CREATE TABLE a (id integer);\n")
            .file("plugins/blog/migrations/1_x.sql", "CREATE TABLE x (id integer);\n")
            .file("plugins/blog/migrations/2_y.sql", "CREATE TABLE y (id integer);\n");
        project.run(db, &["migrate"]).ok();
        let history = ran(db);
        std::fs::rename(project.join("plugins/blog"), project.join("plugins/news")).unwrap();
        project.run_alone(&["lock", "rename", "--module", "blog", "app"]).exits(2);
        project
            .run_alone(&["lock", "rename", "--module", "blogg", "news"])
            .exits(2)
            .says("no entry of a module");
        project
            .run_alone(&["lock", "rename", "--module", "blog", "new"])
            .exits(2)
            .says("did you mean `news`?");
        let old = locked(&project);
        let output = project.run_alone(&["lock", "rename", "--module", "blog", "news"]).ok();
        output.says("renamed `blog::1_x` to `news::1_x`").says("renamed `blog::2_y` to `news::2_y`");
        let new: Vec<String> = old.iter().map(|id| id.replace("blog::", "news::")).collect();
        assert_eq!(locked(&project), new);
        is_calm(&project, db, &["news::1_x", "news::2_y"]);
        assert_eq!(ran(db), history);
        // and once more: a database may still have the oldest names
        std::fs::rename(project.join("plugins/news"), project.join("plugins/press")).unwrap();
        project.run_alone(&["lock", "rename", "--module", "news", "press"]).ok();
        is_calm(&project, db, &["press::1_x", "press::2_y"]);
    });
}

#[test]
fn a_diff_names_what_happened_by_module() {
    let project = base();
    add_tags(&project);
    project.write("migrations/4_d.sql", "CREATE TABLE d (id integer);\n");
    project.write("migrations/5_e.sql", "CREATE TABLE e (id integer);\n");
    let git = |args: &str| {
        let output = Command::new("git")
            .args(args.split(' '))
            .current_dir(project.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .envs(["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"].map(|name| (name, "t")))
            .envs(["GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"].map(|name| (name, "t@t")))
            .output();
        assert!(output.unwrap().status.success(), "git {args}");
    };
    git("init -q .");
    project.run_alone(&["lock"]).ok();
    git("add -A");
    git("commit -q -m x");
    project.run_alone(&["lock", "diff"]).ok().says("says the same as in HEAD");
    project.run_alone(&["lock", "move", TAGS, "--before", USERS]).ok();
    project.run_alone(&["lock", "skip", POSTS]).ok();
    project.write("migrations/6_f.sql", "CREATE TABLE f (id integer);\n");
    project.edit("migrations/4_d.sql", "id integer", "id  integer");
    project.remove("migrations/5_e.sql");
    project.run_alone(&["lock", "--accept", "app::4_d"]).exits(1);
    project.run_alone(&["lock", "--prune"]).ok();
    let output = project.run_alone(&["lock", "diff"]).ok();
    for line in [
        format!("moved     {TAGS}"),
        format!("skipped   {POSTS}"),
        "changed   app::4_d".to_owned(),
        "added     app::6_f".to_owned(),
        "removed   app::5_e".to_owned(),
    ] {
        assert!(output.stdout.contains(&line), "{line}: {output}");
    }
    let json = project.run_alone(&["lock", "diff", "HEAD", "--format", "json"]).ok().json();
    assert_eq!(
        (json["outcome"].as_str(), json["modules"][0]["module"].as_str()),
        (Some("differs"), Some("app"))
    );
    project.run_alone(&["lock", "diff", "nowhere"]).exits(2).says("git knows no revision `nowhere`");
    project.run_alone(&["lock", "diff", "--upload-pack=x"]).exits(2);
}
