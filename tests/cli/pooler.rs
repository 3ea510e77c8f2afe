//! Through PgBouncer in transaction mode: a run in one transaction is right, one that splits is refused with the
//! way out, and no setting of ours reaches whoever gets the server process next.

use crate::common::{POSTS, TAGS_FILE, USERS, base, ran};
use crate::support::database::Db;
use crate::support::measured::measured;
use crate::support::pgbouncer::Pooler;
use crate::support::project::{Output, Running};

fn both() -> Option<(Pooler, Db)> {
    Some((Pooler::start(5)?, Db::postgres()?))
}

#[test]
fn a_run_in_one_transaction_is_right() {
    let Some((pooler, db)) = both() else { return };
    let url = pooler.url(&db);
    let project = base();
    project.run_at(&url, &["migrate"]).ok().says("2 migrations committed").says("schema check: passed");
    project.run_at(&url, &["migrate", "--locked"]).ok().says("nothing to do");
    project.run_at(&url, &["status"]).ok().says("2 applied");
    project.run_at(&url, &["rollback", "--yes"]);
    assert_eq!(ran(&db)[..1], [USERS]);
    // no guard is left in a server process that lives on
    let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'";
    assert_eq!(
        db.count(&format!(
            "{locks} AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )),
        0
    );
}

#[test]
fn no_setting_reaches_the_next_client() {
    let Some(db) = Db::postgres() else { return };
    let Some(pooler) = Pooler::start(1) else { return };
    let names = [
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
        "search_path",
        "role",
        "client_connection_check_interval",
    ];
    let ask = format!(
        "SELECT concat_ws(', ', {})",
        names.map(|name| format!("current_setting('{name}')")).join(", ")
    );
    let through = || db.query_at(&pooler.url(&db), &ask);
    let before = through();
    let project = base();
    project.write(
        TAGS_FILE,
        "SET search_path = pg_catalog; SET statement_timeout = 12345; CREATE TABLE public.tags (id int);\n",
    );
    project.run_at(&pooler.url(&db), &["migrate"]).ok();
    assert_eq!(through(), before);
}

#[test]
fn fifty_at_once() {
    let Some((pooler, db)) = both() else { return };
    let project = base();
    project.run(&db.another(), &["migrate"]).ok();
    let runs: Vec<Running> =
        (0..50).map(|_| project.spawn_at(&pooler.url(&db), &["migrate", "--locked"])).collect();
    let outputs: Vec<Output> = runs.into_iter().map(|run| run.wait().ok()).collect();
    assert_eq!(outputs.iter().filter(|output| output.stdout.contains("2 migrations committed")).count(), 1);
    assert_eq!(ran(&db), [USERS, POSTS]);
    assert_eq!(db.count("SELECT count(*) FROM db_migrations_run"), 1);
    measured("pooler::fifty_at_once", "50 processes: 1 applied, 49 had nothing to do");
}

#[test]
fn a_plan_that_splits_is_refused() {
    let Some((pooler, db)) = both() else { return };
    let project = base();
    project.write("db-migrations.yml", "cargo: off\npolicy: { allow-split: true }\n");
    project
        .write(TAGS_FILE, "-- db-migrations: no-transaction\nCREATE INDEX CONCURRENTLY i ON users (name);\n");
    // alone, and behind a group in a transaction; with a history and without
    let (begun, index) = (db.another(), project.read(TAGS_FILE));
    project.remove(TAGS_FILE);
    project.run(&begun, &["migrate"]).ok();
    project.write(TAGS_FILE, index);
    let output = project.run_at(&pooler.url(&begun), &["migrate"]).exits(7);
    output.says("a pooler in transaction mode").does_not_say("statements ran");
    assert_eq!(ran(&begun), [USERS, POSTS]);
    for round in 0..10 {
        let output = project.run_at(&pooler.url(&db), &["migrate"]).exits(7);
        output.says("a pooler in transaction mode").says("direct URL");
        assert_eq!(
            db.count("SELECT count(*) FROM pg_class WHERE relname IN ('users', 'i')"),
            0,
            "round {round}"
        );
    }
    // no false alarm
    project.run(&db, &["migrate"]).ok().says("3 migrations committed");
    measured(
        "pooler::a_plan_that_splits_is_refused",
        "10 of 10 refused; no false alarm on a direct connection",
    );
}
