//! A run that is tried again replays the lock once: a replay takes longer than most runs.

use sqlx::{Connection, PgConnection};

use crate::scene::{has_reached, start};
use crate::support::database::Db;
use crate::support::project::Project;

#[test]
fn a_replay_serves_all_tries() {
    let Some(db) = Db::postgres() else { return };
    let project = Project::with_config("cargo: off\ndatabase: { lock-timeout: 1 }\n");
    project.write("migrations/20240101000000_users.sql", "CREATE TABLE users (id int);\n");
    project.run(&db, &["migrate"]).ok();
    project.write("migrations/20240102000000_name.sql", "ALTER TABLE users ADD name text;\n");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let holder = runtime.block_on(async {
        let mut holder = PgConnection::connect(db.url()).await.unwrap();
        sqlx::raw_sql("BEGIN; LOCK TABLE users").execute(&mut holder).await.unwrap();
        holder
    });
    // no moment has this name: nothing is injected, what is reached is noted
    let mut run = start(&project, &db, "nothing:sleep");
    run.wait_for_line("tried again in");
    runtime.block_on(holder.close()).unwrap();
    run.wait().ok().says("1 migration committed").says("schema check: passed");
    assert!(has_reached(&project, "run.planned", 2), "it was tried again");
    assert!(has_reached(&project, "replay.begin", 1) && !has_reached(&project, "replay.begin", 2));
}
