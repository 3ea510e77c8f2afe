//! Databases of other tools are taken over. Their tables are made here as those tools make them; real tools
//! are run in `tests/real`.

use crate::common::ran;
use crate::support::database::{Db, each_database};
use crate::support::project::Project;

const USERS_SQL: &str = "CREATE TABLE users (id integer PRIMARY KEY);\n";
const POSTS_SQL: &str = "CREATE TABLE posts (id integer PRIMARY KEY);\n";
/// CRC-32 of the lines of both, as Flyway keeps it.
const CRC: [i32; 2] = [crc(USERS_SQL), crc(POSTS_SQL)];

const fn crc(text: &str) -> i32 {
    let (bytes, mut sum, mut i) = (text.as_bytes(), u32::MAX, 0);
    while i < bytes.len() {
        if bytes[i] != b'\n' {
            sum ^= bytes[i] as u32;
            let mut bit = 0;
            while bit < 8 {
                sum = if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
                bit += 1;
            }
        }
        i += 1;
    }
    (!sum).cast_signed()
}

/// A tool: its files, its table, and the rows of both migrations.
struct Past {
    tool: &'static str,
    files: [(String, String); 2],
    table: String,
}

fn pasts() -> Vec<Past> {
    let plain = |suffix: &str| {
        [
            (format!("20240101000000_users{suffix}.sql"), USERS_SQL.to_owned()),
            (format!("20240102000000_posts{suffix}.sql"), POSTS_SQL.to_owned()),
        ]
    };
    let sections = |up: &str, down: &str| plain("").map(|(name, sql)| (name, format!("{up}\n{sql}{down}\n")));
    let past = |tool, files, table: &str| Past { tool, files, table: table.to_owned() };
    let diesel = [
        ("2024-01-01-000000_users/up.sql".to_owned(), USERS_SQL.to_owned()),
        ("2024-01-02-000000_posts/up.sql".to_owned(), POSTS_SQL.to_owned()),
    ];
    let flyway = [
        ("V1__users.sql".to_owned(), USERS_SQL.to_owned()),
        ("V1_1__posts.sql".to_owned(), POSTS_SQL.to_owned()),
    ];
    vec![
        past(
            "diesel",
            diesel,
            "CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY, run_on timestamp NOT NULL); \
            INSERT INTO __diesel_schema_migrations VALUES ('20240102000000', '2024-02-02 00:00:00'), ('20240101000000', '2024-02-01 00:00:00')",
        ),
        past(
            "sea-orm",
            plain(""),
            "CREATE TABLE seaql_migrations (version varchar(255) PRIMARY KEY, applied_at bigint NOT NULL); \
            INSERT INTO seaql_migrations VALUES ('m20240101_000000_users', 1706745600), ('20240102000000_posts', 1706832000)",
        ),
        past(
            "dbmate",
            sections("-- migrate:up", "-- migrate:down\nSELECT 1;"),
            "CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY); \
            INSERT INTO schema_migrations VALUES ('20240102000000'), ('20240101000000')",
        ),
        past(
            "goose",
            sections("-- +goose Up", "-- +goose Down\nSELECT 1;"),
            "CREATE TABLE goose_db_version (id integer PRIMARY KEY, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp); \
            INSERT INTO goose_db_version VALUES (1, 0, true, '2024-01-01 00:00:00'), (2, 20240101000000, true, '2024-02-01 00:00:00'), (3, 20240102000000, true, '2024-02-02 00:00:00')",
        ),
        past(
            "golang-migrate",
            plain(".up"),
            "CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL); \
            INSERT INTO schema_migrations VALUES (20240102000000, false)",
        ),
        past(
            "flyway",
            flyway,
            &format!(
                "CREATE TABLE flyway_schema_history (installed_rank int PRIMARY KEY, version varchar(50), description varchar(200), type varchar(20), script varchar(1000), checksum int, installed_by varchar(100), installed_on timestamp, execution_time int, success boolean); \
            INSERT INTO flyway_schema_history VALUES (1, '1', 'users', 'SQL', 'x', {}, 'me', '2024-02-01 00:00:00', 5, true), (2, '1.1', 'posts', 'SQL', 'x', {}, 'me', '2024-02-02 00:00:00', 6, true)",
                CRC[0], CRC[1]
            ),
        ),
        past(
            "doctrine",
            plain(""),
            r"CREATE TABLE doctrine_migration_versions (version varchar(191) PRIMARY KEY, executed_at timestamp NULL, execution_time int NULL);
            INSERT INTO doctrine_migration_versions VALUES ('DoctrineMigrations/Version20240102000000', '2024-02-02 00:00:00', 7), ('DoctrineMigrations/Version20240101000000', '2024-02-01 00:00:00', NULL)",
        ),
    ]
}

fn project(past: &Past) -> Project {
    let format = match past.tool {
        "sea-orm" | "doctrine" => String::new(),
        tool => format!("format: {tool}\n"),
    };
    let project = Project::with_config(&format!("cargo: off\n{format}"));
    for (name, text) in &past.files {
        project.write(&format!("migrations/{name}"), text);
    }
    project
}

/// The database as the tool has left it.
fn adopt(db: &Db, past: &Past) {
    db.execute(USERS_SQL);
    db.execute(POSTS_SQL);
    // Doctrine's names have a backslash, which databases read differently in a literal
    let table = past.table.replace(
        "DoctrineMigrations/",
        if db.is_mariadb() { r"DoctrineMigrations\\" } else { r"DoctrineMigrations\" },
    );
    for statement in table.split("; ").flat_map(|text| text.split(";\n")) {
        db.execute(statement.trim());
    }
}

fn foreign_table(past: &Past) -> &str {
    past.table.split_whitespace().nth(2).unwrap()
}

#[test]
fn a_history_is_taken_over_and_only_the_rest_runs() {
    each_database(|db| {
        for past in pasts() {
            let db = &db.another();
            let project = project(&past);
            adopt(db, &past);
            let rows = format!("SELECT concat_ws('|', version) FROM {}", foreign_table(&past));
            let rows = if past.tool == "goose" { rows.replace("version)", "version_id)") } else { rows };
            let before = db.query(&rows);
            project.run(db, &["migrate"]).exits(7).says(&format!("import {} --module", past.tool));
            let output = project.run(db, &["import", past.tool]).ok();
            output.says("2 recorded, 0 were recorded before").says("remove the call");
            project.run(db, &["import", past.tool]).ok().says("0 recorded, 2 were");
            assert_eq!(db.query(&rows), before, "{}: its table is untouched", past.tool);
            assert!(ran(db)[0].contains("users"), "{}: {:?}", past.tool, ran(db));
            let dated = !matches!(past.tool, "dbmate" | "golang-migrate");
            let count =
                "SELECT count(*) FROM db_migrations WHERE kind = 'imported' AND executed_at < '2024-03-01'";
            assert_eq!(db.count(count), if dated { 2 } else { 0 }, "{}", past.tool);
            project.run(db, &["schema", "snapshot"]).ok();
            project.run(db, &["migrate", "--locked"]).ok().says("nothing to do");
        }
    });
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    each_database(|db| {
        for past in pasts() {
            let db = &db.another();
            let project = project(&past);
            adopt(db, &past);
            project.remove(&format!("migrations/{}", past.files[1].0));
            let before = db.dump();
            let output = project.run(db, &["import", past.tool]).exits(7);
            output.says("has no migration in module `app`");
            assert_eq!(db.dump(), before, "{}", past.tool);
        }
        let pasts = pasts();
        let flyway = pasts.iter().find(|past| past.tool == "flyway").unwrap();
        let project = project(flyway);
        adopt(db, flyway);
        db.execute("UPDATE flyway_schema_history SET checksum = checksum + 1 WHERE version = '1'");
        project.run(db, &["import", "flyway"]).exits(7).says("ran with another text").says("CRC-32");
        db.execute("UPDATE flyway_schema_history SET success = false WHERE version = '1.1'");
        project.run(db, &["import", "flyway"]).exits(7).says("flyway calls it failed");
        project.run(db, &["import", "goose"]).exits(7).says("cannot be read as a history of goose");
        project.run(db, &["import", "flyway", "--module", "nobody"]).exits(2).says("nobody");
        project.run(db, &["import", "liquibase"]).exits(2);
    });
}

#[test]
fn two_tools_in_one_database_come_in_the_order_in_which_they_ran() {
    each_database(|db| {
        let project = Project::with_config("cargo: off\nmodules:\n  paths: [\"plugins/*\"]\n")
            .file("migrations/20240101000000_users.sql", USERS_SQL)
            .file("migrations/20240103000000_tags.sql", "CREATE TABLE tags (id integer PRIMARY KEY);\n")
            .file("plugins/blog/migrations/20240102000000_posts.sql", POSTS_SQL);
        let git = std::process::Command::new("git").args(["init", "-q"]).current_dir(project.path()).status();
        assert!(git.unwrap().success());
        db.execute(USERS_SQL);
        db.execute(POSTS_SQL);
        db.execute("CREATE TABLE tags (id integer PRIMARY KEY)");
        db.execute(
            "CREATE TABLE seaql_migrations (version varchar(255) PRIMARY KEY, applied_at bigint NOT NULL)",
        );
        db.execute(
            "INSERT INTO seaql_migrations VALUES ('20240101000000_users', 1706832000), ('20240103000000_tags', 100)",
        );
        db.execute("CREATE TABLE doctrine_migration_versions (version varchar(191) PRIMARY KEY, executed_at timestamp NULL, execution_time int NULL)");
        db.execute("INSERT INTO doctrine_migration_versions VALUES ('Version20240102000000', '2024-01-01 00:00:00', 1)");
        project.run(db, &["import", "sea-orm", "--module", "app"]).ok().says("2 recorded");
        project.run(db, &["import", "doctrine", "--module", "blog"]).ok().says("1 recorded");
        let ids: Vec<String> =
            project.lock().lines().filter_map(|line| Some(line.split_once(": {")?.0.to_owned())).collect();
        assert_eq!(
            ids,
            ["app::20240103000000_tags", "blog::20240102000000_posts", "app::20240101000000_users"]
        );
    });
}

/// `adopt:` does it on every database by itself.
#[test]
fn the_first_run_takes_over_what_the_configuration_names() {
    each_database(|db| {
        for past in pasts() {
            let project = project(&past);
            let config = project.read("db-migrations.yml");
            project.write(
                "db-migrations.yml",
                format!("{config}adopt:\n  - {{ from: {}, module: app }}\n", past.tool),
            );
            let later = later(&past, &project);
            let fresh = db.another();
            project.run(&fresh, &["migrate"]).ok().does_not_say("taken over");
            assert_eq!(ran(&fresh).len(), 3);
            let db = &db.another();
            adopt(db, &past);
            let rows = format!("SELECT count(*) FROM {}", foreign_table(&past));
            let (count, before) = (db.count(&rows), db.dump());
            project.run(db, &["plan", "--locked"]).ok().says(&format!("of {}'s", past.tool)).says("later");
            project.run(db, &["status"]).ok().does_not_say("migrated by another tool");
            assert_eq!(db.dump(), before, "{}: nothing was written", past.tool);
            let json = project.run(db, &["migrate", "--locked", "--format", "json"]).ok().json();
            assert_eq!(
                (json["adopted"].as_array().unwrap().len(), json["applied"].as_array().unwrap().len()),
                (2, 1)
            );
            assert_eq!(ran(db).len(), 3, "{}", past.tool);
            assert!(ran(db)[2].contains("later"), "{}: {:?}", past.tool, ran(db));
            assert_eq!(db.count("SELECT count(*) FROM db_migrations WHERE kind = 'imported'"), 2);
            assert_eq!(db.count(&rows), count, "{}: its table is untouched", past.tool);
            project.run(db, &["migrate", "--locked"]).ok().says("nothing to do");
            // what fails takes the imported rows back, too
            let broken = db.another();
            adopt(&broken, &past);
            let before = broken.dump();
            project.edit(&later, "later (id", "nowhere.later (id");
            project.run_alone(&["lock", "--accept", "--module", "app"]).ok();
            let output = project.run(&broken, &["migrate"]);
            if db.is_mariadb() {
                output.exits(4).says("taken over from other tools before, and stayed: 2 rows");
            } else {
                output.exits(3);
                assert_eq!(broken.dump(), before, "{}", past.tool);
            }
        }
    });
}

/// One more migration, in the format of the tool.
fn later(past: &Past, project: &Project) -> String {
    let sql = "CREATE TABLE later (id integer PRIMARY KEY);\n";
    let (path, text) = match past.tool {
        "diesel" => ("migrations/2099-01-01-000000_later/up.sql", sql.to_owned()),
        "flyway" => ("migrations/V9__later.sql", sql.to_owned()),
        "golang-migrate" => ("migrations/20990101000000_later.up.sql", sql.to_owned()),
        "dbmate" => ("migrations/20990101000000_later.sql", format!("-- migrate:up\n{sql}-- migrate:down\n")),
        "goose" => ("migrations/20990101000000_later.sql", format!("-- +goose Up\n{sql}")),
        _ => ("migrations/20990101000000_later.sql", sql.to_owned()),
    };
    project.write(path, text);
    path.to_owned()
}

#[test]
fn what_cannot_be_adopted_stops_the_run() {
    each_database(|db| {
        let pasts = pasts();
        let goose = pasts.iter().find(|past| past.tool == "goose").unwrap();
        let project = project(goose);
        let config = project.read("db-migrations.yml");
        adopt(db, goose);
        let with = |adopt: &str| project.write("db-migrations.yml", format!("{config}adopt: [{adopt}]\n"));
        with("{ from: flyway, module: app }");
        project.run(db, &["migrate"]).exits(7).says("import goose");
        with("{ from: goose, module: nobody }");
        project.run(db, &["migrate"]).exits(2).says("there is no module `nobody`");
        with("{ from: goos, module: app }");
        project.run(db, &["migrate"]).exits(2).says("did you mean `goose`?");
        with("{ from: goose, module: app }");
        project.remove(&format!("migrations/{}", goose.files[1].0));
        project.run(db, &["migrate"]).exits(7).says("has no migration in module `app`");
        assert!(db.query("SELECT 1 FROM goose_db_version").len() == 3);
    });
}

/// What was undone is not taken over once more.
#[test]
fn a_database_is_adopted_once() {
    each_database(|db| {
        let pasts = pasts();
        let past = pasts.iter().find(|past| past.tool == "diesel").unwrap();
        let project = project(past);
        let config = project.read("db-migrations.yml");
        project.write("db-migrations.yml", format!("{config}adopt: [{{ from: diesel, module: app }}]\n"));
        for (file, _) in &past.files {
            let name = if file.contains("users") { "users" } else { "posts" };
            project.write(
                &format!("migrations/{}", file.replace("up.sql", "down.sql")),
                format!("DROP TABLE {name};\n"),
            );
        }
        later(past, &project);
        project.write("migrations/2099-01-01-000000_later/down.sql", "DROP TABLE later;\n");
        adopt(db, past);
        project.run(db, &["migrate"]).ok();
        project.run(db, &["rollback", "--yes"]).ok().says("undone app::2099-01-01-000000_later");
        project.run(db, &["migrate", "first", "--yes"]).ok();
        assert_eq!(ran(db).len(), 0);
        project.run(db, &["migrate"]).ok().does_not_say("taking over").says("3 migrations committed");
    });
}

#[test]
fn a_history_that_does_not_fit_can_still_be_looked_at() {
    let db = Db::sqlite();
    let pasts = pasts();
    let past = pasts.iter().find(|past| past.tool == "diesel").unwrap();
    let project = project(past);
    let config = project.read("db-migrations.yml");
    project.write("db-migrations.yml", format!("{config}adopt: [{{ from: diesel, module: app }}]\n"));
    adopt(&db, past);
    project.remove("migrations/2024-01-02-000000_posts");
    for command in ["status", "list", "count", "repair"] {
        let output = project.run(&db, &[command]);
        assert!(output.code < 2, "{output}");
    }
    project.run(&db, &["plan"]).exits(1).says("has no migration in module `app`");
    project.run(&db, &["migrate"]).exits(7).says("has no migration in module `app`");
}
