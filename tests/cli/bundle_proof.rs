//! A bundle on trial: its snapshot against a replay, and who brings what in it.

use crate::bundle::{FILE, from_bundle, moved};
use crate::common::{base, snapshot};
use crate::support::database::{Db, each_database};
use crate::support::project::{Output, Project};

const PROVE: [&str; 3] = ["lock", "--check", "--replay"];

/// A bundle with another schema in its snapshot than its lock makes; the snapshot's header fits.
fn lying(db: &Db) -> Project {
    let project = base();
    project.run(db, &["migrate"]).ok();
    let text = project.read(&snapshot(db));
    let lied = text.lines().map(|line| {
        let definition = !line.starts_with("--");
        if definition { line.replace("posts_user", "posts_of") } else { line.to_owned() }
    });
    let lied = lied.collect::<Vec<_>>().join("\n") + "\n";
    assert_ne!(lied, text);
    project.write(&snapshot(db), lied);
    moved(&project)
}

#[test]
fn a_replay_proves_the_bundled_snapshot() {
    each_database(|db| {
        let project = base();
        project.run(db, &["migrate"]).ok();
        let (place, before) = (moved(&project), db.dump());
        from_bundle(&place, db.url(), &PROVE).ok().says("replaying 2 migrations").says("up to date");
        assert_eq!(db.dump(), before);
    });
}

#[test]
fn it_finds_a_snapshot_that_the_lock_does_not_make() {
    each_database(|db| {
        let place = lying(db);
        from_bundle(&place, db.url(), &["lock", "--check"]).ok();
        let (tree, before) = (place.tree(), db.dump());
        from_bundle(&place, db.url(), &PROVE)
            .exits(1)
            .says(&format!("`{}` is not what a replay of the lock makes", snapshot(db)))
            .says("make the bundle anew");
        assert_eq!((place.tree(), db.dump()), (tree, before));
        // and a run from it is stopped by the check, on MariaDB in the rehearsal
        let other = db.another();
        from_bundle(&place, other.url(), &["migrate"]).exits(3).says("posts_of");
        assert!(other.is_empty());
    });
}

#[test]
fn the_scratch_url_alone_is_enough() {
    for db in [Db::postgres(), Db::mariadb()].into_iter().flatten() {
        let project = base();
        project.run(&db, &["migrate"]).ok();
        let place = moved(&project);
        let args = [&PROVE[..], &["--bundle", FILE]].concat();
        place.run_alone(&args).exits(2).says("set `DB_MIGRATIONS_SCRATCH_URL`");
        let mut command = place.command(&args);
        let proved = Output::of(command.env("DB_MIGRATIONS_SCRATCH_URL", db.url()), &args);
        proved.ok().says("replaying 2 migrations");
        place.write(".env", format!("DB_MIGRATIONS_SCRATCH_URL={}\n", db.url()));
        place.run_alone(&args).ok().says("replaying 2 migrations");
    }
}

#[test]
fn it_lists_its_modules() {
    let project = base().file("plugins/tags/20240401000000_tags.sql", "CREATE TABLE tags (id int);\n");
    project.write("db-migrations.yml", "cargo: off\nmodules: { paths: [\"plugins/*\"] }\n");
    project.run(&Db::sqlite(), &["migrate"]).ok();
    let listed = project.run_alone(&["modules"]).ok();
    let place = moved(&project);
    let args = ["modules", "--bundle", FILE];
    assert_eq!(place.run_alone(&args).ok().stdout, listed.stdout);
    let json = place.run_alone(&[&args[..], &["--format", "json"]].concat()).ok().json();
    assert_eq!(json["modules"][1]["folder"], "plugins/tags");
    place.run_alone(&["modules", "--bundle", FILE, "disable", "tags"]).exits(2).says("cannot be used");
}

#[test]
fn it_undoes_and_executes_what_is_in_it() {
    each_database(|db| {
        let project = crate::common::bare()
            .file("migrations/20240101000000_a.up.sql", "CREATE TABLE a (id int);\n")
            .file("migrations/20240101000000_a.down.sql", "DROP TABLE a;\n");
        project.run(&db.another(), &["migrate"]).ok();
        let place = moved(&project);
        from_bundle(&place, db.url(), &["migrate"]).ok();
        let tree = place.tree();
        from_bundle(&place, db.url(), &["rollback", "--yes"]).ok();
        from_bundle(&place, db.url(), &["status"]).ok().says("1 pending");
        from_bundle(&place, db.url(), &["execute", "a"]).ok();
        from_bundle(&place, db.url(), &["status"]).ok().says("1 applied");
        assert_eq!(place.tree(), tree);
    });
}
