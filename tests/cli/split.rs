//! Plans that are not one transaction: refused by default, told with their reasons, resumed.

use crate::common::{
    POSTS, TAGS, TAGS_FILE, USERS, add_tags, base, locked, ran, running, states, until, untouched,
};
use crate::support::database::{Db, each_database};
use crate::support::project::Project;

const NO_TRANSACTION: &str = "-- db-migrations: no-transaction\n";

/// A statement that cannot run in a transaction, and its name.
fn special(db: &Db) -> (&'static str, &'static str) {
    match db.dialect() {
        "sqlite" => ("VACUUM;\n", "VACUUM"),
        "mariadb" => ("CREATE INDEX users_name ON users (name(9));\n", "CREATE INDEX"),
        _ => ("CREATE INDEX CONCURRENTLY users_name ON users (name);\n", "CREATE INDEX CONCURRENTLY"),
    }
}

/// A run that goes its way statement by statement: where DDL commits by itself, that needs no consent, but
/// the rehearsal would find what fails before anything is touched.
fn bit_by_bit(db: &Db) -> &'static [&'static str] {
    if db.is_mariadb() { &["migrate", "--rehearsal", "off"] } else { &["migrate", "--allow-split"] }
}

#[test]
fn a_split_is_refused_by_default() {
    each_database(|db| {
        if db.is_mariadb() {
            return; // no plan splits there by somebody's choice: see the test below
        }
        let (statement, name) = special(db);
        for directive in [NO_TRANSACTION, ""] {
            let project = base().file(TAGS_FILE, format!("{directive}{statement}"));
            let tree = project.tree();
            let output = project.run(db, &["migrate"]).exits(7).says("cannot be one transaction");
            let output = output.says(TAGS).says(&format!("`{name}` cannot run inside a transaction"));
            output.says("--allow-split");
            assert!(db.is_empty(), "nothing ran");
            assert_eq!(project.tree(), tree);
            let plan = project.run(db, &["plan"]).exits(1).says("outside of a transaction").says(name);
            plan.says("group 1: one transaction").says("group 2: ");
        }
    });
}

#[test]
fn what_commits_by_itself_needs_no_consent() {
    let Some(db) = Db::mariadb() else { return };
    let project = base();
    let plan =
        project.run(&db, &["plan"]).ok().says("group 1: outside of a transaction, statement by statement");
    let plan =
        plan.says("MariaDB commits at every DDL statement").says("a failure keeps the statements before it");
    plan.does_not_say("group 2").does_not_say("--allow-split");
    project.run(&db, &["migrate"]).ok();
    // what changes rows only is one transaction, unless it asks for none
    project.write(TAGS_FILE, "INSERT INTO users VALUES (2, 'bob');\n");
    project.write("migrations/20240104000000_more.sql", "DELETE FROM users WHERE id = 1;\n");
    let plan = project.run(&db, &["plan"]).ok().says("group 1: one transaction");
    plan.does_not_say("statement by statement").does_not_say("group 2");
    project.write(TAGS_FILE, format!("{NO_TRANSACTION}INSERT INTO users VALUES (2, 'bob');\n"));
    let plan = project.run(&db, &["plan"]).ok().says("statement by statement").does_not_say("group 2");
    plan.says(&format!("`{TAGS}` asks for `no-transaction`")).does_not_say("--allow-split");
    project.run(&db, &["migrate"]).ok().says("2 migrations committed");
}

#[test]
fn with_the_flag_or_the_policy_it_runs() {
    each_database(|db| {
        let (statement, _) = special(db);
        for (config, args) in [
            ("cargo: off\n", &["migrate", "--allow-split"][..]),
            ("cargo: off\npolicy: { allow-split: true }\n", &["migrate"]),
        ] {
            let db = db.another();
            let project = base().file(TAGS_FILE, format!("{NO_TRANSACTION}{statement}"));
            project.write("migrations/20240104000000_after.sql", "CREATE TABLE after_it (id int);\n");
            project.write("db-migrations.yml", config);
            project.run(&db, args).ok().says("4 migrations committed").says("schema check: passed");
            assert_eq!(ran(&db), [USERS, POSTS, TAGS, "app::20240104000000_after"]);
            assert_eq!(db.count("SELECT count(*) FROM db_migrations_step"), 0);
            assert_eq!(db.count("SELECT count(DISTINCT run) FROM db_migrations"), 1);
            project.run(&db, &["migrate", "--locked"]).ok().says("nothing to do");
            if db.is_mariadb() {
                assert_eq!(db.query("SHOW INDEX FROM users WHERE Key_name = 'users_name'"), ["users"]);
            }
            if db.is_postgres() {
                let valid = "SELECT indisvalid::text FROM pg_index WHERE indexrelid = 'users_name'::regclass";
                assert_eq!(db.query(valid), ["true"]);
            }
        }
    });
}

#[test]
fn a_failure_keeps_the_groups_before_it() {
    each_database(|db| {
        let (statement, _) = special(db);
        let project = base().file(TAGS_FILE, format!("{NO_TRANSACTION}{statement}"));
        project.write(
            "migrations/20240104000000_after.sql",
            "CREATE TABLE good (id int);\nINSERT INTO no VALUES (1);\n",
        );
        let output = project.run(db, bit_by_bit(db)).exits(4);
        let output = output.says("`app::20240104000000_after` failed").says("stayed: ");
        let output = output.says(TAGS).does_not_say("everything was rolled back");
        assert_eq!(ran(db), [USERS, POSTS, TAGS]);
        if db.is_mariadb() {
            output.says("its first statement stayed");
            assert!(db.dump_schema().contains("good"), "what was said is true");
        } else {
            assert!(!db.dump_schema().contains("good"), "its own group is rolled back");
        }
        project.write("migrations/20240104000000_after.sql", "CREATE TABLE good (id int);\n");
        project.run(db, &["migrate"]).ok().says("1 migration committed");
        assert_eq!(locked(&project), ran(db));
    });
}

/// A migration whose second statement fails.
fn half(db: &Db) -> Project {
    let project = base();
    project.run(db, &["migrate"]).ok();
    project.write(
        TAGS_FILE,
        format!("{NO_TRANSACTION}CREATE TABLE one (id int);\nINSERT INTO missing VALUES (1);\nINSERT INTO one VALUES (3);\n"),
    );
    let output = project.run(db, bit_by_bit(db)).exits(4);
    let output = output.says(&format!("migration `{TAGS}` failed")).says("statement 2 of 3");
    let output = output.says("20240103000000_tags.sql:3:").says("missing");
    output.says("first statement stayed").does_not_say("everything was rolled back");
    project
}

#[test]
fn a_half_applied_migration_is_resumed_behind_what_ran() {
    each_database(|db| {
        let project = half(db);
        assert!(db.dump_schema().contains("one"), "what was said is true");
        assert_eq!(ran(db), [USERS, POSTS]);
        assert_eq!(states(&project, db)[2], format!("{TAGS} partial (1/3)"));
        project.run(db, &["status"]).ok().says("partial (1/3)").says("1 partial");
        if db.is_mariadb() {
            project.run(db, &["plan"]).ok().says("from statement 2");
            let before = db.dump();
            let output = project.run(db, &["migrate"]).exits(3).says("missing").says("statement 2 of 3");
            output.says(untouched(db));
            assert_eq!(db.dump(), before);
        } else {
            project.run(db, &["plan"]).exits(1).says("from statement 2");
            project.run(db, &["migrate"]).exits(7).says("--allow-split");
        }
        // the tail may be mended
        project.edit(TAGS_FILE, "INSERT INTO missing VALUES (1)", "INSERT INTO one VALUES (2)");
        project.run(db, &["migrate", "--allow-split"]).ok().says(&format!("applied {TAGS}"));
        assert_eq!(db.query("SELECT id FROM one ORDER BY id"), ["2", "3"], "each once");
        assert_eq!(db.count("SELECT count(*) FROM db_migrations_step"), 0);
        assert_eq!(states(&project, db)[2], format!("{TAGS} applied"));
        let fresh = db.another();
        project.run(&fresh, &["migrate", "--locked", "--allow-split"]).ok();
        assert_eq!(fresh.dump_schema(), db.dump_schema());
    });
}

#[test]
fn the_part_that_ran_must_not_be_edited() {
    each_database(|db| {
        let project = half(db);
        let before = db.dump();
        project.edit(TAGS_FILE, "CREATE TABLE one (id int)", "CREATE TABLE one (id bigint)");
        let output = project.run(db, &["migrate", "--allow-split"]).exits(7);
        output.says(TAGS).says("stopped after statement 1").says("edited since");
        assert_eq!(db.dump(), before);
    });
}

#[test]
fn a_locked_half_is_accepted_with_its_mended_tail() {
    each_database(|db| {
        let project = half(db);
        project.run(db, &["lock"]);
        project.edit(TAGS_FILE, "INSERT INTO missing VALUES (1)", "INSERT INTO one VALUES (2)");
        project.run(db, &["migrate", "--allow-split"]).exits(7).says("changed").says("lock --accept");
        project.run(db, &["lock", "--accept", TAGS]).ok();
        project.run(db, &["migrate", "--allow-split"]).ok();
        assert_eq!(db.query("SELECT id FROM one ORDER BY id"), ["2", "3"]);
    });
}

#[test]
fn a_new_enum_value_is_committed_before_it_is_used() {
    let Some(db) = Db::postgres() else { return };
    let project = base().file(TAGS_FILE, "CREATE TYPE mood AS ENUM ('calm');\n");
    project.run(&db, &["migrate"]).ok();
    project.write("migrations/20240104000000_add.sql", "ALTER TYPE mood ADD VALUE 'wild';\n");
    project.write(
        "migrations/20240105000000_use.sql",
        "CREATE TABLE m (x mood DEFAULT 'wild'::mood);\nINSERT INTO m DEFAULT VALUES;\n",
    );
    let before = db.dump();
    let output = project.run(&db, &["migrate"]).exits(7).says("55P04");
    output.says("'wild'").says("app::20240104000000_add").says("app::20240105000000_use");
    assert_eq!(db.dump(), before);
    project.run(&db, &["migrate", "--allow-split"]).ok().says("schema check: passed");
    assert_eq!(db.query("SELECT x::text FROM m"), ["wild"]);
}

#[test]
fn a_use_that_no_parser_sees_is_explained() {
    let Some(db) = Db::postgres() else { return };
    let project = base().file(TAGS_FILE, "CREATE TYPE mood AS ENUM ('calm');\nCREATE TABLE m (x mood);\n");
    project.run(&db, &["migrate"]).ok();
    project.write("migrations/20240104000000_add.sql", "ALTER TYPE mood ADD VALUE 'wild';\n");
    project.write("migrations/20240105000000_use.sql", "INSERT INTO m VALUES ('wild');\n");
    let before = db.dump();
    let output = project.run(&db, &["migrate"]).exits(3).says("unsafe use of new value");
    output.says("-- db-migrations: no-transaction").says("rolled back");
    assert_eq!(db.dump(), before);
}

#[test]
fn what_cannot_run_in_a_transaction_block_by_other_ways_is_explained() {
    let Some(db) = Db::postgres() else { return };
    add_tags(&base());
    let project = base().file(TAGS_FILE, "REINDEX TABLE CONCURRENTLY users;\n");
    project.run(&db, &["migrate"]).exits(7).says("REINDEX");
    assert!(db.is_empty());
    project.run(&db, &["migrate", "--allow-split"]).ok();
}

/// A killed client's statement goes on at the server; with its row in one implicit transaction it is known
/// whether it ended.
#[test]
fn a_statement_outside_of_a_transaction_does_not_run_twice_after_a_kill() {
    let Some(db) = Db::postgres() else { return };
    let project = base();
    project.run(&db, &["migrate"]).ok();
    project.write(
        "migrations/20240104000000_rows.sql",
        "-- db-migrations: no-transaction\nINSERT INTO users VALUES (70, 'a');\n\
         INSERT INTO users SELECT 71 + (SELECT count(*) FROM users WHERE id >= 71), 'b' FROM pg_sleep(1.5);\n\
         INSERT INTO users VALUES (90, 'c');\n",
    );
    let run = project.spawn(&db, &["migrate", "--allow-split"]);
    until("the slow statement", || running(&db, "pg_sleep(1.5)"));
    run.kill();
    project.run(&db, &["migrate", "--allow-split"]).ok();
    assert_eq!(db.query("SELECT id FROM users WHERE id >= 70 ORDER BY id"), ["70", "71", "90"]);
}

#[test]
fn a_resumed_migration_has_the_settings_of_its_finished_statements() {
    let Some(db) = Db::postgres() else { return };
    let project = base();
    project.run(&db, &["migrate"]).ok();
    let text = "-- db-migrations: no-transaction\nCREATE SCHEMA tenant;\nSET search_path = tenant;\n\
                CREATE TABLE one (id int);\nINSERT INTO nope VALUES (1);\nCREATE TABLE two (id int);\n";
    project.write("migrations/20240104000000_tenant.sql", text);
    project.run(&db, &["migrate", "--allow-split"]).exits(4).says("its first 3 statements stayed");
    project.write("migrations/20240104000000_tenant.sql", text.replace("nope", "one"));
    project.run(&db, &["migrate", "--allow-split"]).ok().says("schema check: passed");
    let tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'tenant' ORDER BY 1";
    assert_eq!(db.query(tables), ["one", "two"]);
}
