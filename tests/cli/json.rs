//! What machines read: every command's document, and every bad end.

use serde_json::Value;

use crate::common::{TAGS, TAGS_FILE, USERS, add_tags, base, lose_index};
use crate::support::database::each_database;
use crate::support::project::Output;

#[track_caller]
fn document(output: &Output, command: &str, outcome: &str) -> Value {
    let document = output.json();
    assert_eq!(document["format_version"], 1, "{output}");
    assert_eq!(document["command"], command, "{output}");
    assert_eq!(document["outcome"], outcome, "{output}");
    assert_eq!(document["exit_code"], output.code, "{output}");
    document
}

#[test]
fn every_command_has_a_document() {
    each_database(|db| {
        let project = base();
        let json = |args: &[&str]| project.run(db, &[args, &["--format", "json"]].concat());
        let plan = document(&json(&["plan"]), "plan", "planned");
        assert_eq!(plan["plan"]["steps"], 2);
        assert_eq!(plan["plan"]["groups"][0]["steps"][0]["id"], USERS);
        assert_eq!(plan["plan"]["groups"][0]["steps"][0]["statements"], 2);
        assert_eq!(plan["findings"][0]["rule"], "new");
        document(&json(&["migrate", "--dry-run"]), "migrate", "planned");
        let run = document(&json(&["migrate"]), "migrate", "migrated");
        assert_eq!(run["applied"][0]["id"], USERS);
        assert_eq!(run["schema_check"]["verdict"], "passed");
        assert_eq!(run["written"].as_array().unwrap().len(), 2);
        assert_eq!(db.query("SELECT id FROM db_migrations_run"), [run["run"].as_str().unwrap()]);
        document(&json(&["migrate"]), "migrate", "nothing-to-do");
        let status = document(&json(&["status"]), "status", "looked");
        assert_eq!(status["database"]["dialect"], db.dialect());
        assert_eq!(status["migrations"][0]["state"], "applied");
        assert!(status["migrations"][0]["executed_at"].as_str().unwrap().ends_with('Z'));
        assert!(status["migrations"][0]["execution_ms"].is_u64());
        assert_eq!(status["last_run"]["schema_check"], "passed");
        assert_eq!(status["guard"], Value::Null);
        let modules = document(&json(&["modules"]), "modules", "listed");
        assert_eq!(modules["modules"][0]["namespace"], "app");
        assert_eq!(modules["modules"][0]["migrations"], 2);
        assert_eq!(document(&json(&["lock"]), "lock", "up-to-date")["entries"], 2);
        document(&json(&["lock", "--check"]), "lock", "up-to-date");
        document(&json(&["schema", "check"]), "schema", "passed");
        document(&json(&["schema", "snapshot"]), "schema", "up-to-date");
        let dump = document(&json(&["schema", "dump"]), "schema", "dumped");
        assert!(dump["sql"].as_str().unwrap().contains("CREATE TABLE"));
        assert_eq!(dump["objects"].as_array().unwrap().iter().filter(|o| o["kind"] == "table").count(), 2);
        document(&json(&["generate", "More"]), "generate", "written");
        document(&json(&["lock"]), "lock", "written");
        document(&json(&["reset", "--yes"]), "reset", "reset");
        document(&json(&["reset", "--yes"]), "reset", "nothing-to-do");
    });
}

#[test]
fn bad_ends_are_documents_too() {
    each_database(|db| {
        let project = base();
        let json = |args: &[&str]| project.run(db, &[args, &["--format", "json"]].concat());
        let check = document(&json(&["lock", "--check"]).exits(1), "lock", "failed");
        assert!(check["errors"][0]["message"].as_str().unwrap().contains("is new"));
        document(&json(&["migrate", "--locked"]).exits(7), "migrate", "failed");
        project.run(db, &["migrate"]).ok();
        project.write(TAGS_FILE, "SELECT 1;\nINSERT INTO nowhere VALUES (1);\n");
        let failed = document(&json(&["migrate"]).exits(3), "migrate", "failed");
        let error = &failed["errors"][0];
        assert_eq!(error["place"]["path"], TAGS_FILE);
        assert_eq!(error["place"]["line"], 2);
        assert!(error["message"].as_str().unwrap().contains(TAGS));
        assert!(error["causes"][0].as_str().unwrap().contains("nowhere"));
        add_tags(&project);
        db.execute(lose_index(db));
        let drifted = document(&json(&["migrate"]).exits(3), "migrate", "failed");
        assert!(drifted.to_string().contains("posts_user"), "{drifted}");
        project.remove(TAGS_FILE);
        let check = document(&json(&["schema", "check"]).exits(1), "schema", "drift");
        let difference = &check["drift"]["differences"][0];
        let name = difference["name"].as_str().unwrap().rsplit('.').next();
        if db.is_mariadb() {
            // an index is a part of its table there
            assert_eq!((name, difference["part"].as_str()), (Some("posts"), Some("index posts_user")));
        } else {
            assert_eq!(name, Some("posts_user"));
        }
        assert_eq!(difference["change"], "missing");
        project.write("db-migrations.yml", "cargo: off\nnonsense: 1\n");
        let config = document(&json(&["status"]).exits(2), "status", "failed");
        assert_eq!(config["errors"][0]["place"]["line"], 2);
    });
}

#[test]
fn standard_output_is_one_document_and_nothing_else() {
    each_database(|db| {
        let project = base();
        project.run(db, &["migrate"]).ok();
        db.execute("INSERT INTO users VALUES (9, 'x')");
        add_tags(&project);
        let output = project.run(db, &["migrate", "--format", "json"]).ok();
        assert!(output.stdout.starts_with('{') && output.stdout.ends_with("}\n"), "{output}");
        assert_eq!(output.stderr, "", "no progress for machines");
    });
}

#[test]
fn warnings_of_a_run_reach_machines() {
    each_database(|db| {
        let project = base();
        project.write("migrations/20240101500000_between.sql", "CREATE TABLE between_it (id int);\n");
        let early = base();
        early.run(db, &["migrate"]).ok();
        project.run_alone(&["lock"]).ok();
        let plan = project.run(db, &["plan", "--format", "json"]).ok().json();
        assert!(plan["plan"]["warnings"].to_string().contains("runs late"), "{plan}");
        let run = project.run(db, &["migrate", "--format", "json"]).ok().json();
        assert!(run.to_string().contains("runs late"), "{run:#}");
    });
}
