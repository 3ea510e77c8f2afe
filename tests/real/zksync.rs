//! One crate with 259 migrations: sqlx's reversible layout with one bare file among them, a down
//! script without its up script, and versions of 14 to 20 digits.

use crate::checks::{ids, migrate_and_prove, states};
use crate::counts::Counts;
use crate::m1::enabling;
use crate::support::crates::cargo_project;
use crate::support::database::Db;

#[test]
fn two_hundred_fifty_nine_migrations_are_one_run() {
    let Some(db) = Db::postgres() else { return };
    let project = cargo_project("zksync", &enabling(&["zksync_dal"]));
    let output = migrate_and_prove(&project, &db)
        .says("259 migrations committed")
        .says("20240325133100_add_tee_verifier_input_producer_jobs_table.down.sql");
    assert_eq!(output.stderr.matches("warning:").count(), 1, "{output}");
    let expected = Counts { tables: 44, indexes: 99, types: 4, ..Counts::of(&db) };
    assert_eq!(Counts::of(&db), expected);
    assert_eq!(ids(&project.lock()).len(), 259);
    assert_eq!(states(&project, &db), "259 applied");
    assert_eq!(db.query("SELECT count(DISTINCT run) FROM db_migrations"), ["1"]);
}
