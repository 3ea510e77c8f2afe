//! `squash`: a base takes the place of what it replaces, is proved to make the same, and is refused where it does not.

use std::process::Command;

use crate::common::{bare, locked, snapshot};
use crate::support::database::{Db, each_database};
use crate::support::project::{Output, Project};

const ONE: &str = "migrations/20240101000000_users.sql";
const TWO: &str = "migrations/20240102000000_posters.sql";
const THREE: &str = "migrations/20240103000000_posts.sql";
const BASE: &str = "migrations/20240103000000_base.sql";
const FORMERS: [&str; 3] =
    ["app::20240101000000_users", "app::20240102000000_posters", "app::20240103000000_posts"];

/// Three migrations with a schema and rows; on every database.
fn scene() -> Project {
    bare()
        .file(
            ONE,
            "CREATE TABLE users (id integer PRIMARY KEY, name varchar(40) NOT NULL, image varchar(40));\n\
             CREATE TABLE old_tags (id integer PRIMARY KEY);\n\
             INSERT INTO users VALUES (1, 'ann; the ''first''', 'a.png');\n",
        )
        .file(
            TWO,
            "ALTER TABLE users RENAME COLUMN image TO poster;\n\
             INSERT INTO users VALUES (2, 'bob', NULL);\n\
             CREATE INDEX users_name ON users (name);\nDROP TABLE old_tags;\n",
        )
        .file(
            THREE,
            "CREATE TABLE posts (id integer PRIMARY KEY, user_id integer NOT NULL, seen timestamp DEFAULT CURRENT_TIMESTAMP,\n\
             weight numeric(6, 2) DEFAULT 1.25, CONSTRAINT posts_users FOREIGN KEY (user_id) REFERENCES users (id));\n\
             INSERT INTO posts (id, user_id) SELECT 10 + id, id FROM users;\nUPDATE users SET poster = 'b.png' WHERE id = 2;\n",
        )
}

/// The schema as people see it, and the rows.
fn whole(db: &Db) -> (String, Vec<String>) {
    let users = db.query("SELECT concat_ws('|', id, name, poster) FROM users ORDER BY id");
    let posts = db.query("SELECT concat_ws('|', id, user_id, weight) FROM posts ORDER BY id");
    (db.dump_schema(), [users, posts].concat())
}

#[test]
fn a_base_is_proved_and_takes_the_place_of_what_it_replaces() {
    each_database(|db| {
        let (project, half, fresh) = (scene(), db.another(), db.another());
        project.run(db, &["lock"]).ok();
        project.run(db, &["migrate"]).ok();
        project.run(&half, &["migrate", "20240102000000_posters"]).ok();
        let untouched = project.tree();
        let output = project.run(db, &["squash", "--dry-run"]).ok();
        output.says("-- db-migrations: replaces app::20240101000000_users app::20240102000000_posters");
        assert_eq!(project.tree(), untouched);

        let output = project.run(db, &["squash"]).ok();
        let output = output
            .says("`app::20240103000000_base` takes the place of 3 migrations")
            .says("the same schema, and the same 4 rows in 2 tables")
            .says("moved 3 files to migrations/archive")
            .says("4 statements are kept, in this order:")
            .says(&format!("{TWO}:2 `INSERT INTO users VALUES (2, 'bob', NULL)`"))
            .says("different each time, and left out: `");
        assert!(output.stderr.contains(".seen`") && !output.stderr.contains("posts.id"), "{output}");
        assert_eq!(locked(&project), ["app::20240103000000_base"]);
        let text = project.read(BASE);
        assert!(
            !text.contains("old_tags") && text.contains("\n-- from app::20240102000000_posters\nINSERT INTO"),
            "{text}"
        );
        for file in [ONE, TWO, THREE] {
            assert!(!project.exists(file), "{file}");
            assert!(project.exists(&file.replace("migrations/", "migrations/archive/")), "{file}");
        }
        project.run(db, &["lock", "--check", "--replay"]).ok();

        // all of them ran: it is recorded
        project
            .run(db, &["migrate", "--locked"])
            .ok()
            .says("recorded app::20240103000000_base without running it");
        assert_eq!(db.count("SELECT COUNT(*) FROM db_migrations"), 4);
        // none of them ran: it runs
        project.run(&fresh, &["migrate", "--locked"]).ok();
        let kinds = fresh.query("SELECT concat_ws(' ', id, kind) FROM db_migrations ORDER BY position");
        let [one, two, three] = FORMERS.map(|id| format!("{id} archived"));
        let base = "app::20240103000000_base applied".to_owned();
        assert!(
            kinds.len() == 4 && [one, two, three, base].iter().all(|row| kinds.contains(row)),
            "{kinds:?}"
        );
        assert_eq!(whole(&fresh), whole(db));
        // some ran: refused, with the missing ones
        let before = half.dump();
        project.run(&half, &["migrate", "--locked"]).exits(7).says("app::20240103000000_posts");
        assert_eq!(half.dump(), before);
    });
}

#[test]
fn squashed_twice_a_base_replaces_all_that_ever_was() {
    each_database(|db| {
        let (project, middle, fresh) = (scene(), db.another(), db.another());
        project.run(db, &["migrate"]).ok();
        // a prefix
        let output = project
            .run(db, &["squash", "--up-to", "posters", "--name", "Early days", "--format", "json"])
            .ok();
        let document = output.json();
        assert_eq!(document["base"], "app::20240102000000_early_days");
        assert_eq!(document["replaces"].as_array().unwrap().len(), 2);
        assert_eq!(document["bases"][0]["proof"]["holds"], true);
        assert_eq!(document["bases"][0]["kept"][1]["line"], 2);
        assert_eq!(document["moved"].as_array().unwrap().len(), 2);
        assert_eq!(locked(&project), ["app::20240102000000_early_days", FORMERS[2]]);
        // one database knows only the first base
        project.run(&middle, &["migrate", "--locked"]).ok();
        project.run(db, &["squash"]).ok().says("takes the place of 2 migrations");
        assert_eq!(locked(&project), ["app::20240103000000_base"]);
        let lock = project.lock();
        assert!(
            FORMERS.iter().all(|id| lock.contains(id)) && lock.contains("app::20240102000000_early_days"),
            "{lock}"
        );
        for known in [db, &middle] {
            project.run(known, &["migrate", "--locked"]).ok().says("without running it");
        }
        project.run(&fresh, &["migrate", "--locked"]).ok();
        assert_eq!(whole(&fresh), whole(db));
        assert_eq!(whole(&middle), whole(db));
        project.run(db, &["squash"]).ok().says("nothing to do");
    });
}

#[test]
fn a_late_branch_is_appended() {
    let (db, project) = (Db::sqlite(), scene());
    project.run(&db, &["migrate"]).ok();
    project.run(&db, &["squash"]).ok();
    project.write("migrations/20240102120000_late.sql", "CREATE TABLE late (id integer PRIMARY KEY);\n");
    project.run(&db, &["lock"]).ok().says("added app::20240102120000_late");
    assert_eq!(locked(&project), ["app::20240103000000_base", "app::20240102120000_late"]);
    let output = project.run(&db, &["migrate"]).ok();
    assert!(output.stdout.contains("applied app::20240102120000_late"), "{output}");
}

#[test]
fn what_does_not_fit_the_schema_any_more_is_named() {
    each_database(|db| {
        let project = bare()
            .file(ONE, "CREATE TABLE users (id integer PRIMARY KEY, image varchar(40));\nINSERT INTO users (id, image) VALUES (1, 'x');\n")
            .file(TWO, "CREATE TABLE gone (id integer);\nINSERT INTO gone VALUES (1);\nINSERT INTO users (id) VALUES (2);\n")
            .file(THREE, "ALTER TABLE users DROP COLUMN image;\nDROP TABLE gone;\n");
        project.run(db, &["lock"]).ok();
        let before = project.tree();
        let output = project.run(db, &["squash"]).exits(7);
        let output = output
            .says("the base does not make the same as what it replaces")
            .says("not in the base: `app::20240101000000_users`, line 2: it does not run on the schema of the base")
            .says("nothing was written");
        assert!(output.stderr.contains("has no (id = 1)"), "{output}");
        assert_eq!(project.tree(), before);

        // the rows of a table that is gone matter to nobody
        project.edit(ONE, "INSERT INTO users (id, image) VALUES (1, 'x');\n", "");
        project.run(db, &["lock", "--accept", FORMERS[0]]).ok();
        let output = project.run(db, &["squash"]).ok().says("1 statement is not in the base");
        assert!(output.stderr.contains(&format!("{TWO}:2 `INSERT INTO gone VALUES (1)`")), "{output}");
        assert!(project.read(BASE).contains("--   INSERT INTO gone VALUES (1)\n"));
    });
}

#[test]
fn what_is_wanted_by_hand_is_written() {
    let db = Db::sqlite();
    let project = bare()
        .file(
            ONE,
            "CREATE TABLE users (id integer PRIMARY KEY, image text);\nINSERT INTO users VALUES (1, 'x');\n",
        )
        .file(TWO, "ALTER TABLE users DROP COLUMN image;\n");
    project.run(&db, &["lock"]).ok();
    project.run(&db, &["squash"]).exits(7).says("`--by-hand` writes the base all the same");
    let output = project.run(&db, &["squash", "--by-hand"]).exits(1);
    output.says("`users` is empty, where it had 1 row").says("db-migrations lock --accept");
    let base = "migrations/20240102000000_base.sql";
    assert!(project.read(base).contains("\n--   INSERT INTO users VALUES (1, 'x')\n"));
    // the snapshot says the same schema, and is not that of this lock
    project.run(&db, &["lock", "--check"]).exits(1).says("snapshot");
}

fn with_plugin(project: Project, files: &[(&str, &str)]) -> Project {
    let project = project.file("db-migrations.yml", "cargo: off\nmodules: { paths: [\"plugins/*\"] }\n");
    files
        .iter()
        .fold(project, |project, (name, text)| project.file(&format!("plugins/tags/migrations/{name}"), text))
}

#[test]
fn other_modules_stand_in_between() {
    each_database(|db| {
        let plugin = [
            ("20230101000000_tags.sql", "CREATE TABLE tags (id integer PRIMARY KEY);\n"),
            (
                "20240102120000_marks.sql",
                "CREATE TABLE marks (user_id integer REFERENCES users (id), tag_id integer REFERENCES tags (id));\n\
                 INSERT INTO marks (user_id) SELECT id FROM users;\n",
            ),
        ];
        let project = with_plugin(scene(), &plugin);
        // what came before is changed by the range, too
        project.edit(
            THREE,
            "CREATE TABLE posts",
            "ALTER TABLE tags ADD COLUMN name varchar(40);\nCREATE TABLE posts",
        );
        let fresh = db.another();
        project.run(db, &["migrate"]).ok();
        let ids = locked(&project);
        assert_eq!(
            (ids.len(), ids[0].as_str(), ids[3].as_str()),
            (5, "tags::20230101000000_tags", "tags::20240102120000_marks")
        );
        project.run(db, &["squash"]).ok().says("the same schema, and the same 6 rows in 3 tables");
        assert_eq!(
            locked(&project),
            ["tags::20230101000000_tags", "app::20240103000000_base", "tags::20240102120000_marks"]
        );
        project.run(db, &["migrate", "--locked"]).ok();
        project.run(&fresh, &["migrate", "--locked"]).ok();
        assert_eq!(whole(&fresh), whole(db));
        // one module alone
        let output = project.run(db, &["squash", "--module", "tags"]).exits(7);
        output.says("`tags::20240102120000_marks` needs what 1 migration of other modules made before it");
    });
}

#[test]
fn what_needs_another_module_in_between_is_refused_with_a_way_out() {
    each_database(|db| {
        let plugin =
            [("20240102120000_tags.sql", "CREATE TABLE tags (id integer PRIMARY KEY, user_id integer);\n")];
        let project = with_plugin(scene(), &plugin);
        let four = "migrations/20240104000000_tagged.sql";
        project.write(four, "ALTER TABLE tags ADD COLUMN app varchar(20);\n");
        project.run(db, &["lock"]).ok();
        let before = project.tree();
        project
            .run(db, &["squash"])
            .exits(7)
            .says("`app::20240104000000_tagged` needs what 1 migration of other modules made before it")
            .says("`--up-to app::20240103000000_posts` leaves it out");
        assert_eq!(project.tree(), before);
        project.remove(four);
        project.run(db, &["lock", "--prune"]).ok();

        // a statement of another module that the later schema does not take
        project
            .write("plugins/tags/migrations/20240101120000_mark.sql", "UPDATE users SET image = 'tagged';\n");
        project.run(db, &["lock", "--prune"]).ok();
        project
            .run(db, &["lock", "move", "tags::20240101120000_mark", "--after", "app::20240101000000_users"])
            .ok();
        project
            .run(db, &["squash"])
            .exits(7)
            .says("`tags::20240101120000_mark` does not run behind the base")
            .says("has all that came later in it");
    });
}

#[test]
fn code_is_left_to_a_hand_and_what_it_made_is_in_the_base() {
    let Some(db) = Db::postgres() else { return };
    let project = bare()
        .file(
            ONE,
            "DO $$ BEGIN CREATE TYPE mood AS ENUM ('sad', 'glad'); END $$;\n\
             CREATE EXTENSION IF NOT EXISTS pgcrypto;\n\
             CREATE TABLE users (id bigserial PRIMARY KEY, key uuid NOT NULL DEFAULT gen_random_uuid(), mood mood,\n\
             born timestamptz NOT NULL DEFAULT now());\n\
             INSERT INTO users (mood) VALUES ('sad'), ('glad');\nSELECT setval('users_id_seq', 100);\n",
        )
        .file(
            TWO,
            "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.born = now(); RETURN NEW; END $$;\n\
             CREATE TRIGGER touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();\n\
             CREATE VIEW glad AS SELECT id FROM users WHERE mood = 'glad';\n\
             ALTER TYPE mood ADD VALUE 'mad';\nGRANT SELECT ON users TO PUBLIC;\n\
             SET search_path = public;\nUPDATE users SET mood = 'glad' WHERE id = 1;\n",
        )
        .file(THREE, "-- db-migrations: no-transaction\nCREATE INDEX CONCURRENTLY users_mood ON users (mood);\n");
    project.run(&db, &["lock"]).ok();
    project.run(&db, &["migrate", "--allow-split"]).ok();
    let output = project.run(&db, &["squash"]).ok();
    let output = output
        .says("different each time, and left out: `public.users.born`, `public.users.key`")
        .says("2 statements are not in the base")
        .says("what it does is told only by running it")
        .says("the data statements of `app::20240102000000_posters` ran under this setting")
        .says("`GRANT SELECT ON users TO PUBLIC`");
    assert!(output.stdout.contains("`SELECT setval('users_id_seq', 100)`"), "{output}");
    let fresh = db.another();
    project.run(&fresh, &["migrate", "--locked"]).ok();
    assert_eq!(fresh.dump_schema(), db.dump_schema());
    assert_eq!(fresh.count("SELECT nextval('users_id_seq')"), 101);
}

#[test]
fn procedures_and_triggers_stay_whole() {
    let Some(db) = Db::mariadb() else { return };
    let project = bare()
        .file(
            ONE,
            "CREATE TABLE users (id integer PRIMARY KEY AUTO_INCREMENT, name varchar(40), price double, raw blob);\n\
             INSERT INTO users (name, price, raw) VALUES ('a, b', 1.5, x'00ff');\nALTER TABLE users AUTO_INCREMENT = 50;\n",
        )
        .file(
            TWO,
            "DELIMITER //\nCREATE TRIGGER shout BEFORE INSERT ON users FOR EACH ROW\nBEGIN\n  SET NEW.price = NEW.price * 2;\n\
             END//\nCREATE PROCEDURE fill() BEGIN INSERT INTO users (name, price) VALUES ('c', 2); SELECT 1; END//\nDELIMITER ;\n",
        );
    project.run(&db, &["lock"]).ok();
    // the trigger stands before the row now
    let output = project.run(&db, &["squash"]).exits(7);
    assert!(output.stderr.contains("price = 3") && output.stderr.contains("price = 1.5"), "{output}");
    project.edit(TWO, "NEW.price * 2", "NEW.price + 0");
    project.run(&db, &["lock", "--accept", "app::20240102000000_posters"]).ok();
    project.run(&db, &["squash"]).ok().says("ALTER TABLE users AUTO_INCREMENT = 50");
    project.run(&db, &["migrate"]).ok();
    db.execute("INSERT INTO users (name) VALUES ('d')");
    assert_eq!(db.query("SELECT CONCAT(id, name) FROM users ORDER BY id"), ["1a, b", "50d"]);
}

#[test]
fn each_database_of_the_project_gets_its_own_base() {
    let Some(db) = Db::postgres() else { return };
    let config = "cargo: off\ndialects: [postgres, sqlite]\n";
    let project = scene()
        .file("db-migrations.yml", config)
        .file("migrations/sqlite/20240104000000_lite.sql", "CREATE TABLE lite (a ANY) STRICT;\n");
    let lite = Db::sqlite();
    project.run(&db, &["schema", "snapshot"]).exits(7);
    project.run(&db, &["lock"]).ok();
    // without a server nothing is proved for PostgreSQL
    let before = project.tree();
    project.run(&lite, &["squash"]).exits(2).says("a replay on PostgreSQL needs a server");
    assert_eq!(project.tree(), before);
    let output = project.run(&db, &["squash"]).ok();
    output.says("postgres: proved").says("sqlite: proved");
    assert!(project.exists("migrations/20240104000000_base.postgres.sql"));
    assert!(project.read("migrations/20240104000000_base.sqlite.sql").contains("STRICT"));
    assert!(project.exists("migrations/archive/sqlite/20240104000000_lite.sql"));
    project.run(&db, &["lock", "--check"]).ok();
    for one in [&db, &lite] {
        project.run(one, &["migrate", "--locked"]).ok();
        assert!(project.exists(&snapshot(one)));
    }
    // a text for which nothing would be proved
    let other = scene().file("migrations/mysql/20240104000000_my.sql", "SELECT 1;\n");
    other.run(&lite, &["lock"]).ok();
    other.run(&lite, &["squash"]).exits(7).says("has a text for mysql, for which no base would be made");
}

/// Squashes two files of a format.
fn in_format(name: &str, files: [(&str, &str); 2]) -> (Project, Output) {
    let config = format!("cargo: off\nformat: {name}\n");
    let project = Project::with_config(&config);
    for (path, text) in files {
        project.write(&format!("migrations/{path}"), text);
    }
    let db = Db::sqlite();
    project.run(&db, &["lock"]).ok();
    project.run(&db, &["migrate"]).ok();
    let output = project.run(&db, &["squash"]);
    if output.code == 0 {
        project.run(&db, &["migrate", "--locked"]).ok().says("recorded");
        project.run(&Db::sqlite(), &["migrate", "--locked"]).ok();
    }
    (project, output)
}

#[test]
fn a_base_has_the_format_of_its_module() {
    let (one, two) = ("CREATE TABLE t (a integer);\n", "INSERT INTO t VALUES (1);\n");
    for (format, files, base, gone) in [
        ("flyway", [("V1_1__a.sql", one), ("V1_2__b.sql", two)], "V1_2__base.sql", "V1_1__a.sql"),
        ("refinery", [("V1__a.sql", one), ("V2__b.sql", two)], "V2__base.sql", "V2__b.sql"),
        (
            "diesel",
            [("2024-01-01-000000_a/up.sql", one), ("2024-01-02-000000_b/up.sql", two)],
            "2024-01-02-000000_base/up.sql",
            "2024-01-01-000000_a/up.sql",
        ),
        ("golang-migrate", [("1_a.up.sql", one), ("2_b.up.sql", two)], "2_base.up.sql", "2_b.up.sql"),
    ] {
        let (project, output) = in_format(format, files);
        output.ok();
        assert!(project.exists(&format!("migrations/{base}")), "{format}");
        assert!(project.exists(&format!("migrations/archive/{gone}")), "{format}");
        assert!(!project.exists(&format!("migrations/{gone}")), "{format}");
    }
    let (up, down) = (
        format!("-- migrate:up\n{one}-- migrate:down\nDROP TABLE t;\n"),
        format!("-- migrate:up\n{two}-- migrate:down\n"),
    );
    let (project, output) = in_format("dbmate", [("1_a.sql", &up), ("2_b.sql", &down)]);
    output.ok();
    assert!(project.read("migrations/2_base.sql").starts_with("-- migrate:up\n-- db-migrations: replaces"));
    let goose = |text: &str| format!("-- +goose Up\n{text}");
    let (project, output) = in_format("goose", [("1_a.sql", &goose(one)), ("2_b.sql", &goose(two))]);
    output.exits(2).says("cannot be written in the format goose");
    assert!(!project.exists("migrations/archive"));
}

#[test]
fn what_was_interrupted_is_said_and_finished() {
    let (db, project, kept) = (Db::sqlite(), scene(), scene());
    project.run(&db, &["migrate"]).ok();
    let lock = project.lock();
    project.run(&db, &["squash"]).ok();
    // killed behind the base: nothing is locked yet
    let base = project.read(BASE);
    for file in [ONE, TWO, THREE] {
        project.write(file, kept.read(file));
        project.remove(&file.replace("migrations/", "migrations/archive/"));
    }
    let new_lock = project.lock();
    project.write("migrations-lock.yml", &lock);
    let before = project.tree();
    for line in [&["migrate"][..], &["migrate", "--locked"], &["squash"]] {
        project
            .run(&db, line)
            .exits(7)
            .says("remove the file of `app::20240103000000_base`, and run it again");
    }
    assert_eq!(project.tree(), before);
    project.remove(BASE);
    project.run(&db, &["squash"]).ok();
    assert_eq!((project.read(BASE), project.lock()), (base, new_lock));
    // killed behind the lock: files are left
    project.write(TWO, kept.read(TWO));
    project.remove(&TWO.replace("migrations/", "migrations/archive/"));
    project.run(&db, &["migrate", "--locked"]).exits(7).says("`db-migrations squash --finish --module app`");
    project.run(&db, &["squash", "--finish"]).ok().says("moved 1 file to migrations/archive");
    project.run(&db, &["migrate", "--locked"]).ok();
    project.run(&db, &["squash", "--finish"]).ok().says("nothing to do");
    // nothing in the archive is written over
    project.write("migrations/20240104000000_more.sql", "CREATE TABLE more (a integer);\n");
    project.write("migrations/archive/20240104000000_more.sql", "-- another\n");
    project.run(&db, &["lock"]).ok();
    project.run(&db, &["squash"]).exits(2).says("`archive/20240104000000_more.sql` is there already");
}

#[test]
fn git_sees_moved_files() {
    let (db, project) = (Db::sqlite(), scene());
    let git = |args: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=t", "-c", "user.email=t@t"]).args(args).current_dir(project.path());
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    project.run(&db, &["lock"]).ok();
    git(&["init", "--quiet"]);
    git(&["add", ONE, TWO]);
    git(&["commit", "--quiet", "-m", "x"]);
    project.run(&db, &["squash"]).ok();
    let status = git(&["status", "--short"]);
    for name in ["20240101000000_users.sql", "20240102000000_posters.sql"] {
        assert!(status.contains(&format!("R  migrations/{name} -> migrations/archive/{name}")), "{status}");
    }
    assert!(project.exists("migrations/archive/20240103000000_posts.sql"));
}

#[test]
fn an_application_follows_the_author_of_a_module() {
    each_database(|db| {
        let scene = with_plugin(
            bare(),
            &[
                ("20240101000000_a.sql", "CREATE TABLE tags (id integer PRIMARY KEY);\n"),
                (
                    "20240103000000_b.sql",
                    "ALTER TABLE tags ADD COLUMN name varchar(20);\nINSERT INTO tags VALUES (1, 'x');\n",
                ),
            ],
        );
        let project =
            scene.file("migrations/20240102000000_mine.sql", "CREATE TABLE mine (id integer PRIMARY KEY);\n");
        project.run(db, &["migrate"]).ok();
        // its author works in its own folder, with a lock of his own
        let author = Project::with_config("cargo: off\nnamespace: tags\n");
        for file in ["20240101000000_a.sql", "20240103000000_b.sql"] {
            let from = format!("plugins/tags/migrations/{file}");
            author.write(&format!("migrations/{file}"), project.read(&from));
            project.remove(&from);
        }
        author.run(db, &["lock"]).ok();
        author.run(db, &["squash"]).ok();
        let base = "migrations/20240103000000_base.sql";
        project.write(&format!("plugins/tags/{base}"), author.read(base));
        project.run(db, &["migrate", "--locked"]).exits(7);
        project.run(db, &["lock"]).ok().says("takes the place of `tags::20240101000000_a`");
        assert_eq!(locked(&project), ["tags::20240103000000_base", "app::20240102000000_mine"]);
        project.run(db, &["schema", "snapshot"]).ok();
        project.run(db, &["migrate", "--locked"]).ok().says("recorded tags::20240103000000_base");
        let fresh = db.another();
        project.run(&fresh, &["migrate", "--locked"]).ok();
        assert_eq!(fresh.query("SELECT name FROM tags"), ["x"]);
        assert_eq!(fresh.dump_schema(), db.dump_schema());
    });
}

#[test]
fn what_cannot_be_put_together() {
    let (db, project) = (Db::sqlite(), scene());
    project.run(&db, &["squash"]).exits(7).says("run `db-migrations lock` first");
    project.run(&db, &["lock"]).ok();
    project.run(&db, &["squash", "--up-to", "users"]).ok().says("nothing to do");
    project.run(&db, &["squash", "--up-to", "nobody"]).exits(7).says("no migration is called `nobody`");
    project.run(&db, &["squash", "--module", "other"]).exits(2).says("there is no module `other`");
    project.run(&db, &["squash", "--name", "posts"]).exits(7).says("is the id of a migration already");
    project.run(&db, &["squash", "--name", "--"]).exits(2);
    // what is skipped stays
    project.run(&db, &["lock", "skip", "posters"]).ok();
    project.run(&db, &["squash", "--up-to", "posters"]).exits(7).says("is skipped in the lock");
    let broken = bare().file(ONE, "CREATE TABLE a (b integer);\n").file(TWO, "CREATE TABLE a (b integer);\n");
    broken.run(&db, &["lock"]).ok();
    broken.run(&db, &["squash"]).exits(1).says("it was replayed on an empty database");
}
