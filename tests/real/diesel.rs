//! Two crates in diesel's layout. Both ship the setup that `diesel setup` writes into every project.

use crate::checks::{ids, migrate_and_prove, states};
use crate::counts::Counts;
use crate::m1::enabling;
use crate::support::crates::cargo_project;
use crate::support::database::Db;

#[test]
fn the_initial_setup_that_both_ship_runs_once() {
    let Some(db) = Db::postgres() else { return };
    let project = cargo_project("diesel", &enabling(&["backie", "fang"]));
    migrate_and_prove(&project, &db).says("3 migrations committed").says(
        "`fang::00000000000000_diesel_initial_setup` is a copy of `backie::00000000000000_diesel_initial_setup`",
    );
    let lock = project.lock();
    assert_eq!(
        ids(&lock),
        [
            "backie::00000000000000_diesel_initial_setup",
            "fang::00000000000000_diesel_initial_setup",
            "fang::2022-08-20-151615_create_fang_tasks",
            "backie::2023-03-06-151907_create_backie_tasks",
        ]
    );
    assert_eq!(states(&project, &db), "3 applied, 1 copy");
    // diesel_manage_updated_at and diesel_set_updated_at; a table each, and an enum of fang
    let counts = Counts::of(&db);
    assert_eq!((counts.functions, counts.tables, counts.types), (2, 2, 1), "{counts:?}");
}
