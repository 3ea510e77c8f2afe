//! Copies: a vendored migration runs once, in whichever module it is; and what is no copy runs.

use crate::common::{LOCK, bare, base, ran, states};
use crate::support::database::each_database;
use crate::support::project::Project;

/// Two plugins with the same migration.
pub(crate) fn copies() -> Project {
    let text = "CREATE TABLE jobs (id int);\n";
    base()
        .file("db-migrations.yml", "cargo: off\nmodules: { paths: [plugins/*] }\n")
        .file("plugins/one/migrations/20230101000000_jobs.sql", text)
        .file("plugins/two/migrations/20230101000000_make_jobs.sql", text)
        .file("plugins/two/migrations/20230102000000_own.sql", "CREATE TABLE own (id int);\n")
}

#[test]
fn copies_run_once() {
    each_database(|db| {
        let project = copies();
        project
            .run(db, &["migrate"])
            .ok()
            .says("`two::20230101000000_make_jobs` is a copy of `one::20230101000000_jobs`");
        let line =
            "two::20230101000000_make_jobs: { skip: true, same-as: one::20230101000000_jobs, checksum: ";
        assert!(project.lock().contains(line), "{}", project.lock());
        let copy = "two::20230101000000_make_jobs copy".to_owned();
        assert!(states(&project, db).contains(&copy));
        assert_eq!(ran(db).len(), 4);
        // without the original the copy must be decided
        project.remove("plugins/one");
        project
            .run(db, &["migrate"])
            .exits(7)
            .says("two::20230101000000_make_jobs")
            .says("same-as")
            .says("skip: false");
        let fresh = copies();
        fresh.run(db, &["lock"]).ok();
        fresh.edit(LOCK, "{ skip: true", "{ skip: false");
        let db = db.another();
        fresh.run(&db, &["migrate"]).exits(3).says("two::20230101000000_make_jobs` failed").says("jobs");
        assert!(db.is_empty());
    });
}

/// Nobody may lose a migration because it was a copy once.
#[test]
fn a_copy_that_became_another_migration_is_not_skipped_in_silence() {
    each_database(|db| {
        let project = copies();
        project.run_alone(&["lock"]).ok();
        project.write(
            "plugins/two/migrations/20230101000000_make_jobs.sql",
            "CREATE TABLE other_jobs (id int);\n",
        );
        project.run(db, &["migrate"]).exits(7).says("two::20230101000000_make_jobs` changed");
        let copy = "two::20230101000000_make_jobs";
        let accepted = project.run(db, &["lock", "--accept", copy]);
        let migrated = project.run(db, &["migrate"]);
        let told = [&accepted, &migrated].iter().any(|output| output.stderr.contains(copy));
        let created = migrated.code == 0 && ran(db).iter().any(|id| id == copy);
        assert!(told || created, "{accepted}{migrated}");
    });
}

#[test]
fn an_original_that_changed_does_not_stand_for_its_copy() {
    each_database(|db| {
        let project = copies();
        project.run_alone(&["lock"]).ok();
        let original = "one::20230101000000_jobs";
        project.write(
            "plugins/one/migrations/20230101000000_jobs.sql",
            "CREATE TABLE something_else (id int);\n",
        );
        let accepted = project.run(db, &["lock", "--accept", original]);
        let migrated = project.run(db, &["migrate"]);
        let told = [&accepted, &migrated]
            .iter()
            .any(|output| output.stderr.contains("two::20230101000000_make_jobs"));
        assert!(told, "{accepted}{migrated}");
    });
}

#[test]
fn files_without_a_statement_are_no_copies() {
    let project = bare()
        .file("db-migrations.yml", "cargo: off\nmodules: { paths: [plugins/*] }\n")
        .file("migrations/20240101000000_mine.sql", "")
        .file("plugins/one/migrations/20240101000000_theirs.sql", "");
    project.run_alone(&["lock"]).ok().does_not_say("copy");
}

#[test]
fn pruning_the_original_hands_over_to_the_copy() {
    each_database(|db| {
        let project = copies();
        project.run(db, &["migrate"]).ok();
        project.remove("plugins/one");
        project.run(db, &["lock", "--prune"]).ok();
        project.run(&db.another(), &["migrate"]).ok().says("applied two::20230101000000_make_jobs");
        // a database that ran the original has the table: the copy must not run there
        project.run(db, &["migrate"]).ok().does_not_say("applied two::");
    });
}
