//! `repair`: rows that do not fit, listed with the ways out, and mended after a question.

use std::process::{Command, Stdio};

use crate::common::{LOCK, POSTS, TAGS, USERS, add_tags, base, ran};
use crate::support::database::{Db, each_database};
use crate::support::project::Project;

fn whole(db: &Db) -> Project {
    let project = base();
    add_tags(&project);
    project.run(db, &["migrate"]).ok();
    project.run(db, &["repair"]).ok().says("nothing to repair: all that has run fits");
    project
}

#[test]
fn a_text_that_was_accepted_elsewhere_is_accepted_here() {
    each_database(|db| {
        let project = whole(db);
        project.edit("migrations/20240103000000_tags.sql", "name text", "name  text");
        let output = project.run(db, &["repair"]).exits(1);
        output.says("its file was edited after it was locked").says("lock --accept");
        project.run(db, &["repair", "--accept", TAGS, "--yes"]).exits(7).says("is edited, which `--accept`");
        project.run_alone(&["lock", "--accept", TAGS]).ok();
        let json = project.run(db, &["repair", "--format", "json"]).exits(1).json();
        assert_eq!(
            (json["misfits"][0]["kind"].as_str(), json["misfits"][0]["id"].as_str()),
            (Some("other-text"), Some(TAGS))
        );
        let before = db.query("SELECT checksum FROM db_migrations ORDER BY position");
        project.run(db, &["repair", "--accept"]).exits(2).says("add `--yes`");
        assert_eq!(db.query("SELECT checksum FROM db_migrations ORDER BY position"), before);
        project.run(db, &["repair", "--accept", "--yes"]).ok().says(&format!("accepted {TAGS}"));
        project.run(db, &["repair"]).ok().says("nothing to repair");
        project.run(db, &["repair", "--accept"]).ok().says("nothing to mend in this way");
        assert_eq!(ran(db), [USERS, POSTS, TAGS]);
        let reason = "SELECT count(*) FROM db_migrations_run WHERE reason = 'repair --accept'";
        assert_eq!(db.count(reason), 1);
    });
}

#[test]
fn rows_whose_files_are_gone_are_forgotten() {
    each_database(|db| {
        let project = whole(db);
        project.remove("migrations/20240103000000_tags.sql");
        project.run(db, &["repair"]).exits(1).says("its file is gone").says("lock --prune");
        project.run_alone(&["lock", "--prune"]).ok();
        project.run(db, &["repair"]).exits(1).says("is neither locked nor found");
        let near = project.run(db, &["repair", "--forget", "app::20240103000000_tag", "--yes"]).exits(7);
        near.says(&format!("did you mean `{TAGS}`?"));
        project.run(db, &["repair", "--forget", USERS, "--yes"]).exits(7).says("fits");
        assert_eq!(ran(db), [USERS, POSTS, TAGS]);
        project.run(db, &["repair", "--forget", TAGS, "--yes"]).ok();
        assert_eq!(ran(db), [USERS, POSTS]);
        assert_eq!(db.count("SELECT count(*) FROM tags"), 0, "what it made stays");
        project.run(db, &["repair"]).ok();
        project.run(db, &["repair", "--forget", "--accept"]).exits(2);
    });
}

#[test]
fn half_applied_ones_are_shown_although_the_lock_cannot_be_read() {
    each_database(|db| {
        let project = base();
        project.write(
            "migrations/3_c.sql",
            "-- db-migrations: no-transaction\nCREATE TABLE c (id integer);\nSELECT * FROM nowhere;\n",
        );
        project.run(db, &["migrate", "--allow-split", "--rehearsal", "off"]).exits(4);
        let consent = if db.is_mariadb() { "" } else { " --allow-split" };
        let list = project.run(db, &["repair"]).exits(1);
        list.says("app::3_c: it stopped after 1 statement")
            .says(&format!("`db-migrations migrate{consent}`: it goes on at statement 2"));
        project.edit("migrations/3_c.sql", "c (id", "c  (id");
        let list = project.run(db, &["repair"]).exits(1);
        list.says("that part was edited since").does_not_say("it goes on at statement 2");
        project.write(LOCK, "app::3_c: [\n");
        project.run(db, &["repair"]).exits(1).says("app::3_c: it stopped after 1 statement");
    });
}

/// At a terminal the question is asked, and the answer counts.
#[test]
fn a_person_is_asked_at_a_terminal() {
    let db = Db::sqlite();
    let project = whole(&db);
    project.remove("migrations/20240103000000_tags.sql");
    project.run_alone(&["lock", "--prune"]).ok();
    let answer = |key: &str| {
        let line = format!("{} repair --forget", env!("CARGO_BIN_EXE_db-migrations"));
        // `script` gives the program a terminal, and passes on what comes through the pipe
        let mut child = Command::new("script")
            .args(["-qec", &line, "/dev/null"])
            .current_dir(project.path())
            .env("DATABASE_URL", db.url())
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // what is typed before the question is there may get lost
        std::thread::sleep(std::time::Duration::from_millis(700));
        std::io::Write::write_all(child.stdin.as_mut().unwrap(), key.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, said) = answer("n");
    assert!(code == Some(9) && said.contains("nothing was changed"), "{code:?} {said}");
    assert_eq!(ran(&db).len(), 3);
    let (code, said) = answer("y");
    assert!(code == Some(0) && said.contains(&format!("forgot {TAGS}")), "{code:?} {said}");
    assert_eq!(ran(&db).len(), 2);
}
