//! `diff` among modules: each changes what is its own, the application all of it; and what it is compared with.

use crate::common::bare;
use crate::support::database::{Db, each_database};
use crate::support::project::{Output, Project};

/// A plugin and an application, both of which declare what they have.
fn modules() -> Project {
    let accounts = "CREATE TABLE accounts (id integer PRIMARY KEY);\n";
    let app = "CREATE TABLE shop (id integer PRIMARY KEY);\n";
    Project::with_config("cargo: off\nmodules: { paths: [\"plugins/*\"] }\n")
        .file("plugins/accounts/migrations/1_accounts.sql", accounts)
        .file("plugins/accounts/schema.sql", accounts)
        .file("migrations/20240101000000_shop.sql", app)
        .file("schema.sql", app)
}

#[track_caller]
fn up_of(project: &Project, output: &Output) -> String {
    let file = output.stdout.lines().find_map(|line| line.strip_prefix("wrote ")).unwrap();
    format!("{file}\n{}", project.read(file))
}

#[test]
fn a_module_changes_what_is_its_own() {
    each_database(|db| {
        let project = modules();
        project.run_alone(&["lock"]).ok();
        project.write(
            "plugins/accounts/schema.sql",
            "CREATE TABLE accounts (id integer PRIMARY KEY, mail varchar(40));\nCREATE TABLE logins (id integer PRIMARY KEY);\n",
        );
        project.write("schema.sql", "CREATE TABLE shop (id integer PRIMARY KEY, name varchar(40));\n");
        let output = project.run(db, &["diff", "more", "--module", "accounts"]).ok();
        let up = up_of(&project, &output);
        assert!(up.starts_with("plugins/accounts/migrations/2_more"), "{up}");
        assert!(up.contains("mail") && up.contains("logins") && !up.contains("name"), "{up}");
        output.says("belongs to `app`: it stays as it is").says("proved on a scratch database");
        project.run_alone(&["lock"]).ok();
        project
            .run(db, &["diff", "--module", "accounts"])
            .ok()
            .says("nothing to do: the rest of what is declared");
        let output = project.run(db, &["diff", "names"]).ok().does_not_say("belongs to");
        let up = up_of(&project, &output);
        assert!(up.starts_with("migrations/2") && up.contains("name") && !up.contains("mail"), "{up}");
        project.run_alone(&["lock"]).ok();
        project.run(db, &["migrate"]).ok();
        project.run(db, &["diff"]).ok().says("nothing to do: the migrations make what is declared");
    });
}

#[test]
fn the_application_may_change_all_and_is_told_so() {
    each_database(|db| {
        let project = modules();
        project.remove("plugins/accounts/schema.sql");
        let app = "CREATE TABLE shop (id integer PRIMARY KEY);\nALTER TABLE accounts ADD COLUMN mail varchar(40);\n";
        project.write("schema.sql", app);
        let output = project.run(db, &["diff"]).ok();
        let up = up_of(&project, &output);
        assert!(up.starts_with("migrations/2") && up.contains("mail"), "{up}");
        output.says("accounts` belongs to `accounts`, and `app` changes it").says("--module accounts");
        project.run_alone(&["lock"]).ok();
        project.run(db, &["migrate"]).ok();
        project.run(db, &["diff"]).ok().says("nothing to do");
        let document = project.run(db, &["diff", "--module", "accounts", "--format", "json"]).ok().json();
        assert_eq!(document["outcome"], "nothing-to-do");
    });
}

#[test]
fn a_module_of_somebody_else_gets_none() {
    let project = modules();
    let db = Db::sqlite();
    project.run(&db, &["diff", "--module", "nobody"]).exits(2).says("there is no module `nobody`");
}

#[test]
fn what_is_pending_would_be_made_twice() {
    each_database(|db| {
        let project = modules();
        project
            .run(db, &["diff", "--from", "live"])
            .exits(7)
            .says("2 migrations are pending on this database");
    });
}

#[test]
fn a_dialect_of_several_is_named_in_the_files() {
    each_database(|db| {
        let project = bare().file("schema.sql", "CREATE TABLE a (id integer PRIMARY KEY);\n");
        project.write("db-migrations.yml", "cargo: off\ndialects: [sqlite, postgres, mariadb]\n");
        let output = project.run(db, &["diff"]).ok();
        let up = up_of(&project, &output);
        assert!(up.lines().next().unwrap().ends_with(&format!("_changes.up.{}.sql", db.dialect())), "{up}");
        project.run(db, &["migrate"]).ok();
        project.run(db, &["diff"]).ok().says("nothing to do");
    });
}

#[test]
fn without_standing_in_the_way_of_others() {
    let Some(db) = Db::postgres() else { return };
    let before = "CREATE TABLE a (id bigint PRIMARY KEY, b_id bigint, note text);\nCREATE TABLE b (id bigint PRIMARY KEY);\n";
    let after = "CREATE TABLE b (id bigint PRIMARY KEY);\n\
                 CREATE TABLE a (id bigint PRIMARY KEY, b_id bigint REFERENCES b (id), note text NOT NULL);\nCREATE INDEX a_b ON a (b_id);\nCREATE INDEX a_note ON a (note);\n";
    let project = bare().file("migrations/20240101000000_a.sql", before).file("schema.sql", after);
    project.run_alone(&["lock"]).ok();
    project.run(&db, &["migrate"]).ok();
    db.execute("INSERT INTO b VALUES (1); INSERT INTO a VALUES (1, 1, 'x')");
    let was = db.dump_schema();
    let output = project.run(&db, &["diff", "--online"]).ok().says("up, down, up");
    let files: Vec<&str> = output.stdout.lines().filter_map(|line| line.strip_prefix("wrote ")).collect();
    assert!(files.len() > 4, "{output}");
    let texts: Vec<String> = files.iter().map(|file| project.read(file)).collect();
    let alone = texts.iter().filter(|text| text.contains("CONCURRENTLY"));
    assert!(alone.clone().count() >= 2, "{texts:?}");
    for text in alone.filter(|text| text.contains("CREATE")) {
        assert!(text.starts_with("-- db-migrations: no-transaction\n"), "{text}");
        assert_eq!(text.matches(';').count(), 1, "{text}");
    }
    project.run_alone(&["lock"]).ok();
    project.run(&db, &["migrate", "--allow-split"]).ok();
    project.run(&db, &["diff"]).ok().says("nothing to do");
    project.run(&db, &["migrate", "app::20240101000000_a", "--allow-split", "--yes"]).ok();
    assert_eq!(db.dump_schema(), was);
    assert_eq!(db.count("SELECT COUNT(*) FROM a"), 1);
}

#[test]
fn what_nobody_manages_is_not_dropped_on_the_way() {
    let Some(db) = Db::postgres() else { return };
    let schema = |kind: &str| format!("CREATE TABLE t (id integer PRIMARY KEY, a {kind});\n");
    let project = bare()
        .file("migrations/20240101000000_t.sql", schema("integer"))
        .file("schema.sql", schema("bigint"));
    project.run_alone(&["lock"]).ok();
    project.run(&db, &["migrate"]).ok();
    db.execute("CREATE VIEW by_hand AS SELECT a FROM t");
    let before = project.tree();
    let refused = project.run(&db, &["diff", "--from", "live"]).exits(7);
    refused.says("view `public.by_hand` is neither declared nor made by a migration, and stands in the way");
    assert_eq!(project.tree(), before);
    project.run(&db, &["diff"]).ok().says("wrote ");
}
