//! Four crates on PostgreSQL whose numbers collide: six of 21 versions have three or four owners.

use crate::checks::{ids, migrate_and_prove, states};
use crate::counts::Counts;
use crate::support::crates::cargo_project;
use crate::support::database::Db;

pub(crate) const CONFIG: &str = "\
modules:
  enable:
    eventually-postgres: { path: src/migrations }
    hammerwork: { path: src/migrations }
    mempill-postgres: {}
    rs-auth-postgres: {}
";

#[test]
fn colliding_numbers_are_no_collision() {
    let Some(db) = Db::postgres() else { return };
    let project = cargo_project("m2", CONFIG);
    migrate_and_prove(&project, &db).says("37 migrations committed").does_not_say("is a copy of");
    let expected = Counts {
        tables: 22,
        functions: 5,
        types: Counts::of(&db).types,
        indexes: 99,
        triggers: 1,
        sequences: 9,
    };
    assert_eq!(Counts::of(&db), expected);
    assert_eq!(states(&project, &db), "37 applied");

    let lock = project.lock();
    let of = |module: &str| -> Vec<&str> {
        ids(&lock).into_iter().filter_map(|id| id.strip_prefix(module)?.strip_prefix("::")).collect()
    };
    assert_eq!(of("eventually-postgres").len(), 6);
    assert_eq!(of("rs-auth-postgres").len(), 6);
    assert_eq!(of("mempill-postgres").len(), 4);
    assert!(of("mempill-postgres").iter().zip(1..).all(|(name, n)| name.starts_with(&format!("V{n}__"))));
    let hammerwork = of("hammerwork");
    assert_eq!(hammerwork.len(), 21);
    assert!(
        hammerwork.iter().zip(1..).all(|(name, n)| name.starts_with(&format!("{n:03}_"))),
        "{hammerwork:?}"
    );
    assert!(
        !lock.contains(".postgres") && !lock.contains(".mysql"),
        "the dialect is no part of a name:\n{lock}"
    );
}

/// Both texts of a hammerwork migration are one entry, and only PostgreSQL's runs.
#[test]
fn texts_for_other_databases_do_not_run() {
    let Some(db) = Db::postgres() else { return };
    let project = cargo_project("m2", "modules: { enable: { hammerwork: { path: src/migrations } } }\n");
    project.run(&db, &["migrate"]).ok().says("21 migrations committed");
    let source = crate::support::crates::source(&project, "hammerwork").join("src/migrations");
    let hash = |path: &std::path::Path| {
        db_migrations::id::Checksum::of(std::fs::read_to_string(path).unwrap().as_bytes()).to_string()
    };
    for (id, row) in db
        .query("SELECT id FROM db_migrations ORDER BY id")
        .iter()
        .zip(db.query("SELECT checksum FROM db_migrations ORDER BY id"))
    {
        let name = id.split("::").nth(1).unwrap();
        assert_eq!(row, hash(&source.join(format!("{name}.postgres.sql"))), "{id}");
        assert!(source.join(format!("{name}.mysql.sql")).exists());
    }
    assert_eq!(db.query("SELECT DISTINCT dialect FROM db_migrations"), ["postgres"]);
}
