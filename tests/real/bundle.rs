//! Published crates from a bundle: where it runs there are no sources, no configuration and no Cargo.

use crate::checks::HISTORY;
use crate::m1::{self, enabling};
use crate::m3;
use crate::support::crates::{cargo_project, source};
use crate::support::database::Db;
use crate::support::project::{Output, Project};

const FILE: &str = "app.bundle";

/// The same project run from its folder, and from nothing but its bundle.
fn runs_from_a_bundle_alone(fixture: &str, crates: &[&str], db: &Db, counts: &str) {
    let project = cargo_project(fixture, &enabling(crates));
    project.run(db, &["migrate"]).ok().says("schema check: passed");
    project.run(db, &["bundle", "-o", FILE]).ok();
    let place = Project::new().file(FILE, project.read(FILE));
    assert!(!place.read(FILE).contains(&project.path().display().to_string()));
    for name in crates {
        assert!(!place.read(FILE).contains(&source(&project, name).display().to_string()), "{name}");
    }
    drop(project);

    let other = db.another();
    let (tree, before) = (place.tree(), other.dump());
    from_bundle(&place, &other, &["plan", "--locked"]).ok();
    assert_eq!(other.dump(), before, "a plan writes nothing");
    from_bundle(&place, &other, &["migrate"]).ok().says("schema check: passed");
    assert_eq!(other.dump_schema(), db.dump_schema());
    assert_eq!(other.query(HISTORY), db.query(HISTORY));

    let after = other.dump();
    from_bundle(&place, &other, &["status"]).ok().says(counts);
    from_bundle(&place, &other, &["plan", "--locked"]).ok().says("nothing would run");
    from_bundle(&place, &other, &["lock", "--check"]).ok();
    from_bundle(&place, &other, &["lock", "--check", "--replay"]).ok();
    from_bundle(&place, &other, &["migrate"]).ok().says("nothing to do");
    // what ran from the folder is the same to the bundle
    from_bundle(&place, db, &["migrate"]).ok().says("nothing to do");
    assert_eq!(other.dump(), after);
    assert_eq!(place.tree(), tree, "nothing is written beside the database");
}

/// Runs with nothing on the path, and with no home that could hold sources of crates.
fn from_bundle(place: &Project, db: &Db, args: &[&str]) -> Output {
    let args = [args, &["--bundle", FILE]].concat();
    let mut command = place.command(&args);
    command.env("PATH", "").env_remove("HOME").env_remove("CARGO_HOME").env("DATABASE_URL", db.url());
    Output::of(&mut command, &args)
}

#[test]
fn five_crates_on_postgres() {
    let Some(db) = Db::postgres() else { return };
    runs_from_a_bundle_alone("m1", &m1::CRATES, &db, "32 applied, 2 copies");
}

#[test]
fn four_crates_on_sqlite() {
    let db = Db::sqlite();
    runs_from_a_bundle_alone("m3", &m3::CRATES, &db, "20 applied, 2 copies, 11 not-applicable");
}
