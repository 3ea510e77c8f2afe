//! `init`, `reset`, URLs, configuration faults.

use crate::common::{LOCK, USERS, add_tags, base, ran};
use crate::support::database::{Db, each_database};
use crate::support::project::Project;

#[test]
fn init_makes_a_project_that_works_and_does_it_once() {
    each_database(|db| {
        let project = Project::new();
        project
            .run_alone(&["init"])
            .ok()
            .says("db-migrations.yml")
            .says("migrations/")
            .says(".gitattributes");
        assert!(project.join("migrations").is_dir());
        assert!(project.read(".gitattributes").contains("migrations-lock.yml text eol=lf"));
        let tree = project.tree();
        project.run_alone(&["init"]).ok().does_not_say("wrote");
        assert_eq!(project.tree(), tree);
        project.run(db, &["migrate"]).ok();
        project.run(db, &["migrate", "--locked"]).exits(2).says("there is no migration at all");
        project.run(db, &["migrate", "--locked", "--allow-no-migration"]).ok();
        project.write("migrations/1_a.sql", "CREATE TABLE a (id int);\n");
        project.run(db, &["migrate"]).ok();
        assert_eq!(ran(db), ["app::1_a"]);
    });
}

#[test]
fn init_leaves_what_is_there() {
    let project = Project::with_config("cargo: off\n").file(".gitattributes", "*.png binary");
    project.run_alone(&["init"]).ok();
    assert_eq!(project.read("db-migrations.yml"), "cargo: off\n");
    let attributes = project.read(".gitattributes");
    assert!(attributes.starts_with("*.png binary\nmigrations-lock.yml"), "{attributes}");
}

#[test]
fn every_key_of_the_commented_configuration_is_accepted() {
    let project = Project::new();
    project.run_alone(&["init"]).ok();
    // take the mark off the lines that are keys
    let text: Vec<String> = project
        .read("db-migrations.yml")
        .lines()
        .skip(1)
        .map(|line| line.strip_prefix("# ").unwrap_or(line).to_owned())
        .collect();
    let text = text
        .join("\n")
        .replace("${DATABASE_URL}", "sqlite://app.db")
        .replace("some-crate: { path: migrations }", "{}");
    project.write("db-migrations.yml", text.replace("  enable:\n    {}", "  enable: {}"));
    project.run_alone(&["status"]).ok();
}

#[test]
fn reset_drops_everything_and_asks() {
    each_database(|db| {
        let project = base();
        project.run(db, &["migrate"]).ok();
        if db.is_mariadb() {
            db.execute(
                "CREATE VIEW v AS SELECT * FROM users; CREATE VIEW w AS SELECT * FROM v; CREATE SEQUENCE s;
                 CREATE FUNCTION f() RETURNS int RETURN 1; CREATE PROCEDURE p() SELECT 1;
                 CREATE TRIGGER t BEFORE INSERT ON users FOR EACH ROW SET new.name = 'x';
                 CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
            );
        }
        if db.is_postgres() {
            db.execute("CREATE SCHEMA more; CREATE TYPE more.mood AS ENUM ('a'); CREATE VIEW v AS SELECT * FROM users; CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'");
        }
        let before = db.dump();
        let output = project.run(db, &["reset"]).exits(2);
        output.says("--yes").says("table users").says("rows included");
        assert_eq!(db.dump(), before);
        project.run(db, &["reset", "--yes"]).ok().says("dropped");
        assert!(db.is_empty());
        project.run(db, &["reset", "--yes"]).ok().says("is empty already");
        let tree = project.tree();
        project.run(db, &["migrate", "--locked"]).ok().says("2 migrations committed");
        assert_eq!(project.tree(), tree);
        assert_eq!(ran(db)[0], USERS);
    });
}

#[test]
fn reset_of_a_remote_database_is_refused() {
    let project = base();
    for scheme in ["postgres", "mariadb", "mysql"] {
        let url = format!("{scheme}://joe:s3cret@db.example.invalid/app");
        let output = project.run_at(&url, &["reset", "--yes"]).exits(7);
        output.says("on this machine only").does_not_say("s3cret");
    }
}

#[test]
fn an_unreachable_server_is_6_and_no_password_is_shown() {
    let project = base();
    for url in [
        "postgres://joe:s3cret@127.0.0.1:1/app",
        "postgres://joe:s3cret@localhost/app?host=/nonexistent",
        "postgres://joe:s3cr%65t@127.0.0.1:1/app",
        "mariadb://joe:s3cret@127.0.0.1:1/app",
        "mysql://joe:s3cr%65t@localhost/app?socket=/nonexistent",
    ] {
        for args in [
            &["migrate"][..],
            &["status"],
            &["plan"],
            &["schema", "check"],
            &["schema", "dump"],
            &["status", "--format", "json"],
        ] {
            if args == ["schema", "check"] {
                continue; // it asks for the snapshot first
            }
            let output = project.run_at(url, args).exits(6);
            output.says("cannot connect").does_not_say("s3cret").does_not_say("s3cr%65t");
        }
        assert!(!project.exists(LOCK));
    }
}

#[test]
fn a_password_among_the_parameters_is_not_shown_either() {
    let project = base();
    let url = "postgres://127.0.0.1:1/app?user=joe&password=s3cret";
    project.run_at(url, &["migrate"]).exits(6).says("cannot connect").does_not_say("s3cret");
    project.run_at(url, &["status", "--format", "json"]).exits(6).does_not_say("s3cret");
}

#[test]
fn a_refused_login_and_an_absent_database_are_6() {
    let project = base();
    for (db, words) in [(Db::postgres(), "does not exist"), (Db::mariadb(), "Unknown database")] {
        let Some(db) = db else { continue };
        project.run_at(&db.url_as("nobody_at_all"), &["migrate"]).exits(6).says("nobody_at_all");
        let absent = db.url().replace("/test_", "/absent_");
        project.run_at(&absent, &["migrate"]).exits(6).says(words);
    }
}

/// One server speaks for the other, so what the URL says is not enough.
#[test]
fn mariadb_behind_a_url_of_mysql_is_refused_with_the_way_out() {
    let Some(db) = Db::mariadb() else { return };
    let project = base();
    let url = db.url().replace("mariadb://", "mysql://");
    let output = project.run_at(&url, &["migrate"]);
    let output = output.says("the server is MariaDB (10.").says("the URL says otherwise");
    output.says("`mariadb://…`").says("`dialects: [mariadb]`").exits(7);
    assert!(db.is_empty());
    assert!(!project.exists(LOCK));
    project.write("db-migrations.yml", "cargo: off\ndialects: [mariadb]\n");
    project.run_at(&url, &["migrate"]).ok().says("schema check: passed");
    assert_eq!(ran(&db)[0], USERS);
    assert!(project.exists(&crate::common::snapshot(&db)));
}

#[test]
fn what_is_no_database_url_is_2() {
    let project = base();
    for command in ["migrate", "status", "plan", "reset"] {
        project.run_alone(&[command]).exits(2).says("no database is named").says("DATABASE_URL");
    }
    project.run_at("oracle://x", &["migrate"]).exits(2).says("`oracle`");
    project.run_at("mariadb://root@localhost", &["migrate"]).exits(2).says("database");
    project.run_at("postgres://joe:s3cret@host:notaport/x", &["migrate"]).exits(2).does_not_say("s3cret");
    project.run_at("joe:s3cret@host", &["migrate"]).exits(2).does_not_say("s3cret");
}

#[test]
fn the_url_comes_from_flag_environment_dotenv_or_configuration() {
    let project = base();
    let [flag, variable, dotenv, config] = [Db::sqlite(), Db::sqlite(), Db::sqlite(), Db::sqlite()];
    project.write("db-migrations.yml", format!("cargo: off\ndatabase: {{ url: \"{}\" }}\n", config.url()));
    project.run_alone(&["migrate"]).ok();
    assert_eq!(ran(&config).len(), 2);
    project.write(".env", format!("DATABASE_URL={}\n", dotenv.url()));
    project.run_alone(&["migrate"]).ok();
    assert_eq!(ran(&dotenv).len(), 2);
    project.run(&variable, &["migrate"]).ok();
    assert_eq!(ran(&variable).len(), 2);
    project.run(&variable, &["migrate", "--url", flag.url()]).ok();
    assert_eq!(ran(&flag).len(), 2);
    project.write("db-migrations.yml", "cargo: off\ndatabase: { url: \"sqlite://${NAME}.db\" }\n");
    project.write(".env", "NAME=here\n");
    project.write("migrations/sub/.keep", "");
    let mut command = project.command(&["migrate"]);
    assert!(command.current_dir(project.join("migrations/sub")).status().unwrap().success());
    assert!(project.exists("here.db"), "relative to the configuration");
}

#[test]
fn configuration_faults_are_2_with_a_frame() {
    let project = base();
    project.write("db-migrations.yml", "cargo: off\nschema-chek:\n  mode: strict\n");
    let output = project.run_alone(&["lock"]).exits(2);
    insta::assert_snapshot!(output.transcript(&project, None));
    for (text, words) in [
        ("cargo: off\nschema-check: { mode: strickt }\n", "strict"),
        ("cargo: off\npolicy: { out-of-order: maybe }\n", "maybe"),
        ("cargo: off\ncargo: off\n", "cargo"),
        ("cargo: [\n", "db-migrations.yml"),
        ("cargo: off\ndatabase: { history-table: \"a b\" }\n", "history"),
    ] {
        project.write("db-migrations.yml", text);
        let db = Db::sqlite();
        project.run(&db, &["migrate"]).exits(2).says(words);
        assert!(db.is_empty());
        assert!(!project.exists(LOCK));
    }
    project.write("db-migrations.yml", "cargo: off\ndatabase: { url: \"${NOT_SET}\" }\n");
    project.run_alone(&["migrate"]).exits(2);
    project.run_alone(&["lock", "--config", "nowhere.yml"]).exits(2).says("nowhere.yml");
}

#[test]
fn several_configurations_have_their_own_lock_and_history() {
    each_database(|db| {
        let project = base();
        project.write("other.yml", "cargo: off\npath: other\nnamespace: other\nlock: other-lock.yml\nsnapshot: other-{dialect}.sql\ndatabase: { history-table: other_history }\n");
        project.write("other/1_x.sql", "CREATE TABLE x (id int);\n");
        project.run(db, &["migrate"]).ok();
        project.run(db, &["migrate", "--config", "other.yml"]).ok();
        assert_eq!(ran(db).len(), 2);
        assert_eq!(db.query("SELECT id FROM other_history"), ["other::1_x"]);
        assert!(project.read("other-lock.yml").contains("other::1_x"));
        project.run(db, &["migrate", "--config", "other.yml", "--locked"]).ok().says("nothing to do");
        project.run(db, &["migrate", "--locked"]).ok().says("nothing to do");
        project.run(db, &["schema", "check"]).ok();
    });
}

#[test]
fn the_history_may_live_in_a_schema_of_its_own() {
    let Some(db) = Db::postgres() else { return };
    let project = base();
    project
        .write("db-migrations.yml", "cargo: off\ndatabase: { history-schema: ops, history-table: done }\n");
    project.run(&db, &["migrate"]).ok();
    assert_eq!(db.query("SELECT id FROM ops.done ORDER BY position")[0], USERS);
    add_tags(&project);
    project.run(&db, &["migrate"]).ok().says("schema check: passed");
    project.run(&db.another(), &["migrate", "--locked"]).ok();
}

#[test]
fn wrong_usage_is_2_and_help_is_0() {
    let project = base();
    for args in [
        &["migrat"][..],
        &["migrate", "--nonsense"],
        &["migrate", "--locked", "--dry-run"],
        &[],
        &["lock", "--check", "--prune"],
        &["lock", "--accept", "no-id"],
    ] {
        project.run_alone(args).exits(2);
    }
    project.run_alone(&["--help"]).ok().says("Exit codes: 0 done");
    project.run_alone(&["--version"]).ok().says("db-migrations 0.");
    project.run_alone(&["generate", "--help"]).ok().says("Make a new migration");
}
