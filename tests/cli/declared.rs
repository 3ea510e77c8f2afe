//! Declared schemas: where their texts come from, how they are loaded, what is said of those that do not load.

use std::time::{Duration, Instant};

use crate::common::{TAGS_FILE, add_tags, bare, base, snapshot, until};
use crate::dependency::Shop;
use crate::support::database::{Db, each_database};
use crate::support::project::Project;

const AGAINST: [&str; 4] = ["schema", "check", "--against", "declared"];

/// What the migrations of [`base`] make, in other words.
const SAME: &str = "-- the users\nCREATE TABLE users (\n  id integer PRIMARY KEY,\n  name text NOT NULL\n);\n\
                    CREATE TABLE posts (id integer PRIMARY KEY, user_id integer REFERENCES users (id));\n\
                    CREATE INDEX posts_user ON posts (user_id);\n";

fn migrated(db: &Db) -> Project {
    let project = base();
    project.run(db, &["migrate"]).ok();
    project
}

#[test]
fn a_file_beside_the_migrations_is_what_must_be() {
    each_database(|db| {
        let project = migrated(db).file("schema.sql", SAME);
        let tree = project.tree();
        let output = project.run(db, &AGAINST).ok().says("loading 1 declared text into an empty database");
        output.says("schema check: passed");
        project.write("schema.sql", format!("{SAME}CREATE TABLE more (id integer);\n"));
        let output =
            project.run(db, &AGAINST).exits(1).says("more` is missing").says("schema check: drift: 1");
        output.says("the migrations do not make what is declared: run `db-migrations diff`");
        // what drifted is not what was forgotten
        project.write("schema.sql", SAME);
        db.execute("DROP TABLE posts");
        let output = project.run(db, &AGAINST).exits(1).says("posts` is missing");
        output.does_not_say("db-migrations diff");
        assert_eq!(project.tree(), tree, "nothing was written");
    });
}

#[test]
fn a_folder_and_variants_are_read() {
    each_database(|db| {
        let project = migrated(db);
        let (tables, index) = SAME.split_once("CREATE INDEX").unwrap();
        project.write("schema/a.sql", tables);
        project.write(&format!("schema/{}/b.sql", db.dialect()), format!("CREATE INDEX{index}"));
        project.write("schema/README.md", "not read");
        let other = if db.is_sqlite() { "postgres" } else { "sqlite" };
        project.write(&format!("schema/b.{other}.sql"), "no sql at all;");
        project.run(db, &AGAINST).ok().says("loading 2 declared texts");
        project.write("schema.sql", SAME);
        project.run(db, &AGAINST).exits(2).says("a schema is declared in `schema.sql` and in `schema`");
        project.write("db-migrations.yml", "cargo: off\nschema: { path: schema.sql }\n");
        project.run(db, &AGAINST).ok().says("loading 1 declared text ");
        project.write("db-migrations.yml", "cargo: off\nschema: { path: nowhere.sql }\n");
        project.run(db, &AGAINST).exits(2).says("there is no declared schema `nowhere.sql`").says(":2:17");
    });
}

#[test]
fn without_any_the_ways_out_are_named() {
    each_database(|db| {
        let project = migrated(db);
        let output = project.run(db, &AGAINST).exits(2).says("no module declares a schema for");
        output.says("`schema.sql`").says("schema: { path: … }").says("command: [PROGRAM");
        project.write("schema.sql", "-- nothing yet\n");
        project.run(db, &AGAINST).exits(2).says("the declared schema of `app` has no statement");
        project.write("schema.sql", "SELECT 1;\n");
        project.run(db, &AGAINST).exits(2).says("the declared schema makes no object: `schema.sql`");
        project.write("schema.sql", b"CREATE TABLE \xff;");
        project.run(db, &AGAINST).exits(2).says("`schema.sql` is not UTF-8");
    });
}

#[test]
fn a_broken_text_is_shown_with_its_place() {
    each_database(|db| {
        let project = migrated(db);
        project.write("schema.sql", format!("{SAME}\nCREATE TABLE broken (id integer REFERENCES);\n"));
        let output = project
            .run(db, &AGAINST)
            .exits(2)
            .says("`schema.sql`, the declared schema of `app`, does not load");
        let output = output.says("syntax").says("schema.sql:9:").says("statement 4 of 4");
        output.does_not_say("rolled back").does_not_say("migration `").does_not_say("db_migrations_scratch");
        project.write("schema.sql", "CREATE TABLE t (a text DEFAULT 'x);\n");
        project.run(db, &AGAINST).exits(2).says("`schema.sql` cannot be read").says("schema.sql:1:");
        project.write("schema.sql", "BEGIN;\nCREATE TABLE t (a int);\n");
        project.run(db, &AGAINST).exits(2).says("`schema.sql` controls transactions itself");
        let beyond = if db.is_sqlite() { "ATTACH 'x' AS y" } else { "CREATE DATABASE elsewhere" };
        project.write("schema.sql", format!("CREATE TABLE t (a int);\n{beyond};\n"));
        project
            .run(db, &AGAINST)
            .exits(2)
            .says("`schema.sql` reaches beyond its database")
            .says("schema.sql:2:1");
        project.write("schema.sql", format!("{SAME}INSERT INTO users VALUES (1, 'x');\n"));
        let output = project.run(db, &AGAINST).ok();
        output.says(
            "`schema.sql` changes rows (1 statement, the first on line 8): rows are no part of a schema",
        );
    });
}

#[test]
fn rights_and_settings_are_no_part_of_it() {
    each_database(|db| {
        let project = migrated(db);
        let (rights, settings) = match db.dialect() {
            "postgres" => (
                "ALTER TABLE users OWNER TO CURRENT_USER;\nGRANT SELECT ON users TO PUBLIC;\n\
                 REVOKE ALL ON posts FROM PUBLIC;\n\
                 ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;\n",
                "SET client_encoding = 'UTF8';\n",
            ),
            "mariadb" => ("", "SET foreign_key_checks = 0;\n"),
            _ => ("", "PRAGMA foreign_keys = OFF;\n"),
        };
        project.write("schema.sql", format!("{SAME}{settings}{rights}"));
        let output = project.run(db, &AGAINST).ok();
        let output = output.says(
            "note: `schema.sql` changes settings (1 statement, the first on line 8): they are no part of a schema",
        );
        if !rights.is_empty() {
            output.says(
                "note: `schema.sql` changes rights (4 statements, the first on line 9): they are no part of a schema",
            );
        }
        project.write("schema.sql", SAME);
        project.run(db, &AGAINST).ok().does_not_say("no part of a schema");
    });
}

/// On MariaDB some rights are everybody's, and so those of a scratch database's account, too.
#[test]
fn rights_of_everybody_are_named() {
    if Db::mariadb().is_none() {
        return;
    }
    let Some(server) = crate::support::mariadb::Private::start() else { return };
    let run = |sql: &str| crate::support::mariadb::execute(&server.url("mysql"), sql).unwrap();
    run("CREATE DATABASE d; CREATE DATABASE test; CREATE USER ''@'%'; GRANT ALL ON test.* TO ''@'%'");
    let project = bare()
        .file("migrations/20240101000000_a.sql", "CREATE TABLE a (id integer);\n")
        .file("schema.sql", "CREATE TABLE a (id integer);\n");
    let output = project.run_at(&server.url("d"), &["diff"]).exits(7);
    let output = output.says("other databases (test) by rights that everybody has").says("revoke them");
    output.does_not_say("may not make accounts");
    run("DROP DATABASE test");
    project.run_at(&server.url("d"), &["diff"]).ok();
}

#[test]
fn a_program_may_print_it() {
    each_database(|db| {
        let project = migrated(db).file("ddl.txt", SAME);
        let command = |words: &str| {
            let config = format!("cargo: off\nschema: {{ command: [{words}], command-timeout: 1 }}\n");
            project.write("db-migrations.yml", config);
        };
        command("cat, ddl.txt");
        project.run(db, &AGAINST).ok().says("schema check: passed");
        command("cat, none.txt");
        let output =
            project.run(db, &AGAINST).exits(2).says("`schema.command`: `cat` failed (exit status: 1)");
        output.says("it said: cat: none.txt").says("db-migrations.yml:2:");
        command("sh, -c, 'echo half >&2; exec sleep 60'");
        let start = Instant::now();
        let output = project.run(db, &AGAINST).exits(2).says("took longer than 1 s, and was ended");
        output.says("it said: half").says("command-timeout");
        assert!(start.elapsed() < Duration::from_secs(20));
        command("echo, these are no statements");
        project.run(db, &AGAINST).exits(2).says("output of echo:1:1").says("does not load");
        command("printf, '\\377'");
        project.run(db, &AGAINST).exits(2).says("printed what is not UTF-8");
        command("head, -c, '40000000', /dev/zero");
        project.run(db, &AGAINST).exits(2).says("printed more than the 32 MiB that are read");
        command("'true'");
        project.run(db, &AGAINST).exits(2).says("printed nothing");
        command("no-such-program");
        project.run(db, &AGAINST).exits(2).says("`no-such-program` cannot be run").says("without a shell");
        project.write("db-migrations.yml", "cargo: off\nschema: { command: [cat], path: schema.sql }\n");
        project.run(db, &AGAINST).exits(2).says("do not go together");
        project.write("db-migrations.yml", "cargo: off\nschema: { command: [] }\n");
        project.run(db, &AGAINST).exits(2).says("`schema.command` names no program");
    });
}

/// Two plugins and the application: one plugin has a text, the other migrations only.
fn modules() -> Project {
    Project::with_config("cargo: off\nmodules: { paths: [\"plugins/*\"] }\n")
        .file(
            "plugins/accounts/migrations/1_accounts.sql",
            "CREATE TABLE accounts (id integer PRIMARY KEY);\n",
        )
        .file("plugins/blog/module.yml", "depends-on: [accounts]\n")
        .file("plugins/blog/migrations/1_blog.sql", "CREATE TABLE old_blog (id integer);\n")
        .file(
            "plugins/blog/schema.sql",
            "CREATE TABLE blog (id integer PRIMARY KEY, account integer REFERENCES accounts (id));\n",
        )
        .file("migrations/9_app.sql", "CREATE TABLE app (id integer);\n")
        .file(
            "schema.sql",
            "CREATE TABLE app (id integer);\nCREATE VIEW both_of AS SELECT b.id FROM blog b, app a;\n",
        )
}

#[test]
fn modules_bring_texts_or_migrations() {
    each_database(|db| {
        let project = modules();
        let n = if db.is_postgres() { 3 } else { 2 }; // a foreign key is an object of its own there
        project.run(db, &["migrate"]).ok();
        let output = project.run(db, &AGAINST).exits(1);
        let output = output.says("loading 2 declared texts into an empty database, after 1 migration");
        let output = output.says("blog` is missing").says("both_of` is missing").says("old_blog` is extra");
        output.does_not_say("accounts` is").says(&format!("schema check: drift: {n}"));
        // a module's text stands where its metadata says
        project.write("plugins/blog/module.yml", "depends-on: [accounts]\nschema: ddl\n");
        project.run(db, &AGAINST).exits(2).says("there is no declared schema `plugins/blog/ddl`");
        project.write("plugins/blog/ddl/1.sql", project.read("plugins/blog/schema.sql"));
        project.run(db, &AGAINST).exits(1).says("loading 2 declared texts").says(&format!("drift: {n}"));
        // each declares what is its own
        project.write("schema.sql", "CREATE TABLE app (id integer);\nCREATE TABLE accounts (id integer);\n");
        let output = project
            .run(db, &AGAINST)
            .exits(2)
            .says("`schema.sql`, the declared schema of `app`, does not load");
        output.says("accounts").says("after what the modules make on which it depends");
        project.write("plugins/blog/module.yml", "depends-on: [accounts]\nschema: ../../schema.sql\n");
        project.run(db, &AGAINST).exits(2).says("it contains `..`");
    });
}

#[test]
fn a_plugin_may_begin_with_its_text() {
    each_database(|db| {
        let project = Project::with_config("cargo: off\nmodules: { paths: [\"plugins/*\"] }\n")
            .file("plugins/blog/schema.sql", "CREATE TABLE blog (id integer);\n")
            .file("migrations/1_a.sql", "CREATE TABLE a (id integer);\n");
        project.run(db, &["migrate"]).ok();
        project.run(db, &AGAINST).exits(1).says("blog` is missing").says("after 1 migration");
        // a folder of that name alone makes no module
        project.remove("plugins/blog/schema.sql");
        project.write("plugins/blog/schema/README.md", "nothing");
        project.run_alone(&["modules"]).ok().does_not_say("blog");
        project.write("plugins/blog/schema/a.sql", "CREATE TABLE blog (id integer);\n");
        project.run_alone(&["modules"]).ok().says("blog");
    });
}

#[test]
fn source_declared_is_what_a_run_is_compared_with() {
    each_database(|db| {
        let project = base();
        project.write("db-migrations.yml", "cargo: off\nschema-check: { source: declared }\n");
        project.run(db, &["migrate"]).exits(2).says("no module declares a schema");
        assert!(db.is_empty(), "refused before anything ran");
        project.write("schema.sql", format!("{SAME}CREATE TABLE more (id integer);\n"));
        let tree = project.tree();
        // into an empty database the run itself is the replay, or the rehearsal is
        let output =
            project.run(db, &["migrate"]).exits(3).says("the schema is not what is declared: 1 difference");
        output.says("more").says("`db-migrations diff` writes one that does");
        assert_eq!(project.tree(), tree);
        // elsewhere it is known before
        project.write("schema.sql", SAME);
        let other = db.another();
        project.run(&other, &["migrate"]).ok();
        add_tags(&project);
        let before = other.dump();
        project.write("schema.sql", format!("{SAME}CREATE TABLE more (id integer);\n"));
        let output = project.run(&other, &["migrate"]).exits(7);
        output.says("the migrations do not make what is declared: 1 difference").says("more` is missing");
        assert_eq!(other.dump(), before);
        let args = ["migrate", "--schema-check", "warn", "--reason", "night"];
        project.run(&other, &args).ok().says("the schema is not what is declared: 1 difference");
        project.remove(TAGS_FILE);
        project.remove("migrations-lock.yml");
        project.remove(&snapshot(db));
        project.write("migrations/20240105000000_more.sql", "CREATE TABLE more (id integer);\n");
        project.run(db, &["migrate"]).ok().says("schema check: passed");
        assert!(!project.read(&snapshot(db)).contains("the users"), "the snapshot is the lock's");
        project.run(db, &["schema", "check"]).ok().says("loading 1 declared text");
        project.run(db, &["lock", "--check", "--replay"]).ok();
        // without a right to make scratch databases: the snapshot
        project.run(db, &["migrate", "--locked"]).ok().does_not_say("loading");
        project.write("schema.sql", SAME);
        let output = project.run(db, &["lock", "--check", "--replay"]).exits(1);
        output
            .says("the migrations do not make what is declared")
            .says("more` is extra")
            .says("db-migrations diff");
        project.run(db, &["lock", "--check"]).ok();
        project.run(db, &["schema", "check", "--against", "snapshot"]).ok().does_not_say("loading");
        project.run(db, &["schema", "check", "--replay"]).ok().does_not_say("loading");
    });
}

#[test]
fn a_bundle_holds_none() {
    each_database(|db| {
        let project = base().file("schema.sql", SAME);
        project.write(
            "db-migrations.yml",
            "cargo: off\nschema-check: { source: declared, filter: [\"!view *\"] }\n",
        );
        project.run(&db.another(), &["migrate"]).ok();
        project.run(db, &["bundle", "-o", "b.json"]).ok();
        project.run(db, &["migrate", "--bundle", "b.json"]).ok().says("schema check: passed");
        project.run(db, &["schema", "check", "--bundle", "b.json"]).ok();
        let args = ["schema", "check", "--bundle", "b.json", "--against", "declared"];
        project.run(db, &args).exits(2).says("a bundle holds no declared schema");
    });
}

/// The scratch databases in which the statement of [`a_killed_loading_leaves_what_a_later_one_sweeps`] sleeps.
fn sleeping(db: &Db) -> Vec<String> {
    db.query(if db.is_mariadb() {
        "SELECT DB FROM information_schema.PROCESSLIST WHERE INFO LIKE 'DO sleep(613)%'"
    } else {
        "SELECT datname FROM pg_stat_activity WHERE query LIKE '%pg_sleep(613)%' AND datname LIKE 'db_migrations_scratch%'"
    })
}

fn exists(db: &Db, name: &str) -> bool {
    db.count(&if db.is_mariadb() {
        format!("SELECT count(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '{name}'")
    } else {
        format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'")
    }) > 0
}

#[test]
fn a_killed_loading_leaves_what_a_later_one_sweeps() {
    for db in [Db::postgres(), Db::mariadb()].into_iter().flatten() {
        let project = migrated(&db);
        let before = db.dump();
        let sleep = if db.is_mariadb() { "DO sleep(613)" } else { "SELECT pg_sleep(613)" };
        project.write("schema.sql", format!("CREATE TABLE declared_alone (id integer);\n{sleep};\n"));
        let running = project.spawn(&db, &AGAINST);
        until("it sleeps", || !sleeping(&db).is_empty());
        let left = sleeping(&db).remove(0);
        running.kill();
        assert_eq!(db.dump(), before, "the database itself was not touched");
        assert!(exists(&db, &left), "a kill leaves the scratch database behind");
        // ended by hand, since a server may not notice for long that its client is gone
        let end = if db.is_mariadb() {
            "SELECT concat('KILL ', ID) FROM information_schema.PROCESSLIST WHERE INFO LIKE 'DO sleep(613)%'"
        } else {
            "SELECT 'SELECT pg_terminate_backend(' || pid || ')' FROM pg_stat_activity \
             WHERE query LIKE '%pg_sleep(613)%' AND datname LIKE 'db_migrations_scratch%'"
        };
        db.query(end).iter().for_each(|statement| db.execute(statement));
        until("its statement has ended", || sleeping(&db).is_empty());
        let aged = age(&db, &left);
        assert!(exists(&db, &aged));
        project.write("schema.sql", SAME);
        project.run(&db, &AGAINST).ok();
        assert!(!exists(&db, &aged), "the next run sweeps it");
    }
}

/// Gives a scratch database the name of one that was made in 2001: its name says when it was made.
fn age(db: &Db, name: &str) -> String {
    let old = format!("db_migrations_scratch_1000000000_{}", name.rsplit('_').next().unwrap());
    if db.is_mariadb() {
        // there is no other way to rename one
        db.execute(&format!(
            "CREATE DATABASE {old}; RENAME TABLE {name}.declared_alone TO {old}.declared_alone"
        ));
        db.execute(&format!("DROP DATABASE {name}"));
    } else {
        until("nobody is connected", || {
            db.count(&format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'")) == 0
        });
        db.execute(&format!("ALTER DATABASE {name} RENAME TO {old}"));
    }
    old
}

#[test]
fn a_failing_text_leaves_no_scratch_database() {
    for db in [Db::postgres(), Db::mariadb()].into_iter().flatten() {
        let project = migrated(&db);
        // only this text says where it is
        let here = if db.is_mariadb() { "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = @here" } else { "" };
        let text = if db.is_mariadb() {
            format!("CREATE TABLE t (id integer);\nSET @here = concat('it is ', database());\n{here};\n")
        } else {
            "CREATE TABLE t (id integer);\nDO $$ BEGIN RAISE 'it is %', current_database(); END $$;\n"
                .to_owned()
        };
        project.write("schema.sql", text);
        let output = project.run(&db, &AGAINST).exits(2).says("it is ");
        let name = output.stderr.split("caused by: it is ").nth(1).unwrap();
        let name: String = name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        assert!(name.starts_with("db"), "{name}");
        assert!(!exists(&db, &name), "{name}");
    }
}

#[test]
fn links_out_of_the_package_are_not_read() {
    let db = Db::sqlite();
    let secret = bare().file("secret.sql", "CREATE TABLE secret (id integer);\n");
    let project = migrated(&db);
    std::os::unix::fs::symlink(secret.join("secret.sql"), project.join("schema.sql")).unwrap();
    let output = project.run(&db, &AGAINST).exits(2);
    output.says("`schema.sql` is a link that leads out of its package").does_not_say("secret (id");
    assert!(std::process::Command::new("mkfifo").arg(project.join("pipe.sql")).status().unwrap().success());
    project.write("db-migrations.yml", "cargo: off\nschema: { path: pipe.sql }\n");
    project.run(&db, &AGAINST).exits(2).says("`pipe.sql` is not a regular file");
}

#[test]
fn a_published_crate_is_read_only_where_it_says() {
    each_database(|db| {
        let jobs = "CREATE TABLE jobs (id integer PRIMARY KEY, said integer);\n";
        let own = "CREATE TABLE users (id integer PRIMARY KEY, name text);\n";
        let files = |shop: Shop| {
            shop.project.write("vendor/jobs/schema.sql", jobs);
            shop.project.write("schema.sql", own);
            shop.run(db, &["migrate"]);
            shop
        };
        for shop in [Shop::new(), Shop::declared()] {
            let output = files(shop).run(db, &AGAINST).ok();
            output.says("loading 1 declared text ").says(if db.is_mariadb() { "after 2" } else { "after 3" });
        }
        let shop =
            files(Shop::with("# nothing\n", "[package.metadata.db-migrations]\nschema = \"schema.sql\"\n"));
        let output =
            shop.run(db, &AGAINST).exits(1).says("loading 2 declared texts into an empty database\n");
        output.says("column said is missing");
        let reach = match db.dialect() {
            "postgres" => "COPY jobs FROM PROGRAM 'touch /tmp/never'",
            "mariadb" => "LOAD DATA INFILE '/etc/passwd' INTO TABLE jobs",
            _ => return,
        };
        shop.project.write("vendor/jobs/schema.sql", format!("{jobs}{reach};\n"));
        let output =
            shop.run(db, &AGAINST).exits(2).says("vendor/jobs/schema.sql` reaches beyond its database");
        output.says("may not reach files, programs or other servers").says("schema.sql:2:1");
    });
}
