//! `diff`: what is declared becomes a migration, which makes it; what undoes it, what is asked, what is refused.

use crate::common::{bare, locked};
use crate::support::database::{Db, each_database};
use crate::support::project::{Output, Project};

const BEFORE: &str = "migrations/20240101000000_before.sql";

/// A project whose migrations make `before`, and which declares `after`.
fn project(before: &str, after: &str) -> Project {
    bare().file(BEFORE, before).file("schema.sql", after)
}

const USERS: &str = "CREATE TABLE users (id integer PRIMARY KEY, name varchar(40) NOT NULL);\n";
const POSTS: &str = "CREATE TABLE posts (id integer PRIMARY KEY, user_id integer NOT NULL, \
     CONSTRAINT posts_users FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE);\n";

/// The files that were written: up and down.
#[track_caller]
fn wrote(output: &Output) -> Vec<String> {
    output.stdout.lines().filter_map(|line| line.strip_prefix("wrote ")).map(str::to_owned).collect()
}

/// The migration makes what is declared, here and by the lock; the way back goes, too.
#[track_caller]
fn holds(project: &Project, db: &Db) {
    project.run_alone(&["lock"]).ok();
    let before = db.dump_schema();
    let has_run = project.run(db, &["list", "--format", "json"]).stdout.contains("\"executed_at\": \"");
    project.run(db, &["migrate"]).ok();
    let after = db.dump_schema();
    project.run(db, &["diff"]).ok().says("nothing to do: the migrations make what is declared");
    project.run(db, &["schema", "check", "--against", "declared"]).ok();
    if has_run {
        project.run(db, &["rollback", "--yes"]).ok();
        assert_eq!(db.dump_schema().replace('"', ""), before.replace('"', ""));
        project.run(db, &["migrate"]).ok();
        assert_eq!(db.dump_schema().replace('"', ""), after.replace('"', ""));
    }
}

#[test]
fn a_change_is_written_with_what_undoes_it() {
    each_database(|db| {
        let changed = "CREATE TABLE users (id integer PRIMARY KEY, name varchar(80) NOT NULL, born date);\n";
        let project = project(
            &format!("{USERS}{POSTS}"),
            &format!(
                "{changed}{POSTS}CREATE TABLE tags (id integer PRIMARY KEY);\nCREATE INDEX users_born ON users (born);\n"
            ),
        );
        project.run_alone(&["lock"]).ok();
        project.run(db, &["migrate"]).ok();
        let output = project.run(db, &["diff", "add birthdays"]).ok();
        let files = wrote(&output);
        assert_eq!(files.len(), 2, "{output}");
        assert!(files[0].ends_with("_add_birthdays.up.sql") && files[1].ends_with(".down.sql"), "{output}");
        output
            .says("proved on a scratch database with 4 rows in 2 tables: up, down, up")
            .says("next: look at it");
        db.execute("INSERT INTO users (id, name) VALUES (7, 'ann')");
        db.execute("INSERT INTO posts (id, user_id) VALUES (8, 7)");
        holds(&project, db);
        assert_eq!(db.query("SELECT name FROM users"), ["ann"]);
        assert_eq!(db.count("SELECT COUNT(*) FROM posts"), 1);
    });
}

#[test]
fn without_a_difference_nothing_is_written() {
    each_database(|db| {
        let project = project(USERS, USERS);
        let before = project.tree();
        project.run(db, &["diff"]).ok().says("nothing to do");
        assert_eq!(project.tree(), before);
        let output = project.run(db, &["diff", "by hand", "--allow-empty-diff"]).ok();
        let files = wrote(&output);
        assert_eq!(files.len(), 2, "{output}");
        assert_eq!(project.read(&files[0]), "");
    });
}

#[test]
fn a_dry_run_writes_nothing() {
    each_database(|db| {
        let project = project(USERS, &format!("{USERS}{POSTS}"));
        let before = project.tree();
        let output = project.run(db, &["diff", "--dry-run"]).ok();
        assert!(output.stdout.to_lowercase().contains("create table"), "{output}");
        assert_eq!(project.tree(), before);
        let document = project.run(db, &["diff", "--dry-run", "--format", "json"]).ok().json();
        assert_eq!(document["outcome"], "printed");
        assert_eq!(document["written"].as_array().unwrap().len(), 0);
        assert!(document["files"][0]["text"].as_str().unwrap().contains("posts"));
        assert_eq!(document["proof"]["rows"], 2);
        assert_eq!(project.tree(), before);
    });
}

#[test]
fn a_first_migration_begins_at_nothing() {
    each_database(|db| {
        let project = bare().file("schema.sql", format!("{USERS}{POSTS}"));
        project.run(db, &["diff", "first"]).ok().says("proved on an empty scratch database");
        holds(&project, db);
        let output = project.run(db, &["diff", "again", "--from-empty-schema", "--dry-run"]).ok();
        assert!(output.stdout.contains("posts") && output.stdout.contains("users"), "{output}");
    });
}

#[test]
fn a_rename_is_asked_and_keeps_its_rows() {
    each_database(|db| {
        let was = "CREATE TABLE users (id integer PRIMARY KEY, image varchar(40));\n";
        let is = "CREATE TABLE users (id integer PRIMARY KEY, poster varchar(40));\n";
        let project = project(was, is);
        project.run_alone(&["lock"]).ok();
        project.run(db, &["migrate"]).ok();
        db.execute("INSERT INTO users VALUES (1, 'a.png')");
        let before = project.tree();
        let output = project.run(db, &["diff"]).exits(7);
        assert_eq!(project.tree(), before);
        let way = output.stderr.lines().find_map(|line| line.split_once("renamed: `--rename ")).unwrap().1;
        let way = way.trim_end_matches('`').to_owned();
        let output =
            output.says("renamed: what is in").says("dropped and added: what is in").says("--no-rename");
        drop(output);
        project
            .run(db, &["diff", "--rename", &way])
            .ok()
            .says("proved on a scratch database with 2 rows in 1 table");
        holds(&project, db);
        assert_eq!(db.query("SELECT poster FROM users"), ["a.png"]);
    });
}

#[test]
fn a_table_and_its_column_get_new_names_by_comments() {
    each_database(|db| {
        let was = "CREATE TABLE users (id integer PRIMARY KEY, image varchar(40));\n\
                   CREATE VIEW pictures AS SELECT image FROM users;\n";
        let is = "-- was: users\nCREATE TABLE accounts (\n    id integer PRIMARY KEY,\n    poster varchar(40) -- was: image\n);\n\
                  CREATE VIEW pictures AS SELECT poster AS image FROM accounts;\n";
        let project = project(was, is);
        project.run_alone(&["lock"]).ok();
        project.run(db, &["migrate"]).ok();
        db.execute("INSERT INTO users VALUES (1, 'a.png')");
        let output = project.run(db, &["diff"]).ok();
        let up = project.read(&wrote(&output)[0]);
        assert!(!up.contains("DROP TABLE"), "{up}");
        holds(&project, db);
        assert_eq!(db.query("SELECT image FROM pictures"), ["a.png"]);
    });
}

#[test]
fn dropped_and_added_is_the_other_reading() {
    each_database(|db| {
        let was = "CREATE TABLE users (id integer PRIMARY KEY, image varchar(40));\n";
        let is = "CREATE TABLE users (id integer PRIMARY KEY, poster varchar(40));\n";
        let project = project(was, is);
        let output = project.run(db, &["diff", "--no-rename", "users.image", "--allow-drop"]).ok();
        output.clone().says("the migration loses data");
        holds(&project, db);
        let output = project.run(db, &["diff", "--no-rename", "users.other"]).exits(2);
        output.says("nothing suggests that it is renamed");
        let output = project.run(db, &["diff", "--rename", "users.nothing=users.poster"]).exits(2);
        output.says("nothing");
    });
}

#[test]
fn what_would_be_lost_is_a_comment() {
    each_database(|db| {
        let was = format!("{USERS}CREATE TABLE old_users (id integer PRIMARY KEY);\n");
        let project = project(&was, &format!("{USERS}CREATE TABLE tags (id integer PRIMARY KEY);\n"));
        project.run_alone(&["lock"]).ok();
        project.run(db, &["migrate"]).ok();
        db.execute("INSERT INTO old_users VALUES (1)");
        let output = project.run(db, &["diff", "--no-rename", "old_users"]);
        let output = if output.code == 2 { project.run(db, &["diff"]) } else { output };
        let output = output.ok().says("not done, since it would lose data").says("--allow-drop");
        let up = project.read(&wrote(&output)[0]);
        let drops: Vec<&str> = up.lines().filter(|line| line.contains("DROP TABLE")).collect();
        assert!(!drops.is_empty() && drops.iter().all(|line| line.starts_with("-- ")), "{up}");
        assert!(up.contains("its rows"), "{up}");
        project.run_alone(&["lock"]).ok();
        project.run(db, &["migrate"]).ok();
        assert_eq!(db.count("SELECT COUNT(*) FROM old_users"), 1);
        let before = project.tree();
        project.run(db, &["diff"]).ok().says("not done, since it would lose data");
        let again = project.tree();
        // once more, and nothing new is said
        project.run_alone(&["lock"]).ok();
        let third = project.run(db, &["diff"]).ok();
        assert!(third.stdout.contains("nothing new"), "{third}");
        assert!(again.len() <= before.len() + 2);
        project.run(db, &["diff", "drop", "--allow-drop"]).ok();
        project.run_alone(&["lock"]).ok();
        project.run(db, &["migrate"]).ok();
        project.run(db, &["diff"]).ok().says("nothing to do");
    });
}

#[test]
fn rows_that_a_migration_cannot_take_are_said() {
    each_database(|db| {
        let was = "CREATE TABLE users (id integer PRIMARY KEY, name varchar(40));\n";
        let is = "CREATE TABLE users (id integer PRIMARY KEY, name varchar(40) NOT NULL, kind varchar(9) NOT NULL);\n";
        let project = project(was, is);
        let output = project.run(db, &["diff"]).ok();
        let document =
            project.run(db, &["diff", "--dry-run", "--format", "json", "--from-empty-schema"]).ok().json();
        assert_eq!(document["outcome"], "printed");
        assert!(
            output.stderr.contains("it fails with rows in `")
                || output.stdout.contains("with 2 rows in 1 table"),
            "{output}"
        );
        holds(&project, db);
    });
}

#[test]
fn a_filter_leaves_the_rest_alone() {
    each_database(|db| {
        let is = format!("{USERS}{POSTS}CREATE TABLE tags (id integer PRIMARY KEY);\n");
        let project = project(USERS, &is);
        let output = project.run(db, &["diff", "--filter", "tabel *"]).ok().says("nothing to do");
        output.says("warning: `--filter` matches no object");
        let output = project.run(db, &["diff", "--filter", "table *users"]).ok().says("nothing to do");
        output.does_not_say("no object");
        let output = project.run(db, &["diff", "--filter", "table *tags"]).ok().does_not_say("no object");
        let up = project.read(&wrote(&output)[0]);
        assert!(up.contains("tags") && !up.contains("posts"), "{up}");
        let output = project.run(db, &["diff", "--filter", "!* *tags*", "--filter", "["]).exits(2);
        output.says("is no pattern");
        project.run(db, &["diff"]).ok();
        holds(&project, db);
    });
}

/// What is said can be pasted.
#[test]
fn a_rename_is_spelled_for_a_shell() {
    let db = Db::sqlite();
    let project = project(
        "CREATE TABLE \"it's old\" (id integer PRIMARY KEY, a text);\n",
        "CREATE TABLE \"$new one\" (id integer PRIMARY KEY, a text);\n",
    );
    let output = project.run(&db, &["diff"]).exits(7);
    for (help, wanted) in
        [("help: renamed: `", "RENAME TO"), ("help: dropped and added: `", "CREATE TABLE \"$new one\"")]
    {
        let option = output.stderr.lines().find_map(|line| line.split_once(help)).unwrap().1;
        let option = option.strip_suffix('`').unwrap();
        let mut command = std::process::Command::new("sh");
        let program = env!("CARGO_BIN_EXE_db-migrations");
        command.args(["-c", &format!("'{program}' diff --dry-run {option}")]).current_dir(project.path());
        let output = Output::of(command.env("DATABASE_URL", db.url()), &[]).ok();
        assert!(output.stdout.contains(wanted), "{option}: {output}");
    }
}

#[test]
fn two_at_once_do_not_write_the_same_file() {
    let db = Db::sqlite();
    let project = project(USERS, &format!("{USERS}{POSTS}"));
    let running: Vec<_> = (0..4).map(|_| project.spawn(&db, &["diff", "same"])).collect();
    let mut files: Vec<String> = Vec::new();
    for one in running {
        let output = one.wait();
        let wrote = wrote(&output);
        if wrote.is_empty() {
            output.exits(2).says("exists already");
        } else {
            files.extend(wrote);
        }
    }
    let all = files.len();
    files.sort();
    files.dedup();
    assert_eq!(files.len(), all, "each is written once: {files:?}");
    let there = project.tree().into_iter().filter(|(path, _)| path.contains("_same.")).count();
    assert_eq!(there, all, "and nothing else is there");
}

#[test]
fn what_nobody_manages_stays() {
    each_database(|db| {
        let project = project(USERS, &format!("{USERS}{POSTS}"));
        project.run_alone(&["lock"]).ok();
        project.run(db, &["migrate"]).ok();
        db.execute("CREATE TABLE elsewhere (id integer PRIMARY KEY)");
        let output = project.run(db, &["diff", "--from", "live", "--allow-drop"]).ok();
        let output = output.says("elsewhere").says("it stays as it is");
        let up = project.read(&wrote(&output)[0]);
        assert!(!up.contains("elsewhere"), "{up}");
        project.run_alone(&["lock"]).ok();
        project.run(db, &["migrate"]).ok();
        project.run(db, &["diff", "--from", "live"]).ok().says("nothing to do");
        assert_eq!(db.count("SELECT COUNT(*) FROM elsewhere"), 0);
    });
}

#[test]
fn each_format_gets_its_files() {
    for (format, first, text, expected) in [
        ("dbmate", "20240101000000_a.sql", "-- migrate:up\nCREATE TABLE a (id int);\n-- migrate:down\n", 1),
        ("goose", "20240101000000_a.sql", "-- +goose Up\nCREATE TABLE a (id int);\n-- +goose Down\n", 1),
        ("refinery", "V1__a.sql", "CREATE TABLE a (id int);\n", 1),
        ("flyway", "V1_1__a.sql", "CREATE TABLE a (id int);\n", 1),
        ("golang-migrate", "1_a.up.sql", "CREATE TABLE a (id int);\n", 2),
        ("diesel", "2024-01-01-000000_a/up.sql", "CREATE TABLE a (id int);\n", 2),
    ] {
        let db = Db::sqlite();
        let declared = "CREATE TABLE a (id int);\nCREATE TABLE b (id int);\n\
             CREATE TRIGGER t AFTER INSERT ON a BEGIN\n    INSERT INTO b VALUES (NEW.id);\nEND;\n";
        let project = bare().file(&format!("migrations/{first}"), text).file("schema.sql", declared);
        project.write("db-migrations.yml", format!("cargo: off\nformat: {format}\n"));
        let output = project.run(&db, &["diff"]);
        assert_eq!(output.code, 0, "{format}: {output}");
        assert_eq!(wrote(&output).len(), expected, "{format}: {output}");
        project.run_alone(&["lock"]).ok();
        project.run(&db, &["migrate"]).ok();
        project.run(&db, &["diff"]).ok().says("nothing to do");
        assert_eq!(locked(&project).len(), 2);
    }
}

#[test]
fn bodies_follow_a_renamed_table_and_back() {
    let Some(db) = Db::postgres() else { return };
    let schema = |table: &str| {
        format!(
            "CREATE TABLE {table} (id integer PRIMARY KEY, name text);\n\
             CREATE FUNCTION names() RETURNS SETOF text LANGUAGE sql AS 'SELECT name FROM {table}';\n"
        )
    };
    let project = project(&schema("users"), &schema("accounts"));
    project.run_alone(&["lock"]).ok();
    project.run(&db, &["migrate"]).ok();
    db.execute("INSERT INTO users VALUES (1, 'eve')");
    let output = project.run(&db, &["diff", "--rename", "users=accounts"]).ok().says("up, down, up");
    let down = project.read(wrote(&output).last().unwrap());
    assert!(down.starts_with("ALTER TABLE public.accounts RENAME TO users;"), "{down}");
    holds(&project, &db);
    assert_eq!(db.query("SELECT names()"), ["eve"]);
}
