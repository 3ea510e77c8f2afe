//! A statement or a constraint fails late in the run: everything goes, and the report says where.

use crate::common::{POSTS, TAGS, TAGS_FILE, USERS, add_tags, base, ran, untouched};
use crate::support::database::{Db, each_database};
use crate::support::project::Project;

/// Two good migrations, and a third that fails on its third statement.
fn failing() -> Project {
    base().file(
        TAGS_FILE,
        "CREATE TABLE tags (id integer PRIMARY KEY, name text);\n\
         INSERT INTO tags VALUES (1, 'a');\n\
         INSERT INTO nowhere VALUES (1);\n\
         INSERT INTO tags VALUES (2, 'b');\n",
    )
}

#[test]
fn a_failing_statement_rolls_everything_back() {
    each_database(|db| {
        let project = failing();
        let (tree, before) = (project.tree(), db.dump());
        let output = project.run(db, &["migrate"]).exits(3);
        let output = output.says("error: migration `app::20240103000000_tags` failed");
        let output = output.says("migrations/20240103000000_tags.sql:3:").says("statement 3 of 4");
        let output = output.says("nowhere").says(untouched(db)).does_not_say("applied");
        let message = match db.dialect() {
            "sqlite" => "no such table: nowhere",
            "mariadb" => "nowhere' doesn't exist",
            _ => "relation \"nowhere\" does not exist",
        };
        output.says(message);
        assert_eq!(project.tree(), tree, "no lock, no snapshot");
        assert!(db.is_empty(), "not even the history table");
        assert_eq!(db.dump(), before);
        mended(&project, db);
    });
}

/// After mending, plain `migrate` completes, and nothing tells the database from an undisturbed one.
fn mended(project: &Project, db: &Db) {
    add_tags(project);
    project.run(db, &["migrate"]).ok().says("schema check: passed");
    let undisturbed = (base(), db.another());
    add_tags(&undisturbed.0);
    undisturbed.0.run(&undisturbed.1, &["migrate"]).ok();
    assert_eq!(ran(db), ran(&undisturbed.1));
    assert_eq!(db.dump_schema(), undisturbed.1.dump_schema());
    assert_eq!(project.lock(), undisturbed.0.lock());
}

#[test]
fn an_older_database_stays_as_it_was() {
    each_database(|db| {
        let project = base();
        project.run(db, &["migrate"]).ok();
        db.execute("INSERT INTO users VALUES (7, 'by hand')");
        project.write(
            TAGS_FILE,
            "DELETE FROM users;\nDROP TABLE posts;\nDROP TABLE users;\nINSERT INTO no VALUES (1);\n",
        );
        let (tree, before) = (project.tree(), db.dump());
        project.run(db, &["migrate"]).exits(3).says("statement 4 of 4").says(untouched(db));
        assert_eq!(project.tree(), tree);
        assert_eq!(db.dump(), before);
        mended(&project, db);
    });
}

#[test]
fn a_syntax_error_in_the_middle() {
    each_database(|db| {
        let project = base();
        project.write(TAGS_FILE, "CREATE TABLE tags (id int);\n\n  SELEKT 1;\nCREATE TABLE more (id int);\n");
        let output = project.run(db, &["migrate"]).exits(3).says("statement 2 of 3").says("SELEKT");
        let words = if db.is_mariadb() { "error in your SQL syntax" } else { "syntax error" };
        output.says("20240103000000_tags.sql:3:3").says(words);
        assert!(db.is_empty());
    });
}

#[test]
fn the_column_is_the_server_s() {
    let Some(db) = Db::postgres() else { return };
    let project = base();
    // the position is counted in characters, the frame in columns
    project.write(TAGS_FILE, "-- größe ✓\nINSERT INTO users (id, näme) VALUES (5, 'x');\n");
    let output = project.run(&db, &["migrate"]).exits(3);
    output.says("20240103000000_tags.sql:2:24").says("column \"näme\" of relation \"users\" does not exist");
    assert!(db.is_empty());
}

#[test]
fn detail_hint_and_context_are_told() {
    let Some(db) = Db::postgres() else { return };
    let project = base();
    project.write(
        TAGS_FILE,
        "DO $$ BEGIN RAISE EXCEPTION 'too late' USING DETAIL = 'it is night', HINT = 'come tomorrow'; END $$;\n",
    );
    let output = project.run(&db, &["migrate"]).exits(3).says("too late").says("it is night");
    output.says("come tomorrow").says("PL/pgSQL function inline_code_block").says("statement 1 of 1");
    assert!(db.is_empty());
}

#[test]
fn a_constraint_fails_at_the_deferred_check() {
    let Some(db) = Db::postgres() else { return };
    let project = base();
    project.write(
        TAGS_FILE,
        "CREATE TABLE tags (id int PRIMARY KEY, user_id int REFERENCES users (id) DEFERRABLE INITIALLY DEFERRED);\n\
         INSERT INTO tags VALUES (1, 999);\n",
    );
    project.write("migrations/20240104000000_later.sql", "CREATE TABLE later (id int);\n");
    let output = project.run(&db, &["migrate"]).exits(3).says(&format!("migration `{TAGS}` failed"));
    let output = output.says("violates foreign key constraint").says("(user_id)=(999)");
    output.says("deferred constraints").says("everything was rolled back").does_not_say("later` failed");
    assert!(db.is_empty());
    // a later migration may still rely on the constraint being deferred
    project.write(
        TAGS_FILE,
        "CREATE TABLE tags (id int PRIMARY KEY, user_id int REFERENCES users (id) DEFERRABLE INITIALLY DEFERRED);\n",
    );
    project.write(
        "migrations/20240104000000_later.sql",
        "INSERT INTO tags VALUES (1, 50);\nINSERT INTO users VALUES (50, 'late');\n",
    );
    project.run(&db, &["migrate"]).ok();
}

#[test]
fn a_deferred_foreign_key_on_sqlite() {
    let db = Db::sqlite();
    let project = base();
    project.write(
        TAGS_FILE,
        "CREATE TABLE tags (id int PRIMARY KEY, user_id int REFERENCES users (id) DEFERRABLE INITIALLY DEFERRED);\n\
         INSERT INTO tags VALUES (1, 999);\n",
    );
    project.run(&db, &["migrate"]).exits(3).says("FOREIGN KEY constraint failed").says("rolled back");
    assert!(db.is_empty());
}

#[test]
fn a_failing_migration_of_a_module_is_named_with_its_file() {
    each_database(|db| {
        let project = base();
        project.write("db-migrations.yml", "cargo: off\nmodules: { paths: [plugins/*] }\n");
        project.write("plugins/shop/migrations/20240109000000_shop.sql", "CREATE TABLE users (id int);\n");
        let output =
            project.run(db, &["migrate"]).exits(3).says("migration `shop::20240109000000_shop` failed");
        output.says("plugins/shop/migrations/20240109000000_shop.sql:1:").says("users");
        assert!(db.is_empty());
    });
}

#[test]
fn session_state_does_not_reach_the_next_migration() {
    let Some(db) = Db::postgres() else { return };
    let project = base();
    project.write(
        TAGS_FILE,
        "SET search_path = nowhere;\nSET statement_timeout = 1;\nRESET statement_timeout;\n\
         CREATE TEMP TABLE users (id int);\nSET timezone = 'Asia/Tokyo';\n",
    );
    project.write(
        "migrations/20240104000000_later.sql",
        "INSERT INTO users VALUES (2, 'bob');\nCREATE TABLE later (id int);\n",
    );
    project.run(&db, &["migrate"]).ok();
    assert_eq!(db.count("SELECT count(*) FROM public.users"), 2);
    assert_eq!(db.query("SELECT to_regclass('public.later')::text"), ["later"]);
    assert_eq!(ran(&db)[..2], [USERS, POSTS]);
}
