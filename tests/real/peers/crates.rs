//! Published crates that have migrated their own tables: the crate's module takes them over, and nothing is
//! left to run. `mempill-postgres` embeds refinery 0.9, `fang` diesel's migrator.

use crate::checks::{nothing_is_left_to_do, schema};
use crate::m1::enabling;
use crate::support::crates::cargo_project;
use crate::support::database::Db;
use crate::support::project::{Output, Project};

use super::diesel::DIESEL;
use super::refinery::NARROW;
use super::{Tool, program, url};

/// The crate does what its users call it for.
fn migrates_itself(name: &str, db: &Db) {
    Output::of(program("crates").args([name, &url(db)]), &[name]).ok();
}

/// Its module has run as a whole.
fn is_taken_over(project: &Project, db: &Db, name: &str, tool: &Tool, count: usize) {
    let before = tool.rows(db);
    assert_eq!(before.len(), count);
    project.run(db, &["migrate"]).exits(7).says(&format!("import {} --module", tool.name));
    let said = format!("{count} recorded, 0 were recorded before");
    project.run(db, &["import", tool.name, "--module", name]).ok().says(&said);
    project.run(db, &["schema", "snapshot"]).ok();
    nothing_is_left_to_do(project, db);
    project.run(db, &["schema", "check"]).ok().says("schema check: passed");

    let dump = db.dump();
    migrates_itself(name, db);
    assert_eq!(db.dump(), dump, "its own migrator still has nothing to do");
    assert_eq!(tool.rows(db), before);

    let fresh = db.another();
    project.run(&fresh, &["migrate", "--locked"]).ok().says(&format!("{count} migration"));
    db.execute(&format!("DROP TABLE {}", tool.table));
    assert_eq!(schema(project, db), schema(project, &fresh));
    assert_eq!(db.dump_schema(), fresh.dump_schema());
}

#[test]
fn mempill_is_taken_over_from_refinery() {
    let Some(db) = Db::postgres() else { return };
    let project = cargo_project("peers", &enabling(&["mempill-postgres"]));
    migrates_itself("mempill-postgres", &db);
    is_taken_over(&project, &db, "mempill-postgres", &NARROW, 4);
}

/// Another version of the crate ran here than the one that is locked.
#[test]
fn mempill_with_another_text_is_refused() {
    let Some(db) = Db::postgres() else { return };
    let project = cargo_project("peers", &enabling(&["mempill-postgres"]));
    migrates_itself("mempill-postgres", &db);
    db.execute("UPDATE refinery_schema_history SET checksum = '8238603820526370208' WHERE version = 3");
    db.execute("INSERT INTO refinery_schema_history VALUES (5, 'later', '2026-01-01T00:00:00Z', '1')");
    let (dump, tree) = (db.dump(), project.tree());
    let output = project.run(&db, &["import", "refinery", "--module", "mempill-postgres"]).exits(7);
    output.says("version 3 (`add_date_granularity`)").says("another text").says(
        "version 5 (`later`) of `refinery_schema_history` has no migration in module `mempill-postgres`",
    );
    assert_eq!(db.dump(), dump);
    assert_eq!(project.tree(), tree);
}

#[test]
fn fang_is_taken_over_from_diesel() {
    let Some(postgres) = Db::postgres() else { return };
    for (db, count) in [(postgres, 2), (Db::sqlite(), 1)] {
        let path = format!("fang: {{ path: {}_migrations/migrations }}", db.dialect());
        let project = cargo_project("peers", &enabling(&["fang"]).replace("fang: {}", &path));
        migrates_itself("fang", &db);
        is_taken_over(&project, &db, "fang", &DIESEL, count);
    }
}
