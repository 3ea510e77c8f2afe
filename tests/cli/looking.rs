//! `status` in every state, branches, other tools' tables.

use crate::common::{LOCK, POSTS, TAGS, TAGS_FILE, USERS, add_tags, base, history, ran, states};
use crate::support::database::{Db, each_database};

#[test]
fn an_empty_database_has_all_pending_and_stays_empty() {
    each_database(|db| {
        let project = base();
        let output = project.run(db, &["status"]).ok().says("2 pending").says("not locked yet");
        output.says(match db.dialect() {
            "sqlite" => "SQLite",
            "mariadb" => "MariaDB",
            _ => "PostgreSQL",
        });
        assert_eq!(states(&project, db), [format!("{USERS} pending"), format!("{POSTS} pending")]);
        assert!(db.is_empty());
        assert!(db.path().is_none_or(|path| !path.exists()));
        assert!(!project.exists(LOCK));
        project.run(db, &["migrate"]).ok();
        project.run(db, &["status"]).ok().says("2 applied").says("schema check: passed");
        let output = project.run(db, &["status", "--pending"]).ok();
        assert!(!output.stdout.contains(USERS), "{output}");
    });
}

#[test]
fn late_pending_skipped_and_skipped_after_run() {
    each_database(|db| {
        let project = base();
        project.write("migrations/20240101500000_between.sql", "CREATE TABLE between_it (id int);\n");
        add_tags(&project);
        project.write("migrations/20240104000000_off.sql", "CREATE TABLE off_it (id int);\n");
        project.run_alone(&["lock"]).ok();
        let lock = project.lock();
        // this database ran the first and the third only
        let early = base();
        early.run(db, &["migrate"]).ok();
        project.write(
            LOCK,
            lock.replace("_off: { skip: false", "_off: { skip: true")
                .replace("_users: { skip: false", "_users: { skip: true"),
        );
        assert_eq!(
            states(&project, db),
            [
                format!("{USERS} skipped-after-run"),
                "app::20240101500000_between late".to_owned(),
                format!("{POSTS} applied"),
                format!("{TAGS} pending"),
                "app::20240104000000_off skipped".to_owned(),
            ]
        );
        let output =
            project.run(db, &["status"]).ok().says("1 late").says("1 skipped").says("1 skipped-after-run");
        output.says("`app::20240101000000_users` is skipped, but it has run here");
    });
}

#[test]
fn late_ones_are_allowed_warned_of_or_denied() {
    each_database(|db| {
        let project = base();
        let early = base();
        early.run(db, &["migrate"]).ok();
        let late = "app::20240101500000_between";
        project.write("migrations/20240101500000_between.sql", "CREATE TABLE between_it (id int);\n");
        project.run_alone(&["lock"]).ok();
        let before = db.dump();
        project.write("db-migrations.yml", "cargo: off\npolicy: { out-of-order: deny }\n");
        project.run(db, &["migrate"]).exits(7).says(late).says("late");
        assert_eq!(db.dump(), before);
        project.write("db-migrations.yml", "cargo: off\n");
        project.run(db, &["migrate"]).ok().says("warning").says("runs late");
        assert_eq!(ran(db), [USERS, POSTS, late]);
    });
}

#[test]
fn orphaned_missing_unknown_and_changed() {
    each_database(|db| {
        let project = base();
        add_tags(&project);
        project.write("migrations/20240104000000_gone.sql", "CREATE TABLE gone (id int);\n");
        project.run(db, &["migrate"]).ok();
        project.write("migrations/20240105000000_never.sql", "CREATE TABLE never_it (id int);\n");
        project.run_alone(&["lock"]).ok();
        project.remove("migrations/20240104000000_gone.sql");
        project.remove("migrations/20240105000000_never.sql");
        project.write("migrations/20240102000000_posts.sql", "CREATE TABLE posts (id int);\n");
        project.remove(TAGS_FILE);
        let lock: Vec<_> =
            project.lock().lines().filter(|line| !line.contains("_tags")).map(str::to_owned).collect();
        project.write(LOCK, lock.join("\n") + "\n");
        assert_eq!(
            states(&project, db),
            [
                format!("{USERS} applied"),
                format!("{POSTS} changed"),
                "app::20240104000000_gone orphaned".to_owned(),
                "app::20240105000000_never missing".to_owned(),
                format!("{TAGS} unknown"),
            ]
        );
        let before = db.dump();
        project.run(db, &["migrate"]).exits(7).says(POSTS).says("_never");
        assert_eq!(db.dump(), before);
    });
}

#[test]
fn an_orphan_alone_stops_nothing() {
    each_database(|db| {
        let project = base();
        add_tags(&project);
        project.run(db, &["migrate"]).ok();
        project.remove(TAGS_FILE);
        project.run(db, &["migrate"]).ok().says("has run here, but its file is gone");
        project.run(db, &["migrate", "--locked"]).ok().says(TAGS);
        // a database that has not run it cannot
        project.run(&db.another(), &["migrate", "--locked"]).exits(7).says("locked, but was not found");
    });
}

#[test]
fn not_applicable_is_told_and_needs_nothing() {
    each_database(|db| {
        let other = if db.is_sqlite() { "postgres" } else { "sqlite" };
        let project = base();
        project.write(&format!("migrations/{other}/20240103000000_tags.sql"), "CREATE nonsense;\n");
        project.run(db, &["migrate"]).ok();
        assert_eq!(ran(db), [USERS, POSTS]);
        assert_eq!(states(&project, db)[2], format!("{TAGS} not-applicable"));
        project.run(db, &["plan"]).ok().says("not-applicable");
        project.run(db, &["migrate", "--locked"]).ok().says("nothing to do");
    });
}

#[test]
fn another_branch_s_migration_stops_nothing() {
    each_database(|db| {
        let feature = base();
        add_tags(&feature);
        feature.run(db, &["migrate"]).ok();
        let main = base();
        main.run(&db.another(), &["migrate"]).ok();
        let tree = main.tree();
        let output = main.run(db, &["migrate", "--locked"]).ok().says("nothing to do");
        output.says(TAGS).says("probably comes from another branch");
        assert_eq!(main.tree(), tree);
        assert_eq!(states(&main, db)[2], format!("{TAGS} unknown"));
        main.write("migrations/20240104000000_more.sql", "CREATE TABLE more (id integer);\n");
        main.run(db, &["migrate"]).ok().says("applied app::20240104000000_more").says(TAGS);
        // and back again
        feature.write("migrations/20240104000000_more.sql", "CREATE TABLE more (id integer);\n");
        feature.run(db, &["migrate"]).ok().does_not_say("applied app::");
        assert_eq!(crate::common::locked(&feature), ran(db));
    });
}

#[test]
fn an_old_image_meets_a_newer_database() {
    each_database(|db| {
        let old = base();
        old.run(db, &["migrate"]).ok();
        let new = base().file(TAGS_FILE, "ALTER TABLE users ADD COLUMN age integer;\nDROP TABLE posts;\n");
        new.write(LOCK, old.lock());
        new.run(db, &["migrate"]).ok();
        let before = (db.dump_schema(), history(db));
        old.run(db, &["migrate", "--locked"]).ok().says("nothing to do").says(TAGS);
        assert_eq!((db.dump_schema(), history(db)), before);
        // that it was there is known now, and is not written again
        let before = db.dump();
        old.run(db, &["migrate", "--locked"]).ok().says("nothing to do");
        assert_eq!(db.dump(), before);
    });
}

#[test]
fn another_tool_s_rows_stop_the_first_run() {
    each_database(|db| {
        for (table, words) in [
            ("_sqlx_migrations", "import sqlx --module"),
            ("refinery_schema_history", "refinery"),
            ("__diesel_schema_migrations", "diesel"),
            ("seaql_migrations", "sea-orm"),
            ("flyway_schema_history", "flyway"),
        ] {
            let db = db.another();
            db.execute(&format!("CREATE TABLE {table} (version int)"));
            let project = base();
            project.run(&db, &["plan"]).ok();
            db.execute(&format!("INSERT INTO {table} VALUES (1)"));
            let before = db.dump();
            let output = project.run(&db, &["migrate"]).exits(7).says("another tool");
            output
                .says(&format!("1 row in `{}{table}`", if db.is_postgres() { "public." } else { "" }))
                .says(words);
            assert_eq!(db.dump(), before);
            project.run(&db, &["status"]).ok().says("another tool was here").says(table);
            // an empty table is nobody's past
            db.execute(&format!("DELETE FROM {table}"));
            project.run(&db, &["migrate"]).ok();
            db.execute(&format!("INSERT INTO {table} VALUES (1)"));
            project.run(&db, &["migrate", "--locked"]).ok();
        }
    });
}

#[test]
fn a_foreign_history_of_another_schema_is_found_with_the_way_to_import_it() {
    let Some(db) = Db::postgres() else { return };
    db.execute("CREATE SCHEMA apalis; CREATE TABLE apalis._sqlx_migrations (version bigint); INSERT INTO apalis._sqlx_migrations VALUES (1)");
    base().run(&db, &["migrate"]).exits(7).says("apalis._sqlx_migrations").says("--schema apalis");
}
