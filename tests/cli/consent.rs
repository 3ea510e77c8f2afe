//! What `lock` says of an external module's migrations, and what `lock.review: external` demands.

use crate::common::{bare, ran};
use crate::dependency::Shop;
use crate::support::database::Db;

const ASKING: &str = "lock: { review: external }\nmodules:\n  enable:\n    jobs: {}\n";
const X: &str = "jobs::20240103000000_x";
const X_FILE: &str = "20240103000000_x.sql";

/// Up to date with a lock and a snapshot, then the crate brings this, which is locked without being looked at.
fn locked(sql: &str, db: &Db) -> Shop {
    let shop = Shop::with(ASKING, "");
    shop.run(db, &["migrate"]).ok();
    shop.update(&[(X_FILE, sql)]);
    shop.run(db, &["lock"]).ok();
    if !db.is_sqlite() {
        shop.run(db, &["schema", "snapshot"]);
    }
    shop
}

#[test]
fn what_comes_is_told() {
    let shop = Shop::new();
    let output = shop.run(&Db::sqlite(), &["lock"]).ok().says("jobs 1.0.0: 3 new migrations");
    let output = output.says("  20240101100000_jobs  creates table jobs").does_not_say("!");
    output.does_not_say("creates table users");
    let sql =
        "CREATE TABLE a (id integer);\nCREATE TABLE b (id integer);\nINSERT INTO users VALUES (2, 'eve');\n";
    shop.update(&[(X_FILE, sql)]);
    let output = shop.run(&Db::sqlite(), &["lock"]).ok().says("jobs 1.0.1: 1 new migration");
    output
        .says("  20240103000000_x  creates 2 tables\n")
        .says("    ! inserts into users (of app)  vendor/jobs/migrations/20240103000000_x.sql:3")
        .does_not_say("20240101100000_jobs");
    shop.run(&Db::sqlite(), &["lock"]).ok().does_not_say("new migration");
    // another text, before and when it is accepted
    shop.update(&[(X_FILE, "DROP TABLE users;\n")]);
    let said = "    ! drops table users (of app)  vendor/jobs/migrations/20240103000000_x.sql:1";
    shop.run(&Db::sqlite(), &["lock"]).exits(1).says("jobs 1.0.1: 1 changed migration").says(said);
    shop.run(&Db::sqlite(), &["lock", "--accept", X]).ok().says("20240103000000_x (changed)").says(said);
    shop.run(&Db::sqlite(), &["lock", "--check"]).ok();
}

#[test]
fn a_run_that_lets_the_lock_grow_tells_it_too() {
    let (shop, db) = (Shop::new(), Db::sqlite());
    shop.run(&db, &["migrate"]).ok().says("jobs 1.0.0: 3 new migrations");
    shop.update(&[(X_FILE, "UPDATE users SET name = 'eve';\n")]);
    let output = shop.run(&db, &["migrate"]).ok().says("jobs 1.0.1: 1 new migration");
    output.says("! updates users (of app)");
    shop.run(&db, &["migrate"]).ok().does_not_say("new migration");
}

#[test]
fn machines_get_all_of_it() {
    let shop = Shop::new();
    shop.run(&Db::sqlite(), &["lock"]).ok();
    shop.update(&[(X_FILE, "CREATE TABLE a (id integer);\nDELETE FROM users;\n")]);
    let document = shop.run(&Db::sqlite(), &["lock", "--format", "json"]).ok().json();
    let external = &document["external"];
    assert_eq!(external.as_array().unwrap().len(), 1);
    assert_eq!(external[0]["id"], X);
    assert_eq!((&external[0]["change"], &external[0]["destructive"]), (&"new".into(), &true.into()));
    let deed = &external[0]["deeds"][1];
    assert_eq!((&deed["class"], &deed["does"]), (&"data".into(), &"deletes from users".into()));
    assert_eq!((&deed["of"], &deed["line"]), (&"app".into(), &2.into()));
    assert_eq!(external[0]["deeds"][0]["destructive"], false);
}

#[test]
fn what_destroys_waits_for_somebody_to_look() {
    let db = Db::sqlite();
    let shop = locked("DROP TABLE users;\n", &db);
    let before = (db.dump(), shop.project.tree());
    let said = format!("`{X}` was not reviewed, and it drops table users (of app)");
    let way = format!("db-migrations lock --review {X}");
    shop.run(&db, &["lock", "--check"]).exits(1).says(&said).says(&way);
    shop.run(&db, &["migrate", "--locked"]).exits(7).says(&said).says("x.sql:1").says(&way);
    shop.run(&db, &["plan", "--locked"]).says(&said);
    assert_eq!((db.dump(), shop.project.tree()), before);
    let shown =
        shop.run(&db, &["lock", "show", X]).ok().says("not reviewed").says("! drops table users (of app)");
    shown.says("DROP TABLE users;");
    let lock = shop.project.lock();
    shop.run(&db, &["lock", "--review", X]).ok();
    let reviewed = shop.project.lock();
    assert_eq!(reviewed.lines().count(), lock.lines().count());
    let line = reviewed.lines().find(|line| line.starts_with(X)).unwrap();
    assert!(line.contains("reviewed: true"), "{line}");
    assert_eq!(reviewed.matches("reviewed").count(), 1, "{reviewed}");
    shop.run(&db, &["lock", "--check"]).ok();
    shop.run(&db, &["migrate", "--locked"]).ok().says("1 migration committed");
}

#[test]
fn a_review_is_of_one_text() {
    let db = Db::sqlite();
    let shop = locked("DROP TABLE users;\n", &db);
    shop.run(&db, &["lock", "--review", X]).ok();
    shop.update(&[(X_FILE, "DELETE FROM users;\nDROP TABLE users;\n")]);
    shop.run(&db, &["migrate", "--locked"]).exits(7).says("changed after it was locked");
    shop.run(&db, &["lock", "--review", X]).exits(2).says("not locked with the text that it has now");
    shop.run(&db, &["lock", "--accept", X]).ok().says("`reviewed` was taken away");
    assert!(!shop.project.lock().contains("reviewed"), "{}", shop.project.lock());
    shop.run(&db, &["lock", "--check"]).exits(1).says("was not reviewed").says("deletes from users");
    // both at once, and a checksum that is not there
    shop.run(&db, &["lock", "--accept", X, "--review", X]).ok();
    shop.run(&db, &["lock", "--check"]).ok();
    let lock = shop.project.lock();
    let line = lock.lines().find(|line| line.starts_with(X)).unwrap();
    shop.project.edit("migrations-lock.yml", line, &format!("{X}: {{ reviewed: true }}"));
    shop.run(&db, &["lock", "--check"]).exits(1);
    shop.run(&db, &["lock"]).ok();
    shop.run(&db, &["lock", "--check"]).exits(1).says("was not reviewed");
}

#[test]
fn a_whole_module_can_be_agreed_to() {
    let db = Db::sqlite();
    let shop = locked("DROP TABLE users;\n", &db);
    shop.update(&[
        ("20240104000000_y.sql", "DROP TABLE jobs;\n"),
        ("20240105000000_z.sql", "CREATE TABLE z (a);\n"),
    ]);
    shop.run(&db, &["lock"]).ok().says("! drops table jobs").says("`db-migrations lock --review ID`");
    shop.run(&db, &["lock", "--review-module", "nobody"]).exits(2).says("there is no module `nobody`");
    shop.run(&db, &["lock", "--review", "jobs::1_x"]).exits(2).says("not both locked and found");
    shop.run(&db, &["lock", "--review-module", "jobs"]).ok();
    assert_eq!(shop.project.lock().matches("reviewed: true").count(), 2, "{}", shop.project.lock());
    shop.run(&db, &["lock", "--check"]).ok();
}

#[test]
fn what_needs_no_review() {
    let db = Db::sqlite();
    // the own tables of the crate, and the application's own migrations
    let shop = locked("CREATE TABLE a (id integer REFERENCES users (id));\nUPDATE more SET a = 1;\n", &db);
    shop.project.write("migrations/20240106000000_drop.sql", "DROP TABLE users;\nDROP TABLE more;\n");
    shop.run(&db, &["lock"]).ok();
    shop.run(&db, &["lock", "--check"]).ok();
    // what is skipped
    shop.update(&[("20240107000000_y.sql", "DROP TABLE jobs;\n")]);
    shop.run(&db, &["lock"]).ok();
    shop.run(&db, &["lock", "--check"]).exits(1);
    shop.run(&db, &["lock", "skip", "jobs::20240107000000_y"]).ok();
    shop.run(&db, &["lock", "--check"]).ok();
    // what comes back is told again
    let output = shop.run(&db, &["lock", "unskip", "jobs::20240107000000_y"]).ok();
    output.says("jobs 1.0.1: 1 new migration").says("! drops table jobs");
}

#[test]
fn what_has_run_here_is_asked_by_the_check_alone() {
    let db = Db::sqlite();
    let shop = locked("DELETE FROM jobs;\n", &db);
    shop.run(&db, &["migrate", "--locked"]).exits(7);
    shop.run(&db, &["migrate"]).ok();
    assert_eq!(ran(&db).last().unwrap(), X);
    shop.run(&db, &["migrate", "--locked"]).ok().says("nothing to do");
    shop.run(&db, &["lock", "--check"]).exits(1).says("was not reviewed");
    shop.run(&db.another(), &["migrate", "--locked"]).exits(7).says("was not reviewed");
}

#[test]
fn a_bundle_keeps_the_demand() {
    let db = Db::sqlite();
    let shop = locked("DROP TABLE users;\n", &db);
    shop.run(&db, &["bundle", "--output", "app.bundle"]).ok();
    shop.run(&db, &["migrate", "--bundle", "app.bundle"]).exits(7).says("was not reviewed");
    shop.run(&db, &["lock", "--review", X]).ok();
    shop.run(&db, &["bundle", "--output", "app.bundle"]).ok();
    shop.run(&db, &["migrate", "--bundle", "app.bundle"]).ok();
}

/// What somebody locked without looking is refused by what it does.
#[track_caller]
fn each_is_refused(db: &Db, attacks: &[(&str, &str)]) {
    let shop = Shop::with(ASKING, "");
    shop.run(db, &["migrate"]).ok();
    let before = db.dump();
    for (sql, words) in attacks {
        shop.update(&[(X_FILE, sql)]);
        shop.run(db, &["lock", "--accept", "--module", "jobs"]);
        shop.run(db, &["lock", "--check"]).exits(1).says(words);
        // the snapshot of what cannot be replayed is nobody's concern here
        let run = ["migrate", "--locked", "--schema-check", "off", "--reason", "test", "--allow-split"];
        shop.run(db, &run).exits(7).says("was not reviewed").says(words);
        assert_eq!(db.dump(), before, "{sql}");
        shop.project.remove(&Shop::file(X_FILE));
        shop.run(db, &["lock", "--prune"]);
    }
}

#[test]
fn attacks_of_sql_on_sqlite() {
    each_is_refused(
        &Db::sqlite(),
        &[
            ("DELETE FROM users WHERE id = 1;\n", "deletes from users (of app)"),
            ("WITH a AS (SELECT 1) UPDATE main.\"USERS\" SET name = 'eve';\n", "updates main.USERS (of app)"),
            ("REPLACE INTO users VALUES (1, 'eve');\n", "replaces rows of users (of app)"),
            ("INSERT OR REPLACE INTO users VALUES (1, 'eve');\n", "replaces rows of users (of app)"),
            (
                "CREATE TRIGGER t AFTER INSERT ON jobs BEGIN DELETE FROM users; END;\n",
                "deletes from users (of app)",
            ),
            (
                "CREATE TRIGGER t AFTER INSERT ON users BEGIN SELECT 1; END;\n",
                "creates trigger t on users (of app)",
            ),
            ("ALTER TABLE users RENAME TO jobs_users;\n", "alters table users (of app)"),
            ("ALTER TABLE users DROP COLUMN name;\n", "drops column users.name (of app)"),
            ("CREATE UNIQUE INDEX i ON users (name);\n", "creates index i on users (of app)"),
            (
                "UPDATE db_migrations SET checksum = 'x';\n",
                "updates db_migrations (which the module did not make)",
            ),
            ("PRAGMA writable_schema = ON;\n", "sets what stays: writable_schema"),
            ("ATTACH 'x.db' AS x;\n", "reaches outside of the database: ATTACH"),
            ("SELECT load_extension('x');\n", "calls function load_extension"),
        ],
    );
}

#[test]
fn attacks_of_sql_on_postgres() {
    let Some(db) = Db::postgres() else { return };
    each_is_refused(
        &db,
        &[
            ("DO $$ BEGIN TRUNCATE users; END $$;\n", "truncates users (of app)"),
            ("DO $$ BEGIN EXECUTE 'DROP ' || 'TABLE users'; END $$;\n", "runs what cannot be read"),
            ("GRANT ALL ON users TO public;\n", "grants ALL ON users TO public"),
            ("SET ROLE postgres;\n", "takes another role"),
            ("SELECT set_config('role', 'postgres', true);\n", "takes another role"),
            (
                "CREATE FUNCTION f() RETURNS void LANGUAGE sql SECURITY DEFINER AS $$ DELETE FROM users $$;\n",
                "SECURITY DEFINER",
            ),
            ("COPY jobs FROM PROGRAM 'touch CANARY';\n", "runs a program"),
            ("COPY jobs TO '/tmp/CANARY';\n", "reads or writes a file"),
            ("WITH x AS (DELETE FROM users RETURNING id) SELECT * FROM x;\n", "deletes from users (of app)"),
            ("CREATE RULE r AS ON INSERT TO users DO INSTEAD NOTHING;\n", "creates rule r on users (of app)"),
            ("ALTER TABLE users OWNER TO postgres;\n", "gives to another owner table users (of app)"),
            ("ALTER TABLE users ENABLE ROW LEVEL SECURITY;\n", "row level security"),
            ("SELECT setval('users_id_seq', 1);\n", "sets sequence users_id_seq (of app)"),
            ("CREATE ROLE eve SUPERUSER;\n", "creates role eve"),
            (
                "CREATE VIEW v AS SELECT * FROM users;\nINSERT INTO v VALUES (9, 'eve');\n",
                "inserts into v (a view)",
            ),
            ("ALTER SYSTEM SET log_statement = 'none';\n", "alters system"),
            ("SELECT lo_export(1, '/tmp/CANARY');\n", "calls function lo_export"),
            ("DROP SCHEMA public CASCADE;\n", "drops schema public"),
            (
                "SELECT query_to_xml('DELETE FROM users RETURNING 1', true, true, '');\n",
                "calls function query_to_xml",
            ),
        ],
    );
}

#[test]
fn the_own_repository_is_not_external() {
    let project = bare().file("migrations/1_a.sql", "CREATE TABLE a (id integer);\nDROP TABLE a;\n");
    project.write("db-migrations.yml", "cargo: off\nlock:\n  review: external\n  file: own.lock.yml\n");
    project.run_alone(&["lock"]).ok().does_not_say("!").says("own.lock.yml");
    project.run_alone(&["lock", "--check"]).ok();
    project.run_alone(&["lock", "show", "1_a"]).ok().says("! drops table a");
    project.write("db-migrations.yml", "cargo: off\nlock: { review: all }\n");
    project.run_alone(&["lock"]).exits(2).says("unknown review `all`").says("one of `off`, `external`");
}
