//! Several runs at once: one applies, the others find nothing to do.

use std::io::Write;

use sha2::{Digest, Sha256};

use crate::common::{
    Held, POSTS, TAGS_FILE, USERS, bare, base, connected, locked, ran, sha256, snapshot, until,
};
use crate::support::database::{Db, each_database};
use crate::support::project::{Output, Project};

/// The guard of the default history table on PostgreSQL.
fn key() -> i64 {
    let digest = Sha256::digest(b"db-migrations:public.db_migrations");
    i64::from_be_bytes(digest[..8].try_into().unwrap())
}

/// SQL that takes the guard of the default history table on MariaDB, where its name is the server's.
fn get_lock(db: &Db) -> String {
    let database = db.query("SELECT database()").remove(0);
    let digest = sha256(&format!("db-migrations:{database}.db_migrations"));
    format!("SELECT GET_LOCK('db-migrations:{}', 0)", &digest[..32])
}

/// Somebody who holds the guard.
enum Guard {
    Connection(Held),
    Sqlite(std::fs::File),
}

impl Guard {
    fn hold(db: &Db) -> Self {
        let Some(path) = db.path() else {
            let postgres = format!("SELECT pg_advisory_lock({})", key());
            let sql = if db.is_mariadb() { get_lock(db) } else { postgres };
            return Self::Connection(Held::open(db, &sql));
        };
        let mut file = std::fs::File::create(format!("{}-guard", path.display())).unwrap();
        file.lock().unwrap();
        file.write_all(b"process 4242\n2026-01-01T00:00:00Z\n").unwrap();
        Self::Sqlite(file)
    }

    fn free(self) {
        match self {
            Self::Connection(held) => held.close(),
            Self::Sqlite(file) => file.unlock().unwrap(),
        }
    }
}

fn eight(db: &Db, projects: &[&Project]) -> Vec<Output> {
    let runs: Vec<_> = (0..8).map(|i| projects[i % projects.len()].spawn(db, &["migrate"])).collect();
    runs.into_iter().map(|run| run.wait().ok()).collect()
}

fn said(outputs: &[Output], text: &str) -> usize {
    outputs.iter().filter(|output| output.stdout.contains(text)).count()
}

#[test]
fn eight_machines_at_once() {
    each_database(|db| {
        let projects: Vec<Project> = (0..8).map(|_| base()).collect();
        let outputs = eight(db, &projects.iter().collect::<Vec<_>>());
        assert_eq!(said(&outputs, &format!("applied {USERS}")), 1, "{outputs:?}");
        assert_eq!(said(&outputs, &format!("applied {POSTS}")), 1);
        assert_eq!(ran(db), [USERS, POSTS]);
        for project in &projects {
            assert_eq!(locked(project), [USERS, POSTS]);
            assert_eq!(project.read(&snapshot(db)), projects[0].read(&snapshot(db)));
        }
    });
}

#[test]
fn eight_in_one_folder() {
    each_database(|db| {
        let project = base();
        let outputs = eight(db, &[&project]);
        assert_eq!(said(&outputs, &format!("applied {USERS}")), 1, "{outputs:?}");
        assert_eq!(ran(db), [USERS, POSTS]);
        assert_eq!(locked(&project), [USERS, POSTS]);
        project.run(db, &["migrate", "--locked"]).ok().says("nothing to do");
    });
}

#[test]
fn eight_locked_at_once() {
    each_database(|db| {
        let project = base();
        project.run(&db.another(), &["migrate"]).ok();
        let tree = project.tree();
        let runs: Vec<_> = (0..8).map(|_| project.spawn(db, &["migrate", "--locked"])).collect();
        let outputs: Vec<_> = runs.into_iter().map(|run| run.wait().ok()).collect();
        assert_eq!(said(&outputs, "2 migrations committed"), 1, "{outputs:?}");
        assert_eq!(said(&outputs, "nothing to do"), 7, "{outputs:?}");
        assert_eq!(db.count("SELECT count(*) FROM db_migrations_run"), 1);
        assert_eq!(project.tree(), tree);
    });
}

#[test]
fn the_wait_has_a_limit_and_names_the_holder() {
    each_database(|db| {
        let project = base();
        let guard = Guard::hold(db);
        let output = project.run(db, &["migrate", "--guard-wait", "1"]).exits(5);
        let output = output.says("another run still holds the guard after 1 s").says("--guard-wait");
        if db.is_sqlite() {
            output.says("held by process 4242 since 2026-01-01").says("kill 4242");
        } else if db.is_mariadb() {
            let id = db.query(
                "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = database() AND ID <> connection_id()",
            );
            output
                .says(&format!("held by connection {} of user root", id[0]))
                .says(&format!("KILL {};", id[0]));
        } else {
            let pid = db.query(&format!(
                "SELECT pid FROM pg_stat_activity WHERE query LIKE '%{}%' AND pid <> pg_backend_pid()",
                key()
            ));
            output.says(&format!("server process {} of user postgres", pid[0])).says("pg_terminate_backend");
        }
        assert!(db.is_empty(), "nothing ran");
        assert!(!project.exists("migrations-lock.yml"));
        let status = project.run(db, &["status"]).ok();
        status.says("guard: held by");
        guard.free();
        project.run(db, &["migrate", "--guard-wait", "0"]).ok().does_not_say("waiting");
        project.run(db, &["status"]).ok().does_not_say("guard: held by");
    });
}

#[test]
fn who_waited_goes_on() {
    each_database(|db| {
        let project = base();
        let guard = Guard::hold(db);
        let run = project.spawn(db, &["migrate"]);
        if db.is_sqlite() {
            // it makes the file before it asks for the guard
            until("the run connects", || db.path().unwrap().exists());
        } else {
            until("the run connects", || connected(db));
        }
        guard.free();
        run.wait().ok().says("2 migrations committed");
        assert_eq!(ran(db), [USERS, POSTS]);
    });
}

/// What came while the run waited must not pass for what the lock makes.
#[test]
fn a_schema_that_grew_during_the_wait_is_no_proof() {
    each_database(|db| {
        let project = base();
        let guard = Guard::hold(db);
        let mut run = project.spawn(db, &["migrate"]);
        wait_for_line(&mut run, "waiting up to");
        db.execute("CREATE TABLE stranger (id int)");
        guard.free();
        run.wait().ok();
        let snapshot = project.read(&snapshot(db));
        assert!(!snapshot.contains("stranger") || !snapshot.contains("proof: replay"), "{snapshot}");
    });
}

/// Reads standard error up to a line with this text.
fn wait_for_line(run: &mut crate::support::project::Running, text: &str) {
    use std::io::Read;
    let stderr = run.child.stderr.as_mut().unwrap();
    let (mut seen, mut byte) = (Vec::new(), [0]);
    while !(byte[0] == b'\n' && String::from_utf8_lossy(&seen).contains(text)) {
        assert_eq!(stderr.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&seen));
        seen.push(byte[0]);
    }
}

#[test]
fn another_machine_that_brings_other_migrations_meanwhile() {
    each_database(|db| {
        let ours = base();
        let theirs = bare().file("migrations/20240101000000_theirs.sql", "CREATE TABLE theirs (id int);\n");
        theirs.write("db-migrations.yml", "cargo: off\nnamespace: theirs\n");
        let runs = [ours.spawn(db, &["migrate"]), theirs.spawn(db, &["migrate"])];
        let [first, second] = runs.map(crate::support::project::Running::wait);
        first.ok().says("2 migrations committed");
        second.ok().says("1 migration committed");
        let mut all = ran(db);
        all.sort();
        assert_eq!(all, [USERS, POSTS, "theirs::20240101000000_theirs"]);
        for (project, foreign) in [(&ours, "theirs"), (&theirs, "users")] {
            let snapshot = project.read(&snapshot(db));
            assert!(!snapshot.contains(&format!("CREATE TABLE {foreign}")), "{snapshot}");
            assert!(!snapshot.contains(&format!("CREATE TABLE public.{foreign}")), "{snapshot}");
        }
    });
}

#[test]
fn an_application_that_writes_is_told_apart() {
    let db = Db::sqlite();
    let project = base();
    project.write("db-migrations.yml", "cargo: off\ndatabase: { lock-timeout: 1, lock-retries: 0 }\n");
    project.run(&db, &["migrate"]).ok();
    project.write(TAGS_FILE, "CREATE TABLE tags (id int);\n");
    let writer = Held::open(&db, "BEGIN IMMEDIATE");
    let output = project.run(&db, &["migrate"]);
    assert!(matches!(output.code, 5 | 7), "{output}");
    output.says("another program has a write transaction open").says("not a run of db-migrations");
    writer.close();
    assert_eq!(ran(&db), [USERS, POSTS]);
    project.run(&db, &["migrate"]).ok();
}

#[test]
fn looking_needs_no_guard() {
    each_database(|db| {
        let project = base();
        project.run(db, &["migrate"]).ok();
        let guard = Guard::hold(db);
        for args in [
            &["status"][..],
            &["plan"],
            &["schema", "check"],
            &["schema", "dump"],
            &["migrate", "--dry-run"],
            &["migrate", "--locked"],
        ] {
            project.run(db, args).ok();
        }
        guard.free();
    });
}
