//! `mirror:`: we migrate, and the tool that a module was written for finds its work done.

use std::path::Path;

use sqlx::migrate::Migrator;
use sqlx::{Connection, PgConnection, SqliteConnection};

use super::diesel::DIESEL;
use super::refinery::{NARROW, RENAMED, WIDE};
use super::{File, Tool, program, url, write};
use crate::m1::enabling;
use crate::support::block_on;
use crate::support::crates::{cargo_project, source};
use crate::support::database::{Db, each_database};
use crate::support::project::{Output, Project};

const SQLX: Tool = Tool {
    name: "sqlx",
    table: "_sqlx_migrations",
    columns: "version, description, success, length(checksum)",
    run: sqlx_runs,
};

/// As an application does that calls `sqlx::migrate!().run()`.
fn sqlx_runs(db: &Db, folder: &Path) -> Output {
    sqlx_migrates(db, folder, "_sqlx_migrations");
    Output::of(&mut std::process::Command::new("true"), &["sqlx"])
}

fn sqlx_migrates(db: &Db, folder: &Path, table: &'static str) {
    let url = db.url();
    block_on(async {
        let mut migrator = Migrator::new(folder).await.unwrap();
        migrator.dangerous_set_table_name(table);
        if db.is_postgres() {
            migrator.run(&mut PgConnection::connect(url).await.unwrap()).await.unwrap();
        } else if db.is_mariadb() {
            migrator.run(&mut crate::support::mariadb::connect(db.url()).await.unwrap()).await.unwrap();
        } else {
            migrator.run(&mut SqliteConnection::connect(url).await.unwrap()).await.unwrap();
        }
    });
}

/// Each tool's names for three migrations: the second has CRLF line ends and a mark at its beginning.
fn files(tool: &Tool) -> [(String, &'static str); 3] {
    let texts = [
        "CREATE TABLE users (id integer PRIMARY KEY, name varchar(40) NOT NULL DEFAULT 'Zoë');\n",
        "-- two\r\nCREATE TABLE posts (\r\n  id integer PRIMARY KEY\r\n);\nINSERT INTO posts VALUES (1);\r\n",
        "CREATE TABLE tags (id integer PRIMARY KEY);",
    ];
    let names = match tool.name {
        "refinery" => ["V1__users.sql", "V2__blog_posts.sql", "V10__tags.sql"],
        "diesel" => [
            "2024-01-01-000000_users/up.sql",
            "2024-01-02-000000_blog_posts/up.sql",
            "00000000000010_tags/up.sql",
        ],
        _ => ["20240101000000_users.sql", "20240102000000_blog_posts.sql", "20240103000000_tags.sql"],
    };
    let mut files = texts.map(|text| (String::new(), text));
    for (file, name) in files.iter_mut().zip(names) {
        name.clone_into(&mut file.0);
    }
    files
}

fn mirrored(tool: &Tool) -> (Project, Vec<(String, &'static str)>) {
    let config =
        format!("cargo: off\nformat: {}\nmirror: {}\nmirror-table: {}\n", tool.name, tool.name, tool.table);
    let project = Project::with_config(&config);
    let files = files(tool).to_vec();
    let all: Vec<File> = files.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    write(&project, &all);
    (project, files)
}

/// The tool's own migrator runs and changes nothing.
fn finds_its_work_done(tool: &Tool, project: &Project, db: &Db) {
    let dump = db.dump();
    let said = tool.migrate(project, db).stdout;
    assert_eq!(said, "", "{} ran something", tool.name);
    assert_eq!(db.dump(), dump, "{}", tool.name);
}

fn each_tool(test: impl Fn(&Tool, &Db)) {
    each_database(|db| {
        for tool in [SQLX, NARROW, RENAMED, DIESEL] {
            if !(tool.name == "diesel" && db.is_mariadb()) {
                test(&tool, &db.another());
            }
        }
    });
}

#[test]
fn the_tool_finds_its_work_done() {
    each_tool(|tool, db| {
        let (project, files) = mirrored(tool);
        project.run(db, &["migrate"]).ok();
        assert_eq!(tool.rows(db).len(), files.len(), "{}", tool.name);
        finds_its_work_done(tool, &project, db);
        project.run(db, &["migrate", "--locked"]).ok().says("nothing to do");
        project.run(db, &["schema", "check"]).ok();
    });
}

/// The first two are put together into one of the second one's version.
#[test]
fn the_tool_finds_a_base_in_the_place_of_its_parts() {
    each_tool(|tool, db| {
        let (project, files) = mirrored(tool);
        project.run(db, &["migrate"]).ok();
        let name = |path: &str| path.split('/').next().unwrap().trim_end_matches(".sql").to_owned();
        let names: Vec<String> = files.iter().map(|(path, _)| name(path)).collect();
        let text = format!(
            "-- db-migrations: replaces app::{} app::{}\n{}{}",
            names[0], names[1], files[0].1, files[1].1
        );
        for name in &names[..2] {
            let end = if tool.name == "diesel" { "" } else { ".sql" };
            project.remove(&format!("migrations/{name}{end}"));
        }
        project.write(&format!("migrations/{}", files[1].0.replace("blog_posts", "base")), text);
        let output = project.run(db, &["migrate"]).ok().says("the 2 migrations that it stands for ran here");
        output.does_not_say("warning");
        assert_eq!(tool.rows(db).len(), 2, "{}", tool.name);
        finds_its_work_done(tool, &project, db);
    });
}

#[test]
fn a_mirror_that_is_set_later_catches_up_and_follows() {
    each_tool(|tool, db| {
        let (project, files) = mirrored(tool);
        let config = project.read("db-migrations.yml");
        project.write("db-migrations.yml", config.split_inclusive('\n').take(2).collect::<String>());
        if tool.name == "diesel" {
            project.write("migrations/2024-01-02-000000_blog_posts/down.sql", "DROP TABLE posts;\n");
        }
        project.run(db, &["migrate"]).ok();
        project.write("db-migrations.yml", config);
        let dump = db.dump();
        project.run(db, &["plan", "--locked"]).ok();
        assert_eq!(db.dump(), dump);
        project.run(db, &["migrate", "--locked"]).ok().says("nothing had to run");
        assert_eq!(tool.rows(db).len(), files.len(), "{}", tool.name);
        finds_its_work_done(tool, &project, db);
        if tool.name == "diesel" {
            project.run(db, &["execute", "blog_posts", "--down", "--yes"]).ok();
            assert_eq!(tool.rows(db).len(), files.len() - 1);
            project.run(db, &["migrate"]).ok();
            finds_its_work_done(tool, &project, db);
        }
    });
}

/// Our own mirror is no history of somebody else, and a row of another text is told.
#[test]
fn rows_of_ours_are_no_strangers_and_are_compared() {
    each_database(|db| {
        let (project, files) = mirrored(&SQLX);
        project.run(db, &["migrate"]).ok();
        project.run(db, &["version", "--all", "--delete", "--yes"]).ok();
        project.run(db, &["version", "--all", "--add", "--yes"]).ok();
        project.run(db, &["migrate"]).ok();
        project.edit(&format!("migrations/{}", files[2].0), "tags (id", "tags  (id");
        project.run_alone(&["lock", "--accept", "--module", "app"]).ok();
        let said = "`_sqlx_migrations` has another text of `app::20240103000000_tags`";
        project.run(db, &["plan"]).ok().says(said);
        db.execute("DELETE FROM _sqlx_migrations WHERE version = 20240103000000");
        project.run(db, &["schema", "snapshot"]).ok();
        project.run(db, &["migrate"]).ok();
        finds_its_work_done(&SQLX, &project, db);
    });
}

#[test]
fn a_run_that_fails_writes_no_rows() {
    each_tool(|tool, db| {
        let (project, files) = mirrored(tool);
        let last = format!("migrations/{}", files[2].0);
        project.write(&last, "SELECT * FROM nowhere;\n");
        let before = db.dump();
        project.run(db, &["migrate"]).exits(3);
        assert_eq!(db.dump(), before, "{}", tool.name);
    });
}

/// refinery with `int8-versions` hashes eight bytes: a version that does not fit four says so.
#[test]
fn wide_versions_of_refinery() {
    each_database(|db| {
        let project = Project::with_config("cargo: off\nformat: refinery\nmirror: refinery\n");
        write(
            &project,
            &[
                ("V20240101000000__users.sql", "CREATE TABLE users (id integer PRIMARY KEY);\n"),
                ("V1__zero.sql", "CREATE TABLE zero (id integer PRIMARY KEY);\n"),
            ],
        );
        project.run(db, &["migrate"]).ok();
        finds_its_work_done(&WIDE, &project, db);
    });
}

/// Crates that migrate their tables themselves at start.
#[test]
fn crates_find_their_work_done() {
    each_database(|db| {
        for (name, tool) in [("fang", "diesel"), ("mempill-postgres", "refinery")] {
            if db.is_mariadb() || (db.is_sqlite() && name != "fang") {
                continue;
            }
            let db = &db.another();
            let path = match (name, db.is_sqlite()) {
                ("fang", true) => ", path: sqlite_migrations/migrations",
                ("fang", false) => ", path: postgres_migrations/migrations",
                _ => "",
            };
            let config = format!("modules:\n  enable:\n    {name}: {{ mirror: {tool}{path} }}\n");
            let project = cargo_project("peers", &config);
            project.run(db, &["migrate"]).ok();
            let dump = db.dump();
            Output::of(program("crates").args([name, &url(db)]), &[name]).ok();
            assert_eq!(db.dump(), dump, "{name} had nothing to do");
        }
    });
}

/// Two crates with sqlx's migrator, each with its own table; without mirror theirs would fail.
#[test]
fn crates_of_sqlx_find_their_work_done() {
    let Some(db) = Db::postgres() else { return };
    let config = "modules:\n  enable:\n    apalis-postgres: { mirror: sqlx }\n    \
                  sqlxmq: { mirror: sqlx, mirror-table: _sqlxmq_migrations }\n";
    let project = cargo_project("m1", config);
    project.run(&db, &["migrate"]).ok();
    let dump = db.dump();
    let folder = |name: &str| source(&project, name).join("migrations");
    sqlx_migrates(&db, &folder("apalis-postgres"), "_sqlx_migrations");
    sqlx_migrates(&db, &folder("sqlxmq"), "_sqlxmq_migrations");
    assert_eq!(db.dump(), dump);
    let unmirrored = db.another();
    project.write("db-migrations.yml", enabling(&["apalis-postgres", "sqlxmq"]));
    project.run(&unmirrored, &["migrate"]).ok();
    assert_eq!(unmirrored.count("SELECT count(*) FROM pg_class WHERE relname LIKE '\\_sqlx%'"), 0);
}

/// While sqlx's own migrator holds its lock, we wait for it, and say so. On MariaDB it asks with a timeout of -1,
/// which the server answers with NULL: there nobody holds it, and the test does so in its place.
const MARIADB: &str = "SELECT GET_LOCK(LOWER(HEX(0x3d32ad9e * CRC32(DATABASE()))), 1)";

#[test]
fn the_lock_of_sqlx_is_taken_too() {
    each_database(|db| {
        let (project, _) = mirrored(&SQLX);
        if db.is_sqlite() {
            return; // its lock is that of the file
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let held = |run: &dyn Fn()| {
            if db.is_postgres() {
                let mut connection = runtime.block_on(PgConnection::connect(db.url())).unwrap();
                runtime.block_on(sqlx::migrate::Migrate::lock(&mut connection)).unwrap();
                run();
                runtime.block_on(sqlx::migrate::Migrate::unlock(&mut connection)).unwrap();
            } else {
                let mut connection = runtime.block_on(crate::support::mariadb::connect(db.url())).unwrap();
                runtime.block_on(sqlx::raw_sql(MARIADB).execute(&mut connection)).unwrap();
                run();
                runtime.block_on(connection.close()).unwrap();
            }
        };
        held(&|| {
            let output = project.run(db, &["migrate", "--guard-wait", "0"]).exits(5);
            output.says("sqlx's own migrator is at work");
        });
        project.run(db, &["migrate"]).ok();
        // and it was given back
        project.write("migrations/20240104000000_more.sql", "CREATE TABLE more (id integer);\n");
        project.run(db, &["migrate"]).ok().says("1 migration committed");
    });
}
