//! The harness itself.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::database::{Db, each_database};
use crate::support::postgres::server;
use crate::support::project::Project;

#[test]
fn databases_are_empty_and_dumps_tell_everything() {
    each_database(|db| {
        assert!(db.is_empty());
        let before = db.dump();
        db.execute("CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, NULL), (2, 'x''y')");
        assert!(!db.is_empty());
        let with_rows = db.dump();
        assert!(with_rows.contains("x'") || with_rows.contains("x\\'"), "{with_rows}");
        assert_eq!(db.query("SELECT a FROM t ORDER BY a"), ["1", "2"]);
        assert_eq!(db.query("SELECT b FROM t ORDER BY a"), ["NULL", "x'y"]);
        db.execute("DELETE FROM t WHERE a = 1");
        assert_ne!(db.dump(), with_rows);
        db.execute("DROP TABLE t");
        assert!(db.is_empty());
        assert_eq!(db.dump(), before);
        assert!(db.another().is_empty());
    });
}

#[test]
fn the_program_runs_in_a_project() {
    each_database(|db| {
        let project = Project::with_config("cargo: off\n")
            .file("migrations/20240101000000_a.sql", "CREATE TABLE t (a int);\n");
        let output = project.run(db, &["migrate"]).ok().says("app::20240101000000_a");
        println!("{}", output.transcript(&project, Some(db)));
        assert_eq!(db.count("SELECT count(*) FROM t"), 0);
        project.run(db, &["migrate", "--locked"]).ok().says("nothing to do");
        let child = project.spawn(db, &["status", "--format", "json"]);
        assert!(child.wait().ok().json().is_object());
        let child = project.spawn(db, &["status"]);
        assert!(matches!(child.kill().code, -1 | 0));
    });
    drop(Db::sqlite());
}

/// A process that is killed cannot clean up behind itself.
#[test]
fn nothing_is_left_of_the_server_of_a_killed_process() {
    if server().is_none_or(|server| server.folder.is_none()) {
        return;
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "harness::starts_a_server_and_waits"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut stdout = child.stdout.take().unwrap();
    let mut byte = [0];
    while !said.contains(">>") && stdout.read(&mut byte).unwrap() == 1 {
        said.push(byte[0].into());
    }
    let folder = PathBuf::from(said.split("<<").nth(1).unwrap().trim_end_matches(">>"));
    assert!(folder.join("data/postmaster.pid").exists());
    child.kill().unwrap();
    child.wait().unwrap();
    let start = Instant::now();
    while folder.exists() {
        assert!(start.elapsed() < Duration::from_secs(10), "{} is still there", folder.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
#[ignore = "a part of the test above, which runs it in a process of its own"]
fn starts_a_server_and_waits() {
    let folder = server().unwrap().folder.as_ref().unwrap();
    println!("<<{}>>", folder.display());
    std::thread::sleep(Duration::from_secs(20));
}
