//! `dump-schema`: a first migration of what is there. `rollup`: a history of one row.

use crate::common::{TAGS, add_tags, bare, base, ran};
use crate::support::database::{Db, each_database};
use crate::support::project::Project;

/// All kinds of objects, with foreign keys in both directions where that can be.
fn fill(db: &Db) {
    // the client's own character set is remembered with views and bodies
    let names = if db.is_mariadb() { "SET NAMES utf8mb4;\n" } else { "" };
    let load = |sql: &str| db.load(&format!("{names}{sql}"));
    load(
        "CREATE TABLE users (id integer PRIMARY KEY, name varchar(40) NOT NULL DEFAULT 'a;b', email varchar(60));\n",
    );
    load(
        "CREATE TABLE posts (id integer PRIMARY KEY, user_id integer NOT NULL, FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE);\n",
    );
    load("CREATE UNIQUE INDEX users_by_email ON users (email);\n");
    load("CREATE VIEW names AS SELECT name FROM users;\n");
    if db.is_postgres() {
        load(
            "CREATE TYPE mood AS ENUM ('sad', 'it''s ok');\n\
             CREATE DOMAIN short AS text CHECK (length(VALUE) < 9);\n\
             CREATE SEQUENCE counter START 7;\n\
             CREATE TABLE moods (m mood NOT NULL DEFAULT 'sad', s short, n bigint DEFAULT nextval('counter'), post integer);\n\
             ALTER TABLE users ADD COLUMN first_post integer REFERENCES posts (id);\n\
             ALTER TABLE moods ADD CONSTRAINT moods_post FOREIGN KEY (post) REFERENCES posts (id) DEFERRABLE;\n\
             CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := 'x;'; RETURN NEW; END $$;\n\
             CREATE TRIGGER touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();\n\
             CREATE MATERIALIZED VIEW many AS SELECT count(*) FROM names;\n\
             COMMENT ON TABLE users IS 'people';\n",
        );
    } else if db.is_mariadb() {
        load(
            "ALTER TABLE users ADD COLUMN first_post integer, ADD FOREIGN KEY (first_post) REFERENCES posts (id);\n\
             DELIMITER //\n\
             CREATE TRIGGER touch BEFORE UPDATE ON users FOR EACH ROW BEGIN SET NEW.name = 'x;'; SET @a = 1; END//\n\
             CREATE PROCEDURE p(a int) BEGIN SELECT a; SELECT a; END//\n\
             DELIMITER ;\n",
        );
    } else {
        load(
            "CREATE TRIGGER touch AFTER UPDATE ON users BEGIN UPDATE users SET name = 'x;'; SELECT 1; END;\n",
        );
    }
}

#[test]
fn a_database_becomes_its_first_migration() {
    each_database(|db| {
        let project = bare();
        project.run(db, &["dump-schema"]).exits(7).says("there is nothing in this database");
        assert!(!project.exists("migrations"), "nothing was written");
        fill(db);
        db.execute("INSERT INTO users (id) VALUES (1)");
        let before = db.dump();
        let json = project.run(db, &["dump-schema", "first tables", "--format", "json"]).ok().json();
        assert_eq!(
            (&json["unproved"], &json["not_covered"]),
            (&serde_json::Value::Null, &serde_json::json!([]))
        );
        assert_eq!(db.dump(), before);
        assert!(json["written"][0].as_str().unwrap().ends_with("_first_tables.sql"), "{json}");
        project.run(db, &["dump-schema"]).exits(7).says("has migrations already");
        project.run(db, &["lock"]).ok();
        project.run(db, &["version", "--all", "--add", "--yes"]).ok();
        project.run(db, &["migrate"]).ok().says("schema check: passed");
        assert_eq!(db.count("SELECT count(*) FROM users"), 1);
        let fresh = db.another();
        project.run(&fresh, &["migrate", "--locked"]).ok();
        assert_eq!(fresh.dump_schema(), db.dump_schema());
        assert_eq!(fresh.count("SELECT count(*) FROM users"), 0);
    });
}

#[test]
fn a_dump_has_the_format_of_its_module() {
    let db = Db::sqlite();
    fill(&db);
    for (format, file) in [("dbmate", "x.sql"), ("diesel", "up.sql"), ("refinery", "x.sql")] {
        let project = Project::with_config(&format!("cargo: off\nformat: {format}\n"));
        let json = project.run(&db, &["dump-schema", "x", "--format", "json"]).ok().json();
        assert!(json["written"][0].as_str().unwrap().ends_with(file), "{json}");
        let fresh = db.another();
        project.run(&fresh, &["migrate"]).ok();
        assert_eq!(fresh.dump_schema(), db.dump_schema(), "{format}");
    }
    Project::with_config("cargo: off\nformat: goose\n").run(&db, &["dump-schema"]).exits(2).says("goose");
}

#[test]
fn a_history_is_rolled_up_to_the_only_migration() {
    each_database(|db| {
        let project = base();
        add_tags(&project);
        project.run(db, &["migrate"]).ok();
        project.run(db, &["rollup"]).exits(7).says("`app` has 3 migrations");
        let mut all = String::new();
        for name in ["20240101000000_users", "20240102000000_posts", "20240103000000_tags"] {
            all.push_str(&project.read(&format!("migrations/{name}.sql")));
            project.remove(&format!("migrations/{name}.sql"));
        }
        project.write("migrations/20240103000000_all.sql", all);
        let one = "app::20240103000000_all";
        project.run(db, &["rollup", "--yes"]).exits(7).says("lock --prune");
        project.run_alone(&["lock", "--prune"]).ok();
        project.run(db, &["rollup"]).exits(2).says(TAGS).says("add `--yes`");
        assert_eq!(ran(db).len(), 3);
        project.run(db, &["rollup", "--module", "nobody"]).exits(2);
        let json = project.run(db, &["rollup", "--yes", "--format", "json"]).ok().json();
        assert_eq!((json["new"].as_str(), json["old"].as_array().unwrap().len()), (Some(one), 3));
        assert_eq!(ran(db), [one]);
        project.run(db, &["migrate"]).ok().says("schema check: passed");
        project.run(db, &["rollup", "--yes"]).exits(7).says("already");
        let fresh = db.another();
        project.run(&fresh, &["rollup", "--yes"]).exits(7).says("nothing of `app` has run here");
        project.run(&fresh, &["migrate", "--locked"]).ok();
        assert_eq!(fresh.dump_schema(), db.dump_schema());
    });
}
