//! Whose tables are touched, what is told of it, and which text a review is of.

use std::collections::BTreeSet;

use super::*;
use crate::id::{Namespace, Version};
use crate::lock::merge;
use crate::migration::Scripts;
use crate::module::Format;

fn module(name: &str, external: bool, texts: &[&str]) -> Module {
    let namespace = Namespace::new(name).unwrap();
    let origin = if external {
        Origin::Crate { name: name.to_owned(), version: "1.0.0".to_owned(), external }
    } else {
        Origin::Application
    };
    let migrations = texts.iter().enumerate().map(|(n, text)| {
        let up = Scripts {
            plain: Some(Script::new(*text, format!("{name}-1.0.0/{}.sql", n + 1))),
            ..Scripts::default()
        };
        let version = (n + 1).to_string();
        Migration::new(
            MigrationId::new(&namespace, &version).unwrap(),
            Version::number(&version).unwrap(),
            up,
        )
    });
    Module {
        migrations: migrations.collect(),
        namespace,
        origin,
        folder: "migrations".to_owned(),
        format: Format::Native,
        depends_on: if external { [Namespace::new("app").unwrap()].into() } else { BTreeSet::new() },
        checks: Vec::new(),
    }
}

/// The application with these tables, and an external crate behind it.
fn judge_all(app: &[&str], evil: &[&str], dialect: Dialect) -> Vec<Account> {
    let modules = vec![module("app", false, app), module("evil", true, evil)];
    let catalogue = Catalogue::gather(modules).unwrap();
    let merged = merge(&Lock::default(), &catalogue, None).unwrap();
    accounts(&Lock::default(), &merged.lock, &catalogue, &[dialect])
}

/// What must be looked at.
fn destructive(app: &[&str], evil: &[&str], dialect: Dialect) -> Vec<String> {
    let accounts = judge_all(app, evil, dialect);
    accounts.iter().flat_map(Account::destructive).map(Judged::words).collect()
}

const USERS: &str = "CREATE TABLE users (id int); CREATE INDEX users_id ON users (id); CREATE FUNCTION wipe() RETURNS void LANGUAGE sql AS 'DELETE FROM users';";

#[test]
fn the_own_tables_may_be_changed_and_those_of_others_not() {
    let own = "CREATE TABLE jobs (id int REFERENCES users (id)); CREATE INDEX i ON jobs (id); INSERT INTO jobs VALUES (1); UPDATE jobs SET id = 2; ALTER TABLE jobs ADD a int; DROP INDEX i;";
    for dialect in [Dialect::Postgres, Dialect::Sqlite] {
        assert_eq!(destructive(&[USERS], &[own], dialect), [""; 0]);
        let sly = own.replace("INTO jobs", "INTO users").replace("ON jobs", "ON users");
        assert_eq!(
            destructive(&[USERS], &[&sly], dialect),
            ["creates index i on users (of app)", "inserts into users (of app)"]
        );
        assert_eq!(
            destructive(&[USERS], &["UPDATE Public.USERS SET id = 1; DROP INDEX users_id;"], dialect),
            ["updates public.users (of app)", "drops index users_id (of app)"]
        );
        assert_eq!(
            destructive(&[USERS], &["DELETE FROM db_migrations"], dialect),
            ["deletes from db_migrations"]
        );
        let claims = "CREATE TABLE IF NOT EXISTS db_migrations (id int);\nUPDATE db_migrations SET id = 1";
        assert_eq!(
            destructive(&[USERS], &[claims], dialect),
            ["updates db_migrations (which the module did not make)"]
        );
        assert_eq!(
            destructive(&[USERS], &["UPDATE db_migrations SET id = 'x'"], dialect),
            ["updates db_migrations (which the module did not make)"]
        );
    }
    assert_eq!(
        destructive(&[USERS], &["SELECT wipe()"], Dialect::Postgres),
        ["calls function wipe (of app)"]
    );
    let sets = ["CREATE SEQUENCE s; SELECT setval('s', 1); SELECT setval('users_id_seq', 1)"];
    assert_eq!(destructive(&[USERS], &sets, Dialect::Postgres), ["sets sequence users_id_seq (of app)"]);
    let hidden = ["CREATE TABLE x (id int); INSERT INTO x SELECT wipe()"];
    assert_eq!(destructive(&[USERS], &hidden, Dialect::Postgres), ["calls function wipe (of app)"]);
}

#[test]
fn who_made_a_table_follows_its_names() {
    let rename = ["ALTER TABLE users RENAME TO mine", "INSERT INTO mine VALUES (1)"];
    assert_eq!(
        destructive(&[USERS], &rename, Dialect::Postgres),
        ["alters table users (of app)", "inserts into mine (of app)"]
    );
    // a table of that name does not become the own one by being created again
    let claim = ["CREATE TABLE IF NOT EXISTS users (id int); INSERT INTO users VALUES (1)"];
    assert_eq!(destructive(&[USERS], &claim, Dialect::Postgres), ["inserts into users (of app)"]);
    let elsewhere =
        ["CREATE TABLE s.users (id int); INSERT INTO s.users VALUES (1); UPDATE users SET id = 1"];
    assert_eq!(destructive(&[USERS], &elsewhere, Dialect::Postgres), ["updates users (of app)"]);
    // another schema's table is not the own one of that name
    let own =
        ["CREATE TABLE jobs (id int); INSERT INTO public.jobs VALUES (1); INSERT INTO other.jobs VALUES (1)"];
    assert_eq!(
        destructive(&[USERS], &own, Dialect::Postgres),
        ["inserts into other.jobs (which the module did not make)"]
    );
    let view =
        ["CREATE VIEW v AS SELECT * FROM users; DROP VIEW IF EXISTS other.v; INSERT INTO v VALUES (1)"];
    assert_eq!(
        destructive(&[USERS], &view, Dialect::Postgres),
        ["drops view other.v (which the module did not make)", "inserts into v (a view)"]
    );
    let index = ["CREATE TABLE s.jobs (id int); CREATE INDEX i ON s.jobs (id); DROP INDEX s.i"];
    assert_eq!(destructive(&[USERS], &index, Dialect::Postgres), [""; 0]);
    // in a body the rows of the own table may go, when it is called
    let body = [
        "CREATE TABLE jobs (id int); CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'DELETE FROM jobs; DELETE FROM other.jobs'",
    ];
    assert_eq!(
        destructive(&[USERS], &body, Dialect::Postgres),
        ["deletes from other.jobs (which the module did not make)"]
    );
    let other = ["UPDATE other.users SET id = 1; COMMENT ON TABLE other.users IS ''"];
    assert_eq!(
        destructive(&[USERS], &other, Dialect::Postgres),
        ["updates other.users (of app)", "comments on other . users … (of app)"]
    );
    let both = ["ALTER SEQUENCE users_id_seq RESTART; ALTER INDEX users_pkey RENAME TO x"];
    assert_eq!(
        destructive(&[USERS], &both, Dialect::Postgres),
        ["alters sequence users_id_seq (of app)", "alters index users_pkey (of app)"]
    );
}

#[test]
fn rows_that_go_through_a_view_are_another_tables() {
    let view = "CREATE VIEW v AS SELECT * FROM users;";
    for (sql, words) in [
        ("INSERT INTO v VALUES (1)", "inserts into v (a view)"),
        ("UPDATE v SET id = 1", "updates v (a view)"),
        ("UPDATE public.v SET id = 1", "updates public.v (a view)"),
        ("UPDATE s.v SET id = 1", "updates s.v (a view)"),
        ("ALTER VIEW v RENAME TO w; INSERT INTO w VALUES (1)", "inserts into w (a view)"),
        ("MERGE INTO v USING x ON true WHEN MATCHED THEN DELETE", "merges into v (a view)"),
        ("TRUNCATE v", "truncates v (a view)"),
        ("COPY v FROM STDIN", "copies into v (a view)"),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'UPDATE v SET id = 1'", "updates v (a view)"),
        (
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'DROP VIEW v'; UPDATE v SET id = 1",
            "updates v (a view)",
        ),
    ] {
        let found = destructive(&[USERS], &[view, sql], Dialect::Postgres);
        assert!(found.contains(&words.to_owned()), "{sql}: {found:?}");
    }
    let text = format!("{view} INSERT INTO v VALUES (1)");
    assert_eq!(destructive(&[USERS], &[&text], Dialect::Postgres), ["inserts into v (a view)"]);
    let gone = ["CREATE VIEW v AS SELECT 1; DROP VIEW v; CREATE TABLE v (id int); INSERT INTO v VALUES (1)"];
    assert_eq!(destructive(&[USERS], &gone, Dialect::Postgres), [""; 0]);
    // a table that only a body would make is not the own one
    let sly =
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'CREATE TABLE old (id int)'; UPDATE old SET id = 1";
    assert_eq!(
        destructive(&[USERS], &[sly], Dialect::Postgres),
        ["updates old (which the module did not make)"]
    );
}

#[test]
fn what_is_told_is_short() {
    let many = "CREATE TABLE a (x int); CREATE TABLE b (x int); CREATE INDEX i ON a (x); INSERT INTO a VALUES (1);\nDROP TABLE users;";
    let accounts = judge_all(&[USERS], &[many, "-- nothing"], Dialect::Sqlite);
    let catalogue =
        Catalogue::gather(vec![module("app", false, &[USERS]), module("evil", true, &[many, "-- nothing"])])
            .unwrap();
    assert_eq!(
        told(&accounts, &catalogue),
        [
            "evil 1.0.0: 2 new migrations",
            "  1  creates 2 tables, index i on a; inserts into a",
            "    ! drops table users (of app)  evil-1.0.0/1.sql:2",
            "  2  changes nothing",
        ]
    );
    assert!(judge_all(&["DROP TABLE x"], &[], Dialect::Sqlite).is_empty(), "one's own needs no account");
}

#[test]
fn a_review_counts_for_one_text() {
    let catalogue = |text: &str| {
        Catalogue::gather(vec![module("app", false, &[USERS]), module("evil", true, &[text])]).unwrap()
    };
    let found = catalogue("DROP TABLE users");
    let mut lock = merge(&Lock::default(), &found, None).unwrap().lock;
    lock.entries.values_mut().for_each(|entry| entry.reviewed = Some(true));
    let lacking = |found: &Catalogue| unreviewed(&accounts(&lock, &lock, found, &[Dialect::Sqlite])).len();
    assert_eq!(lacking(&found), 0);
    assert_eq!(lacking(&catalogue("DROP TABLE users;")), 1);
}
