//! The run is committed, but the lock cannot be written: the truth is said, and the next run heals.

use crate::common::{Held, LOCK, TAGS, TAGS_FILE, base, history, locked, ran, running, snapshot, until};
use crate::support::database::{Db, each_database};
use crate::support::project::{Output, Project};

/// Runs a third migration, and does something while the run waits before its commit.
fn meanwhile(db: &Db, project: &Project, act: impl FnOnce()) -> Output {
    project.write("migrations/20240102500000_gate.sql", "CREATE TABLE gate (id int);\n");
    project.run(db, &["migrate"]).ok();
    if db.is_sqlite() {
        // a reader keeps the commit waiting
        project.write(TAGS_FILE, "CREATE TABLE tags (id int);\n");
        let mut reader = Held::open(db, "BEGIN; SELECT * FROM users");
        let run = project.spawn(db, &["migrate"]);
        let journal = format!("{}-journal", db.path().unwrap().display());
        until("the transaction", || std::fs::exists(&journal).unwrap());
        act();
        reader.execute("COMMIT");
        reader.close();
        return run.wait();
    }
    if db.is_mariadb() {
        // an open transaction keeps the change of its table waiting
        project.write(TAGS_FILE, "CREATE TABLE tags (id int);\nALTER TABLE gate ADD COLUMN more int;\n");
        let mut reader = Held::open(db, "START TRANSACTION; SELECT * FROM gate");
        let run = project.spawn(db, &["migrate"]);
        until("the waiting statement", || waiting_for_table(db));
        act();
        reader.execute("COMMIT");
        reader.close();
        return run.wait();
    }
    db.execute("INSERT INTO gate VALUES (1)");
    project.write(
        TAGS_FILE,
        "CREATE TABLE tags (id int);\n\
         DO $$ BEGIN WHILE EXISTS (SELECT FROM gate) LOOP PERFORM pg_sleep(0.02); END LOOP; END $$;\n",
    );
    let run = project.spawn(db, &["migrate"]);
    until("the waiting statement", || running(db, "EXISTS (SELECT FROM gate)"));
    act();
    db.execute("DELETE FROM gate");
    run.wait()
}

fn waiting_for_table(db: &Db) -> bool {
    let waiting = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = database() AND STATE LIKE 'Waiting for table%'";
    db.count(waiting) > 0
}

#[test]
fn a_lock_edited_during_the_run_is_not_overwritten() {
    each_database(|db| {
        let project = base();
        let output = meanwhile(db, &project, || {
            project.write(LOCK, format!("# a remark\n{}", project.lock()));
        });
        let output = output.exits(4).says("was edited while the run lasted").says("the run is committed");
        output.says("run `db-migrations migrate` again").does_not_say("rolled back");
        assert!(ran(db).contains(&TAGS.to_owned()), "what was said is true");
        assert!(!project.lock().contains(TAGS));
        let rows = history(db);
        project.run(db, &["migrate"]).ok().does_not_say("applied app::");
        assert!(project.lock().starts_with("# a remark\n"));
        assert_eq!(locked(&project).last().unwrap(), TAGS);
        assert_eq!(history(db), rows);
        project.run(db, &["migrate", "--locked"]).ok().says("nothing to do");
    });
}

#[test]
fn a_lock_that_became_a_symlink_is_not_replaced() {
    each_database(|db| {
        let project = base();
        let elsewhere = project.join("elsewhere.yml");
        let output = meanwhile(db, &project, || {
            std::fs::rename(project.join(LOCK), &elsewhere).unwrap();
            std::os::unix::fs::symlink(&elsewhere, project.join(LOCK)).unwrap();
        });
        output.exits(4).says("is a symlink").says("the run is committed");
        assert!(ran(db).contains(&TAGS.to_owned()));
        assert!(project.join(LOCK).is_symlink());
        project.run(db, &["migrate"]).exits(2).says("is a symlink");
        project.remove(LOCK);
        std::fs::rename(&elsewhere, project.join(LOCK)).unwrap();
        project.run(db, &["migrate"]).ok();
        assert_eq!(locked(&project).last().unwrap(), TAGS);
    });
}

#[test]
fn a_snapshot_that_cannot_be_written_leaves_the_lock_for_the_next_run() {
    each_database(|db| {
        let project = base();
        let name = snapshot(db);
        let output = meanwhile(db, &project, || {
            project.remove(&name);
            std::fs::create_dir(project.join(&name)).unwrap();
        });
        output.exits(4).says(&name).says("the run is committed");
        assert!(ran(db).contains(&TAGS.to_owned()));
        project.remove(&name);
        project.run(db, &["migrate"]).ok();
        assert_eq!(locked(&project).last().unwrap(), TAGS);
        project.run(&db.another(), &["migrate", "--locked"]).ok();
    });
}

#[test]
fn a_reader_that_never_ends_makes_sqlite_roll_back() {
    let db = Db::sqlite();
    let project = base();
    project.run(&db, &["migrate"]).ok();
    project.write(TAGS_FILE, "CREATE TABLE tags (id int);\n");
    let (tree, before) = (project.tree(), db.dump());
    let reader = Held::open(&db, "BEGIN; SELECT * FROM users");
    let output = project.run(&db, &["migrate"]).exits(3).says("locked").says("everything was rolled back");
    output.does_not_say("applied");
    reader.close();
    assert_eq!((project.tree(), db.dump()), (tree, before));
    project.run(&db, &["migrate"]).ok();
}
