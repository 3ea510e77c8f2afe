//! `schema dump`, `schema snapshot`, `schema check`.

use crate::common::{TAGS, add_tags, base, lose_index, ran, snapshot};
use crate::support::database::{Db, each_database};

/// A bit of everything.
fn rich(db: &Db) -> &'static str {
    if db.is_sqlite() {
        "CREATE TABLE \"odd name\" (a INTEGER PRIMARY KEY AUTOINCREMENT, \"b c\" TEXT DEFAULT 'x;y', CHECK (a > 0));\n\
         CREATE UNIQUE INDEX odd ON \"odd name\" (\"b c\") WHERE a > 3;\n\
         CREATE VIEW v AS SELECT u.name FROM users u;\n\
         CREATE VIEW a_first AS SELECT * FROM v;\n\
         CREATE TRIGGER t AFTER INSERT ON users BEGIN UPDATE users SET name = 'a;b' WHERE id = new.id; END;\n\
         CREATE VIRTUAL TABLE search USING fts5(body);\n\
         CREATE TABLE strict_one (a INTEGER) STRICT;\n"
    } else if db.is_mariadb() {
        "CREATE SEQUENCE numbers START WITH 5 MAXVALUE 99;\n\
         CREATE FUNCTION f(a int) RETURNS int DETERMINISTIC NO SQL BEGIN /* one; more */ RETURN a + 1; END;\n\
         CREATE PROCEDURE p(OUT n int) SELECT count(*) INTO n FROM users;\n\
         CREATE TABLE `odd name` (a int AUTO_INCREMENT PRIMARY KEY, `b ``c` varchar(20) DEFAULT 'x;y', m enum('a', 'it''s'),\n\
         p int CHECK (p > 0), g int GENERATED ALWAYS AS (p + 1) STORED, UNIQUE KEY odd (`b ``c`)) COMMENT = 'the ''odd'' one';\n\
         CREATE VIEW v AS SELECT f(u.id) AS n FROM users u;\n\
         CREATE VIEW a_first AS SELECT * FROM v;\n\
         CREATE TRIGGER t BEFORE UPDATE ON users FOR EACH ROW SET new.name = 'a;b';\n\
         CREATE TABLE parts (k int) PARTITION BY RANGE (k) (PARTITION one VALUES LESS THAN (9));\n\
         ALTER TABLE users ADD COLUMN parent int, ADD CONSTRAINT up FOREIGN KEY (parent) REFERENCES users (id) ON DELETE CASCADE;\n\
         CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DO DELETE FROM users WHERE id < 0;\n\
         CREATE TABLE old_times (x int) WITH SYSTEM VERSIONING;\n"
    } else {
        "CREATE SCHEMA \"odd name\";\n\
         CREATE TYPE mood AS ENUM ('a', 'it''s');\n\
         CREATE DOMAIN positive AS integer CHECK (VALUE > 0);\n\
         CREATE TYPE pair AS (a int, b text);\n\
         CREATE TABLE \"odd name\".t (id bigserial PRIMARY KEY, m mood DEFAULT 'a', p positive, c pair, g int GENERATED ALWAYS AS (p + 1) STORED);\n\
         CREATE FUNCTION f(a int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN a; END $$;\n\
         CREATE TRIGGER tr BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();\n\
         CREATE VIEW v AS SELECT f(id) FROM users;\n\
         CREATE MATERIALIZED VIEW mv AS SELECT * FROM v;\n\
         CREATE TABLE parts (k int) PARTITION BY RANGE (k);\n\
         CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (9);\n\
         ALTER TABLE users ADD COLUMN parent int, ADD CONSTRAINT up FOREIGN KEY (parent) REFERENCES users (id) DEFERRABLE;\n\
         ALTER TABLE users ENABLE ROW LEVEL SECURITY;\n\
         CREATE POLICY own ON users USING (id > 0);\n\
         COMMENT ON TABLE users IS 'the ''users''';\n"
    }
}

#[test]
fn a_dump_loads_into_an_empty_database_and_dumps_the_same() {
    each_database(|db| {
        let project = base().file("migrations/20240103000000_rich.sql", rich(db));
        project.run(db, &["migrate"]).ok().says("schema check: passed");
        let dump = project.run(db, &["schema", "dump"]).ok();
        assert!(!dump.stdout.contains("db_migrations"), "{dump}");
        assert_eq!(dump.stderr, "", "all of it is covered");
        let loaded = db.another();
        loaded.load(&dump.stdout);
        assert_eq!(project.run(&loaded, &["schema", "dump"]).ok().stdout, dump.stdout);
        if !db.is_sqlite() {
            assert_eq!(loaded.dump_schema(), db.dump_schema(), "its own tool agrees");
        }
        // the snapshot holds the same definitions, and loads too
        let text = project.read(&snapshot(db));
        assert!(text.ends_with(&dump.stdout), "{text}");
        let loaded = db.another();
        loaded.load(&text);
        assert_eq!(project.run(&loaded, &["schema", "dump"]).ok().stdout, dump.stdout);
        project.run(db, &["lock", "--check", "--replay"]).ok();
        project.run(db, &["schema", "check", "--replay"]).ok();
        // both dumps are declared schemas
        let strict = "cargo: off\nschema-check: { mode: strict, source: declared }\n";
        project.write("db-migrations.yml", strict);
        project.write("schema.sql", &dump.stdout);
        project.run(db, &["schema", "check"]).ok().says("loading 1 declared text");
        if !db.is_sqlite() {
            let dump = db.dump_schema();
            let dump = if db.is_postgres() {
                format!("--\n\n\\restrict a1\n\n{dump}\n\\unrestrict a1\n")
            } else {
                dump
            };
            project.write("schema.sql", dump);
            project.run(db, &["schema", "check"]).ok().says("loading 1 declared text");
        }
    });
}

#[test]
fn an_empty_database_dumps_nothing_and_stays_empty() {
    each_database(|db| {
        let project = base();
        let output = project.run(db, &["schema", "dump"]).ok();
        assert_eq!(output.stdout, "");
        assert!(db.is_empty());
        assert!(db.path().is_none_or(|path| !path.exists()));
    });
}

#[test]
fn a_snapshot_needs_no_live_database() {
    each_database(|db| {
        let project = base();
        project.run_alone(&["lock"]).ok();
        let output = project.run(db, &["schema", "snapshot"]).ok();
        output.says(&format!("wrote {}", snapshot(db)));
        assert!(db.is_empty());
        let text = project.read(&snapshot(db));
        project.run(db, &["schema", "snapshot"]).ok().says("is up to date");
        // it is what a run makes
        project.remove(&snapshot(db));
        project.remove("migrations-lock.yml");
        project.run(db, &["migrate"]).ok();
        assert_eq!(project.read(&snapshot(db)), text);
    });
}

#[test]
fn a_snapshot_of_a_lock_that_is_not_up_to_date_is_refused() {
    each_database(|db| {
        let project = base();
        project.run(db, &["migrate"]).ok();
        add_tags(&project);
        let tree = project.tree();
        project.run(db, &["schema", "snapshot"]).exits(7).says(TAGS).says("run `db-migrations lock` first");
        assert_eq!(project.tree(), tree);
    });
}

#[test]
fn a_replay_that_fails_names_the_migration() {
    each_database(|db| {
        let project = base();
        project.write(crate::common::TAGS_FILE, "INSERT INTO nowhere VALUES (1);\n");
        project.run_alone(&["lock"]).ok();
        let output = project.run(db, &["schema", "snapshot"]);
        assert_ne!(output.code, 0, "{output}");
        output.says(TAGS).says("nowhere").does_not_say("everything was rolled back");
        assert!(!project.exists(&snapshot(db)));
    });
}

#[test]
fn a_migration_that_needs_data_is_not_proved_but_runs() {
    each_database(|db| {
        let project = base();
        project.run(db, &["migrate"]).ok();
        db.execute("INSERT INTO users VALUES (50, 'live')");
        // only the live rows make it work
        project.write(
            crate::common::TAGS_FILE,
            "CREATE TABLE tags (id int CHECK (id >= 50));\nINSERT INTO tags SELECT max(id) FROM users;\n",
        );
        let output = project.run(db, &["migrate"]).ok().says("not proved by replay").says(TAGS);
        output.says("applied app::20240103000000_tags");
        assert!(project.read(&snapshot(db)).contains("-- proof: none, "));
        assert_eq!(ran(db).len(), 3);
        project.run(db, &["lock", "--check"]).ok();
        project.run(db, &["lock", "--check", "--replay"]).exits(1).says("cannot be proved by replay");
        project.run(db, &["schema", "check"]).ok();
    });
}

#[test]
fn drift_is_1_and_names_both_sides() {
    each_database(|db| {
        let project = base();
        project.run(db, &["migrate"]).ok();
        project.run(db, &["schema", "check"]).ok().says("schema check: passed");
        db.execute(&format!("{}; CREATE TABLE extra_one (id int)", lose_index(db)));
        let dump = db.dump();
        let output = project.run(db, &["schema", "check"]).exits(1).says("drift: 1");
        let output = if db.is_mariadb() {
            output.says("drift: table `posts`, index posts_user is missing")
        } else {
            output.says("drift: index `").says("posts_user` is missing")
        };
        output.says("note: table `").says("extra_one` is extra");
        assert_eq!(db.dump(), dump);
        db.execute("CREATE INDEX posts_user ON posts (id)");
        let output = project.run(db, &["schema", "check"]).exits(1);
        let output =
            output.says(if db.is_mariadb() { "posts_user is different" } else { "posts_user` is different" });
        output.says("--- expected/").says("+++ actual/").says(if db.is_mariadb() {
            "(`user_id`)"
        } else {
            "(user_id)"
        });
        let column = if db.is_sqlite() { "" } else { "; ALTER TABLE posts ADD COLUMN more int" };
        let lose = lose_index(db);
        db.execute(&format!("{lose}; CREATE INDEX posts_user ON posts (user_id){column}"));
        project.run(db, &["schema", "check"]).ok();
    });
}

#[test]
fn what_has_not_run_cannot_be_checked() {
    each_database(|db| {
        let project = base();
        project.run(db, &["schema", "check"]).exits(1).says("is missing");
        project.run(&db.another(), &["migrate"]).ok();
        project.run(db, &["schema", "check"]).exits(1).says("not checked: 2 pending");
        assert!(db.is_empty());
    });
}

#[test]
fn statements_beyond_the_database_are_not_replayed_but_named() {
    let Some(db) = Db::postgres() else { return };
    let role = format!("made_{}", crate::support::random());
    let project = base();
    project.run(&db, &["migrate"]).ok();
    project.write(crate::common::TAGS_FILE, format!("CREATE ROLE {role};\nCREATE TABLE tags (id int);\n"));
    let output = project.run(&db, &["migrate"]).ok().says("not replayed, since it reaches beyond a database");
    output.says("CREATE ROLE").says("schema check: passed");
    db.execute(&format!("DROP ROLE {role}"));
}
