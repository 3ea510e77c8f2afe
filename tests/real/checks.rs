//! What holds for every project, however its migrations look.

use crate::support::database::Db;
use crate::support::project::{Output, Project};

/// Runs everything on an empty database, then asserts what must hold afterwards.
pub(crate) fn migrate_and_prove(project: &Project, db: &Db) -> Output {
    let output = project.run(db, &["migrate"]).ok().says("schema check: passed");
    nothing_is_left_to_do(project, db);
    project.run(db, &["lock", "--check"]).ok();
    project.run(db, &["lock", "--check", "--replay"]).ok();
    project.run(db, &["schema", "check"]).ok().says("schema check: passed");
    a_second_database_becomes_the_same(project, db);
    output
}

/// No command changes anything any more.
pub(crate) fn nothing_is_left_to_do(project: &Project, db: &Db) {
    let (dump, tree) = (db.dump(), project.tree());
    for args in [&["migrate"][..], &["migrate", "--locked"], &["migrate", "--dry-run"]] {
        project.run(db, args).ok().says("nothing to do");
    }
    project.run(db, &["plan"]).ok().says("nothing would run");
    project.run(db, &["lock"]).ok();
    assert_eq!(db.dump(), dump);
    assert_eq!(project.tree(), tree);
}

/// The lock and the snapshot are all that is needed to make the same schema elsewhere.
pub(crate) fn a_second_database_becomes_the_same(project: &Project, db: &Db) {
    let tree = project.tree();
    let second = db.another();
    project.run(&second, &["migrate", "--locked"]).ok().says("schema check: passed");
    assert_eq!(project.tree(), tree);
    assert_eq!(schema(project, &second), schema(project, db));
    assert_eq!(second.dump_schema(), db.dump_schema());
    assert_eq!(second.query(HISTORY), db.query(HISTORY));
}

pub(crate) const HISTORY: &str =
    "SELECT concat_ws(' ', position, id, checksum, kind) FROM db_migrations ORDER BY position";

/// `schema dump`.
pub(crate) fn schema(project: &Project, db: &Db) -> String {
    project.run(db, &["schema", "dump"]).ok().stdout
}

/// With one copy not skipped any more, the run fails on it and nothing of it stays.
pub(crate) fn a_copy_cannot_run_twice(project: &Project, db: &Db, copy: &str, message: &str) {
    project.edit(
        "migrations-lock.yml",
        &format!("{copy}: {{ skip: true,"),
        &format!("{copy}: {{ skip: false,"),
    );
    let third = db.another();
    let (dump, tree) = (third.dump(), project.tree());
    project.run(&third, &["migrate"]).exits(3).says(message).says(copy).says("rolled back");
    assert_eq!(third.dump(), dump);
    assert!(third.is_empty());
    assert_eq!(project.tree(), tree);
    project.run(&third, &["migrate", "--locked"]).exits(7).says("schema snapshot");
    assert_eq!(third.dump(), dump);
}

/// The ids of the lock, in its order.
pub(crate) fn ids(lock: &str) -> Vec<&str> {
    lock.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| Some(line.split_once(": {")?.0))
        .collect()
}

/// How many migrations of each state `status` counts.
pub(crate) fn states(project: &Project, db: &Db) -> String {
    let output = project.run(db, &["status"]).ok();
    let words = ["applied", "pending", "copy", "not-applicable"];
    let counts = output.stdout.lines().rev().find(|line| {
        let mut parts = line.split([' ', ',']).filter(|part| !part.is_empty());
        parts.next().is_some_and(|n| n.parse::<u32>().is_ok())
            && parts.next().is_some_and(|word| words.contains(&word))
    });
    counts.unwrap_or_else(|| panic!("no counts in {output}")).to_owned()
}
