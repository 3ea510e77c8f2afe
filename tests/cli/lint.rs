//! `lint`: what is looked at, what is said where, and how it ends.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::common::{LOCK, USERS};
use crate::support::database::{Db, each_database};
use crate::support::project::Project;

const USERS_FILE: &str = "migrations/20240101000000_users.sql";
const NAMES_FILE: &str = "migrations/20240102000000_names.sql";
const NAMES: &str = "app::20240102000000_names";
const INDEX: &str = "CREATE INDEX users_name ON users (name);\n";

/// One migration, for PostgreSQL.
fn project(config: &str) -> Project {
    let users = "CREATE TABLE users (id bigint PRIMARY KEY, name varchar(20), nick text);\n";
    Project::with_config(&format!("cargo: off\ndialects: [postgres]\n{config}")).file(USERS_FILE, users)
}

fn git(project: &Project, args: &str) -> String {
    let output = Command::new("git")
        .args(args.split(' '))
        .current_dir(project.path())
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .envs([("GIT_AUTHOR_NAME", "t"), ("GIT_AUTHOR_EMAIL", "t@t")])
        .envs([("GIT_COMMITTER_NAME", "t"), ("GIT_COMMITTER_EMAIL", "t@t")])
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The same, committed on `main` with its lock.
fn committed(config: &str) -> Project {
    let project = project(config);
    project.run_alone(&["lock"]).ok();
    git(&project, "init -q -b main .");
    git(&project, "add -A");
    git(&project, "commit -q -m x");
    project
}

#[test]
fn what_the_main_branch_has_not_is_looked_at() {
    let project = committed("");
    let output = project.run_alone(&["lint"]).ok().says("lint: nothing found in 0 migrations (new since ");
    output.says("(main))").says("nothing here is newer than main: `--since REV`");
    git(&project, "checkout -q -b feature");
    project.write(NAMES_FILE, INDEX);
    let said =
        "error[index-not-concurrent]: the index `users_name` is built while nobody can write to `users`";
    let output = project.run_alone(&["lint"]).exits(1).says(said).says(&format!("{NAMES_FILE}:1:1"));
    output.says("lint: 1 error, 0 warnings in 1 migration (new since ");
    git(&project, "add -A");
    git(&project, "commit -q -m y");
    project.run_alone(&["lint"]).exits(1).says(said);
    project.run_alone(&["lint", "--since", "HEAD"]).ok().says("0 migrations");
    project.run_alone(&["lint", "--since", "HEAD~1"]).exits(1).says("(HEAD~1)").says(said);
    project.run_alone(&["lint", "--main", "feature"]).ok().says("0 migrations");
    project.run_alone(&["lint", "names"]).exits(1).says("1 named migration").says(said);
    project.run_alone(&["lint", "users"]).ok().says("lint: nothing found in 1 migration");
    project.run_alone(&["lint", "--all"]).exits(1).says("2 migrations (all migrations)");
    // a table that comes with it is empty
    project.write(NAMES_FILE, "CREATE TABLE t (a int);\nCREATE INDEX t_a ON t (a);\n");
    project.write(
        "migrations/20240103000000_t.sql",
        "CREATE INDEX t_b ON t (a);\nALTER TABLE t DROP COLUMN a;\n",
    );
    project.run_alone(&["lint"]).ok().says("lint: nothing found in 2 migrations");
    // what is skipped does not run
    project.write(NAMES_FILE, INDEX);
    project.remove("migrations/20240103000000_t.sql");
    project.run_alone(&["lock"]).ok();
    project.edit(LOCK, &format!("{NAMES}: {{ skip: false"), &format!("{NAMES}: {{ skip: true"));
    project.run_alone(&["lint"]).ok().says("0 migrations");
}

#[test]
fn a_text_that_has_changed_is_looked_at_again_and_without_a_lock_files_tell() {
    let project = committed("");
    git(&project, "checkout -q -b feature");
    project.write(USERS_FILE, "CREATE TABLE users (id bigint PRIMARY KEY);\nDROP TABLE others;\n");
    project.run_alone(&["lint"]).exits(1).says("error[drop-table]: `others` is dropped");
    git(&project, "checkout -q main");
    git(&project, "rm -q --cached migrations-lock.yml");
    git(&project, "checkout -q -- migrations");
    git(&project, "commit -q -m x");
    project.remove(LOCK);
    project.write(NAMES_FILE, INDEX);
    project.run_alone(&["lint"]).exits(1).says("in 1 migration (new since").says("index-not-concurrent");
}

/// However its file is called, and whatever is written beside it: its tables hold rows.
#[test]
fn what_has_run_makes_old_tables() {
    let project = committed("");
    git(&project, "checkout -q -b feature");
    let drops = "error[drop-table]: `users` is dropped";
    let drop_file = "migrations/20240103000000_drop.sql";
    project.write(drop_file, "DROP TABLE users;\n");
    project.run_alone(&["lint"]).exits(1).says(drops).says("in 1 migration ");
    let users = project.read(USERS_FILE);
    project.write(USERS_FILE, format!("{users}-- a word\n"));
    project.run_alone(&["lint"]).exits(1).says(drops).says("in 2 migrations ");
    project.write(USERS_FILE, &users);
    // moved by hand, with the same text
    project.remove(USERS_FILE);
    let moved = "migrations/20240101000000_people.sql";
    project.write(moved, format!("-- db-migrations: replaces app::20240101000000_users\n{users}-- a word\n"));
    project.run_alone(&["lint"]).exits(1).says(drops);
    // by a base
    project.write(
        moved,
        format!("-- db-migrations: replaces app::20240101000000_users\n{users}CREATE TABLE t (a int);\n"),
    );
    project.run_alone(&["lock"]).ok();
    project.run_alone(&["lint"]).exits(1).says(drops);
}

#[test]
fn what_cannot_be_told_is_said_with_a_way_out() {
    let project = project("");
    project.run_alone(&["lint"]).exits(2).says("no git repository here").says("db-migrations lint --all");
    project.run_alone(&["lint", "nobody"]).exits(2).says("nobody");
    let output = project.run_alone(&["status", "--format", "sarif"]).exits(2);
    output.says("`status` does not write this format, only `lint` does");
    git(&project, "init -q -b trunk .");
    git(&project, "add -A");
    git(&project, "commit -q -m x");
    project.run_alone(&["lint"]).exits(2).says("which branch is the main one").says("--main BRANCH");
    project.run_alone(&["lint", "--main", "trunk"]).ok();
    project.run_alone(&["lint", "--main", "nosuch"]).exits(2).says("there is no branch `nosuch` here");
    project.run_alone(&["lint", "--since", "gone"]).exits(2).says("git knows no revision `gone`");
    git(&project, "checkout -q --orphan other");
    git(&project, "commit -q -m y");
    project.run_alone(&["lint", "--main", "trunk"]).exits(2).says("fetch-depth: 0").says("--since REV");
}

#[test]
fn the_configuration_and_the_file_say_what_counts() {
    let text = "-- db-migrations: allow drop-column nobody reads it\n-- db-migrations: allow cascade just in case\n\
                -- db-migrations: allow drop-tabel typo\nALTER TABLE users DROP COLUMN nick;\nGRANT SELECT ON users TO x;\n";
    let project = project("").file(NAMES_FILE, text);
    let output =
        project.run_alone(&["lint", "names"]).exits(1).says("; 1 allowed").does_not_say("[drop-column]");
    let output =
        output.says("error[unknown-allow]: there is no rule `drop-tabel`").says("did you mean `drop-table`?");
    output
        .says("warning[unused-allow]: nothing here is found by `cascade`")
        .says(&format!("{NAMES_FILE}:2:19"));
    project
        .write(NAMES_FILE, text.lines().filter(|line| !line.contains("cas")).collect::<Vec<_>>().join("\n"));
    project.edit(NAMES_FILE, "-- db-migrations: allow drop-tabel typo\n", "");
    project.run_alone(&["lint", "names"]).ok().says("lint: 0 errors, 1 warning in 1 migration");
    project.run_alone(&["lint", "names", "--deny-warnings"]).exits(1).says("warning[needs-privilege]");
    let config = project.read("db-migrations.yml");
    project.write("db-migrations.yml", format!("{config}lint:\n  rules: {{ needs-privilege: error }}\n"));
    project.run_alone(&["lint", "names"]).exits(1).says("error[needs-privilege]");
    project.write("db-migrations.yml", format!("{config}lint:\n  rules: {{ needs-privilege: off }}\n"));
    project.run_alone(&["lint", "names"]).ok().says("lint: nothing found");
    let rules = project.run_alone(&["lint", "--rules", "--format", "json"]).ok().json();
    let rule =
        rules["rules"].as_array().unwrap().iter().find(|rule| rule["rule"] == "needs-privilege").unwrap();
    assert_eq!(rule["severity"], "off");
    project.write("db-migrations.yml", format!("{config}lint:\n  rules: {{ needs-privileg: off }}\n"));
    let output = project.run_alone(&["lint", "names"]).exits(2).says("there is no rule `needs-privileg`");
    output.says("did you mean `needs-privilege`?").says("db-migrations.yml:4:12");
    project.write("db-migrations.yml", format!("{config}lint:\n  rules: {{ no-down: loud }}\n"));
    project.run_alone(&["lint", "names"]).exits(2).says("unknown severity `loud`");
}

#[test]
fn machines_and_github_get_the_place() {
    let project = project("").file(NAMES_FILE, "SELECT 1;\n  CREATE INDEX \"a,b:c\"\n  ON users (name);\n");
    let document = project.run_alone(&["lint", "names", "--format", "json"]).exits(1).json();
    assert_eq!((&document["command"], &document["outcome"]), (&json!("lint"), &json!("findings")));
    let finding = &document["findings"][0];
    assert_eq!((&finding["rule"], &finding["severity"]), (&json!("index-not-concurrent"), &json!("error")));
    assert_eq!((&finding["id"], &finding["table"]), (&json!(NAMES), &json!("users")));
    let place = json!({ "path": NAMES_FILE, "line": 2, "column": 3, "end_line": 3, "end_column": 18 });
    assert_eq!(finding["place"], place);
    let output = project.run_alone(&["lint", "names", "--format", "github"]).exits(1);
    let start =
        format!("::error file={NAMES_FILE},line=2,endLine=3,title=index-not-concurrent in app%3A%3A2024");
    assert!(output.stdout.starts_with(&start), "{output}");
    assert_eq!(output.stdout.lines().count(), 1, "{output}");
}

/// What the schema of SARIF 2.1.0 demands of the parts that are written.
#[test]
fn a_log_of_sarif_holds_together() {
    let text = "-- db-migrations: allow drop-column nobody reads it\nALTER TABLE users DROP COLUMN nick;\n\
                CREATE INDEX ON users (name);\n";
    let project = project("").file("migrations/20240102000000_ä b.sql", text);
    git(&project, "init -q -b main .");
    let log = project.run_alone(&["lint", "--all", "--format", "sarif"]).exits(1).json();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for rule in rules {
        assert!(rule["id"].is_string() && rule["shortDescription"]["text"].is_string(), "{rule}");
        assert!(rule["helpUri"].as_str().unwrap().starts_with("https://"), "{rule}");
        let level = rule["defaultConfiguration"]["level"].as_str().unwrap();
        assert!(["none", "note", "warning", "error"].contains(&level), "{rule}");
    }
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(result["message"]["text"].is_string());
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "migrations/20240102000000_%C3%A4%20b.sql");
        let base = place["artifactLocation"]["uriBaseId"].as_str().unwrap();
        assert!(run["originalUriBaseIds"][base].is_object());
        let number = |key: &str| place["region"][key].as_u64().unwrap();
        assert!(number("startLine") >= 1 && number("startColumn") >= 1);
        assert!((number("endLine"), number("endColumn")) > (number("startLine"), number("startColumn")));
    }
    let suppressed = |rule: &str| -> &Value {
        &results.iter().find(|result| result["ruleId"] == rule).unwrap()["suppressions"]
    };
    assert_eq!(
        *suppressed("drop-column"),
        json!([{ "kind": "inSource", "justification": "nobody reads it" }])
    );
    assert_eq!(*suppressed("index-not-concurrent"), json!([]));
}

#[test]
fn small_tables_relax_what_is_about_time() {
    each_database(|db| {
        let project = Project::with_config("cargo: off\n").file(
            USERS_FILE,
            "CREATE TABLE users (id integer PRIMARY KEY, name varchar(20), age integer);\n",
        );
        project.run(db, &["migrate"]).ok();
        // about time on servers; SQLite refuses the default whatever the size
        let slow = if db.is_sqlite() {
            "ALTER TABLE users ADD x text DEFAULT (random());\n"
        } else if db.is_mariadb() {
            "ALTER TABLE users MODIFY age bigint;\n"
        } else {
            INDEX
        };
        project.write(NAMES_FILE, slow);
        project.run(db, &["lint", "names"]).exits(1).does_not_say("has about");
        let output = project.run(db, &["lint", "names", "--sizes"]);
        if db.is_sqlite() {
            output.exits(1).says("SQLite refuses it on a table with rows");
        } else {
            output.ok().says("1 on small tables left out");
        }
        let fill = match db.dialect() {
            "sqlite" => {
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO users (id) SELECT i FROM n"
            }
            "postgres" => "INSERT INTO users (id) SELECT * FROM generate_series(1, 3000)",
            _ => "INSERT INTO users (id) SELECT seq FROM seq_1_to_3000",
        };
        db.execute(fill);
        db.execute(if db.is_mariadb() { "ANALYZE TABLE users" } else { "ANALYZE" });
        let config = project.read("db-migrations.yml");
        project.write("db-migrations.yml", format!("{config}lint: {{ small-table: 1000 }}\n"));
        let output = project.run(db, &["lint", "names", "--sizes"]).exits(1);
        output.says("`users` has about ").says(" rows");
        let document = project.run(db, &["lint", "names", "--sizes", "--format", "json"]).exits(1).json();
        let rows = document["findings"][0]["rows"].as_u64().unwrap();
        assert!((2000..4000).contains(&rows), "{rows}");
        if db.dialect() == "postgres" {
            partitions_count_together(db, &project);
        }
    });
}

/// A partitioned table holds no rows itself, and its partitions were never analysed.
fn partitions_count_together(db: &Db, project: &Project) {
    db.execute("CREATE TABLE parted (id bigint) PARTITION BY RANGE (id)");
    db.execute("CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100000)");
    db.execute("CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (100000) TO (MAXVALUE)");
    db.execute("INSERT INTO parted SELECT n * 50 FROM generate_series(0, 9999) n");
    project.write(NAMES_FILE, "CREATE INDEX parted_id ON parted (id);\n");
    let document = project.run(db, &["lint", "names", "--sizes", "--format", "json"]).exits(1).json();
    let rows = document["findings"][0]["rows"].as_u64().unwrap();
    assert!(rows > 2000, "{rows}");
}

/// Nobody should have to excuse what our own tool has written.
#[test]
fn what_generate_writes_is_free_of_errors() {
    each_database(|db| {
        let users =
            "CREATE TABLE users (id integer PRIMARY KEY, name varchar(20), age integer, code integer);\n";
        let project = Project::with_config("cargo: off\n").file(USERS_FILE, users);
        project.run(db, &["migrate"]).ok();
        git(&project, "init -q -b main .");
        git(&project, "add -A");
        git(&project, "commit -q -m x");
        for args in [
            &["set-not-null", "users.age", "--default", "0"][..],
            &["rename-column", "users.name", "nick"],
            &["rename-table", "users", "people"],
            &["change-type", "users.code", "bigint", "--as", "big_code"],
        ] {
            project.run(db, &[&["generate"], args].concat()).ok();
            let output = project.run(db, &["lint"]);
            assert_eq!(output.code, 0, "{args:?}: {output}");
            output.does_not_say(" 0 migrations");
            git(&project, "clean -fdq migrations");
            git(&project, "checkout -q .");
        }
    });
}

#[test]
fn a_table_of_another_module_is_known_by_the_lock() {
    let project =
        Project::with_config("cargo: off\nmodules: { paths: [\"plugins/*\"] }\ndialects: [sqlite]\n")
            .file("plugins/accounts/module.yml", "namespace: accounts\n")
            .file("plugins/accounts/migrations/20230101000000_a.sql", "CREATE TABLE accounts (id integer);\n")
            .file(USERS_FILE, "ALTER TABLE accounts ADD COLUMN theme text;\n");
    let output = project.run_alone(&["lint", USERS]).ok();
    let output = output.says("warning[foreign-table]: this alters `accounts`, which `accounts` has made");
    output.says("lint: 0 errors, 1 warning in 1 migration");
}

/// The judge of `copy-alter`: what it calls a copy cannot be done beside writers, and what it does not, can.
#[test]
fn mariadb_says_the_same_of_copies() {
    let Some(db) = Db::mariadb() else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/lint/mariadb");
    let before = fs::read_to_string(folder.join("before.sql")).unwrap();
    let mut wrong = Vec::new();
    let mut asked = 0;
    let rules = ["copy-alter", "volatile-default"].map(|rule| fs::read_dir(folder.join(rule)).unwrap());
    for case in rules.into_iter().flatten() {
        let case = case.unwrap();
        let is_bad = case.file_name().to_str().unwrap().starts_with("bad");
        let text = fs::read_to_string(case.path()).unwrap();
        let statement = text.trim_end().trim_end_matches(';');
        if statement.contains(';') || statement.contains("ALGORITHM") || statement.starts_with("CREATE TABLE")
        {
            continue;
        }
        // a list of clauses, or words behind an index
        let options = if statement.starts_with("CREATE") {
            " ALGORITHM=INPLACE LOCK=NONE"
        } else {
            ", ALGORITHM=INPLACE, LOCK=NONE"
        };
        db.load(&format!("DROP TABLE IF EXISTS `Order Lines`, users;\n{before}"));
        let said = db.try_load(&format!("{statement}{options};\n"));
        asked += 1;
        if said.is_ok() == is_bad {
            wrong.push(format!("{statement}: {said:?}"));
        }
    }
    assert!(asked > 10, "{asked}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_index_is_rewritten_and_proves_itself() {
    let Some(db) = Db::postgres() else { return };
    let project = committed("");
    let bad =
        "-- names are looked up\nCREATE INDEX users_name ON users (name);\nDROP INDEX IF EXISTS gone;\n";
    project.write(NAMES_FILE, bad);
    let output = project.run(&db, &["lint", "--fix", "--dry-run"]).exits(1);
    output.says("-CREATE INDEX users_name ON").says(&format!("would be fixed: {NAMES_FILE}"));
    assert_eq!(project.read(NAMES_FILE), bad);
    let output = project.run(&db, &["lint", "--fix"]).ok().says(&format!("fixed: {NAMES_FILE}"));
    output.says("lint: nothing found in 1 migration");
    assert_eq!(
        project.read(NAMES_FILE),
        "-- db-migrations: no-transaction\n-- names are looked up\nCREATE INDEX CONCURRENTLY IF NOT EXISTS users_name ON users \
         (name);\nDROP INDEX CONCURRENTLY IF EXISTS gone;\n"
    );
    project.run(&db, &["lint", "--fix"]).ok().does_not_say("fixed:");
    project.run(&db, &["migrate", "--allow-split"]).ok();
    assert_eq!(db.count("SELECT count(*) FROM pg_indexes WHERE indexname = 'users_name'"), 1);
    // what it cannot make better
    project.write(NAMES_FILE, "CREATE INDEX users_nick ON users (nick);\nALTER TABLE users ADD x int;\n");
    project.run(&db, &["lint", "--fix"]).exits(1).does_not_say("fixed:");
}

#[test]
fn what_may_have_run_is_not_rewritten() {
    let Some(db) = Db::postgres() else { return };
    let project = committed("");
    project.write(NAMES_FILE, INDEX);
    project.run(&db, &["migrate"]).ok();
    let output = project.run(&db, &["lint", "--fix"]).exits(1);
    output.says(&format!("not fixed: {NAMES_FILE}: it has run on this database"));
    git(&project, "add -A");
    git(&project, "commit -q -m y");
    let fresh = db.another();
    let output = project.run(&fresh, &["lint", "names", "--fix"]).exits(1);
    output.says(&format!("not fixed: {NAMES_FILE}: it is locked and committed"));
    assert_eq!(project.read(NAMES_FILE), INDEX);
}

#[test]
fn mariadb_proves_that_nothing_is_copied() {
    let Some(db) = Db::mariadb() else { return };
    let project = Project::with_config("cargo: off\n")
        .file(USERS_FILE, "CREATE TABLE users (id bigint PRIMARY KEY, age int);\n")
        .file("migrations/20240101000001_view.sql", "CREATE TABLE copy LIKE users;\n");
    project.run(&db, &["migrate"]).ok();
    // nothing in the texts says what the column of the copy was
    project.write(NAMES_FILE, "ALTER TABLE copy MODIFY age int COMMENT 'years';\n");
    project.write("migrations/20240103000000_big.sql", "ALTER TABLE copy MODIFY age bigint;\n");
    let output = project.run(&db, &["lint", "names", "big", "--fix"]).exits(1);
    let output =
        output.says(&format!("fixed: {NAMES_FILE}")).says("not fixed: migrations/20240103000000_big.sql");
    output.says("ALGORITHM=INPLACE is not supported").says("lint: 1 error");
    let fixed = "ALTER TABLE copy MODIFY age int COMMENT 'years', ALGORITHM=INPLACE, LOCK=NONE;\n";
    assert_eq!(project.read(NAMES_FILE), fixed);
}
