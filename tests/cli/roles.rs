//! Roles that may do little (PostgreSQL).

use crate::common::{POSTS, TAGS, USERS, add_tags, base, ran, snapshot};
use crate::support::database::Db;

/// A role of its own, gone with this value.
struct Role<'a> {
    db: &'a Db,
    name: String,
}

impl<'a> Role<'a> {
    fn new(db: &'a Db, grants: &str) -> Self {
        let name = format!("role_{}", crate::support::random());
        db.execute(&format!(
            "CREATE ROLE {name} LOGIN NOSUPERUSER NOCREATEDB; {}",
            grants.replace("THE_ROLE", &name)
        ));
        Self { db, name }
    }

    fn url(&self) -> String {
        self.db.url_as(&self.name)
    }
}

impl Drop for Role<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let name = &self.name;
            self.db.execute(&format!(
                "REASSIGN OWNED BY {name} TO postgres; DROP OWNED BY {name}; DROP ROLE {name}"
            ));
        }
    }
}

const LOOKING: [&[&str]; 6] = [
    &["status"],
    &["plan"],
    &["migrate", "--dry-run"],
    &["schema", "dump"],
    &["schema", "check"],
    &["status", "--format", "json"],
];

#[test]
fn a_role_that_may_only_read_can_look() {
    let Some(db) = Db::postgres() else { return };
    let project = base();
    project.run(&db, &["migrate"]).ok();
    db.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    let role = Role::new(&db, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO THE_ROLE");
    let (tree, before) = (project.tree(), db.dump());
    for args in LOOKING {
        project.run_at(&role.url(), args).ok();
        assert_eq!((project.tree(), db.dump()), (tree.clone(), before.clone()), "{args:?}");
    }
    project.run_at(&role.url(), &["status"]).ok().says("2 applied");
    project.run_at(&role.url(), &["migrate", "--locked"]).ok().says("nothing to do");
    add_tags(&project);
    project.run_at(&role.url(), &["plan"]).ok().says(TAGS);
    let tree = project.tree();
    project.run_at(&role.url(), &["migrate"]).exits(3).says("permission denied").says("rolled back");
    assert_eq!((project.tree(), db.dump()), (tree, before));
    // an older release whose account may not leave its trace starts all the same
    project.run(&db, &["migrate"]).ok();
    let older = base();
    older.run_alone(&["lock"]).ok();
    let before = db.dump();
    let told = older.run_at(&role.url(), &["migrate"]).ok().says("nothing to do");
    told.says("it could not be written down that this release is at work here now").says("permission denied");
    assert_eq!(db.dump(), before);
}

#[test]
fn it_can_look_at_a_database_without_our_tables() {
    let Some(db) = Db::postgres() else { return };
    db.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    let role = Role::new(&db, "");
    let project = base();
    project.run_at(&role.url(), &["status"]).ok().says("2 pending");
    project.run_at(&role.url(), &["plan"]).ok().says(USERS).says(POSTS);
    assert!(db.is_empty());
}

#[test]
fn a_read_only_transaction_default_refuses_before_anything_runs() {
    let Some(db) = Db::postgres() else { return };
    let project = base();
    let role = Role::new(
        &db,
        "GRANT CREATE ON SCHEMA public TO THE_ROLE; ALTER ROLE THE_ROLE SET default_transaction_read_only = on",
    );
    project.run_at(&role.url(), &["migrate"]).exits(7).says("read-only");
    project.run_at(&role.url(), &["plan"]).ok();
    assert!(db.is_empty());
}

#[test]
fn without_createdb_it_migrates_unproved() {
    let Some(db) = Db::postgres() else { return };
    let project = base();
    project.run(&db, &["migrate"]).ok();
    let role = Role::new(
        &db,
        "GRANT ALL ON SCHEMA public TO THE_ROLE; GRANT ALL ON ALL TABLES IN SCHEMA public TO THE_ROLE",
    );
    add_tags(&project);
    let output = project.run_at(&role.url(), &["migrate"]).ok().says("not proved by replay");
    output.says("permission denied to create database").says(&format!("applied {TAGS}"));
    assert_eq!(ran(&db), [USERS, POSTS, TAGS]);
    let text = project.read(&snapshot(&db));
    assert!(text.contains("-- proof: none, ") && text.contains("tags"), "{text}");
    let verdict = db.query("SELECT verdict FROM db_migrations_run ORDER BY started_at DESC");
    assert!(verdict[0].contains("not proved by replay"), "{verdict:?}");
    // who may, proves it later
    project.run(&db, &["lock", "--check"]).ok();
    project.run(&db, &["lock", "--check", "--replay"]).ok();
    project.run(&db, &["schema", "snapshot"]).ok();
    assert!(project.read(&snapshot(&db)).contains("-- proof: replay"));
}

#[test]
fn on_an_empty_database_the_run_is_the_proof() {
    let Some(db) = Db::postgres() else { return };
    let role = Role::new(&db, "GRANT ALL ON SCHEMA public TO THE_ROLE");
    let project = base();
    project.run_at(&role.url(), &["migrate"]).ok().does_not_say("not proved");
    assert!(project.read(&snapshot(&db)).contains("-- proof: replay"));
    project
        .run_at(&role.url(), &["schema", "snapshot"])
        .exits(1)
        .says("permission denied to create database");
}

#[test]
fn a_scratch_url_helps() {
    let Some(db) = Db::postgres() else { return };
    let project = base();
    project.run(&db, &["migrate"]).ok();
    let role = Role::new(
        &db,
        "GRANT ALL ON SCHEMA public TO THE_ROLE; GRANT ALL ON ALL TABLES IN SCHEMA public TO THE_ROLE",
    );
    add_tags(&project);
    project
        .write("db-migrations.yml", format!("cargo: off\ndatabase: {{ scratch-url: \"{}\" }}\n", db.url()));
    project.run_at(&role.url(), &["migrate"]).ok().does_not_say("not proved");
    let scratch = "SELECT count(*) FROM pg_database WHERE datname LIKE 'db_migrations_scratch%'";
    crate::common::until("scratch databases are gone", || db.count(scratch) == 0);
}
