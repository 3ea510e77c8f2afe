//! Kill -9 of our process, and of the server: the next plain `migrate` completes, without hand work, and
//! the end is that of an undisturbed run.
//!
//! `DB_MIGRATIONS_KILLS` and `DB_MIGRATIONS_SERVER_KILLS` say how many; by default 100 and 20.

use std::time::Duration;

use crate::common::{below, contents, project};
use crate::corpus::{MIGRATIONS, corpus};
use crate::support::database::Db;
use crate::support::mariadb::{self, Private};
use crate::support::measured::measured;
use crate::support::project::Project;
use crate::support::sha256;

fn how_many(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// What an undisturbed run makes.
fn undisturbed() -> Option<String> {
    let db = Db::mariadb()?;
    let project = corpus();
    project.run(&db, &["migrate"]).ok().says("10 migrations committed").says("schema check: passed");
    project.run(&db, &["migrate", "--locked"]).ok().says("nothing to do");
    Some(contents(db.url()))
}

/// The corpus with its lock and its snapshot: else each resumed run would begin with a replay.
fn prepared(scratch: &str) -> Project {
    let project = corpus();
    project.run_at(scratch, &["lock"]);
    project.run_at(scratch, &["schema", "snapshot"]).ok();
    project
}

#[test]
fn our_process_is_killed_at_random_moments() {
    let Some(expected) = undisturbed() else { return };
    let kills = how_many("DB_MIGRATIONS_KILLS", 100);
    let mut killed = 0;
    while killed < kills {
        let db = Db::mariadb().unwrap();
        let project = prepared(db.url());
        for patience in 1_u64.. {
            let mut run = project.spawn(&db, &["migrate"]);
            // longer and longer: what stands or falls together must get through once
            std::thread::sleep(Duration::from_micros(below(100_000 * patience)));
            if run.child.try_wait().unwrap().is_some() {
                run.wait().ok();
                break;
            }
            run.kill();
            killed += 1;
        }
        assert_whole(&project, db.url(), &expected);
    }
    measured("kills::our_process_is_killed_at_random_moments", &format!("{killed} kills, 0 bad"));
}

#[test]
fn the_server_is_killed_at_random_moments() {
    let Some(expected) = undisturbed() else { return };
    let Some(mut server) = Private::start() else { return };
    let kills = how_many("DB_MIGRATIONS_SERVER_KILLS", 20);
    let mut killed = 0;
    while killed < kills {
        let name = format!("test_{}", crate::support::random());
        mariadb::execute(&server.url("mysql"), &format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"))
            .unwrap();
        let (url, project) = (server.url(&name), prepared(&server.url(&name)));
        loop {
            let run = project.spawn_at(&url, &["migrate"]);
            std::thread::sleep(Duration::from_micros(40_000 + below(200_000)));
            server.kill9();
            killed += 1;
            let output = run.wait();
            server.restart();
            if output.code == 0 {
                break;
            }
            assert!([3, 4, 5, 6, 8].contains(&output.code), "{output}");
            let again = project.run_at(&url, &["status"]);
            assert_eq!(again.code, 0, "{again}");
            if killed >= kills {
                project.run_at(&url, &["migrate"]).ok();
                break;
            }
        }
        assert_whole(&project, &url, &expected);
    }
    measured("kills::the_server_is_killed_at_random_moments", &format!("{killed} kills, 0 bad"));
}

/// All of it has run, once, and a plain run has nothing to do.
#[track_caller]
fn assert_whole(project: &Project, url: &str, expected: &str) {
    project.run_at(url, &["migrate"]).ok();
    project.run_at(url, &["migrate", "--locked"]).ok().says("nothing to do");
    project.run_at(url, &["schema", "check"]).ok();
    let status = project.run_at(url, &["status"]).ok();
    assert!(status.stdout.contains(&format!("{} applied", MIGRATIONS.len())), "{status}");
    let found = contents(url);
    if found != expected {
        let diff = similar::TextDiff::from_lines(expected, &found);
        panic!("not what an undisturbed run makes:\n{}", diff.unified_diff().context_radius(2));
    }
}

/// A server that dies in `CREATE TABLE … PARTITION BY` leaves partitions without their table: here the
/// files are taken away as if it had.
#[test]
fn partitions_that_a_crash_left_are_not_in_the_way() {
    let Some(mut server) = Private::start() else { return };
    mariadb::execute(&server.url("mysql"), "CREATE DATABASE d CHARACTER SET utf8mb4").unwrap();
    let (url, name) = (server.url("d"), "20240101000000_parts");
    let create = "CREATE TABLE parts (y INT PRIMARY KEY) PARTITION BY RANGE (y) (PARTITION a VALUES LESS THAN (9), PARTITION b VALUES LESS THAN MAXVALUE)";
    let text = format!("CREATE TABLE before_it (x INT);\n{create};\n");
    let project = project(&[(name, &format!("{text}INSERT INTO nope VALUES (1);\n"))]);
    project.run_at(&url, &["migrate"]).exits(4);
    // the journal as it was while the second statement was at work: its fingerprint is that of no table
    let absent = format!("{:?} {}:{}:{}", "Table", "parts", 10, "error 1146").replace('"', "");
    let sql = format!(
        "DELETE FROM db_migrations_step WHERE n > 0; INSERT INTO db_migrations_step (id, n, started_at, prefix_hash, fingerprint) \
         VALUES ('app::{name}', 1, NOW(), '{}', '{}')",
        sha256(&format!("CREATE TABLE before_it (x INT);\n{create}")),
        sha256(&absent),
    );
    mariadb::execute(&url, &sql).unwrap();
    server.kill9();
    std::fs::remove_file(server.folder().join("data/d/parts.frm")).unwrap();
    server.restart();
    assert!(mariadb::execute(&url, create).is_err(), "the partitions are in the way");
    project.write(&crate::common::file(name), &text);
    project.run_at(&url, &["migrate"]).ok().says("statement 2 of `app::20240101000000_parts` was cut off");
    mariadb::execute(&url, "INSERT INTO parts VALUES (1), (10)").unwrap();
}
