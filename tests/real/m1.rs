//! Five crates on PostgreSQL. `cala-ledger` and `obix` carry byte-identical copies of the first
//! migration of `job`, on which they depend.

use crate::checks::{a_copy_cannot_run_twice, ids, migrate_and_prove, nothing_is_left_to_do, schema, states};
use crate::counts::{Counts, tables_in};
use crate::support::crates::cargo_project;
use crate::support::database::Db;
use crate::support::project::Project;

pub(crate) const CRATES: [&str; 5] = ["apalis-postgres", "cala-ledger", "job", "obix", "sqlxmq"];

/// A configuration that enables these crates, and nothing else.
pub(crate) fn enabling(crates: &[&str]) -> String {
    let lines = crates.iter().map(|name| format!("    {name}: {{}}\n"));
    format!("modules:\n  enable:\n{}", lines.collect::<String>())
}

fn migrations_of(lock: &str, module: &str) -> usize {
    ids(lock).iter().filter(|id| id.starts_with(&format!("{module}::"))).count()
}

#[test]
fn five_crates_run_as_one() {
    let Some(db) = Db::postgres() else { return };
    let project = cargo_project("m1", &enabling(&CRATES));
    let output = migrate_and_prove(&project, &db)
        .says("32 migrations committed")
        .says("`obix::20250904065521_job_setup` is a copy of `job::20250904065521_job_setup`")
        .says("`cala-ledger::20250904065521_job_setup` is a copy of `job::20250904065521_job_setup`");
    assert_eq!(output.stderr.matches("is a copy of").count(), 2, "{output}");
    assert_eq!(output.stdout.matches("applied ").count(), 32, "{output}");

    let expected = Counts { tables: 49, functions: 17, types: 6, indexes: 103, triggers: 3, sequences: 2 };
    assert_eq!(Counts::of(&db), expected);
    assert_eq!(tables_in(&db, "public"), 47);
    assert_eq!(tables_in(&db, "apalis"), 2);
    let extensions = db.query("SELECT extname FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1");
    assert_eq!(extensions, ["hstore", "pgcrypto", "uuid-ossp"]);

    let lock = project.lock();
    assert_eq!(ids(&lock).len(), 34);
    assert_eq!(CRATES.map(|module| migrations_of(&lock, module)), [23, 3, 1, 2, 5]);
    for copy in ["obix", "cala-ledger"] {
        let line = format!(
            "{copy}::20250904065521_job_setup: {{ skip: true, same-as: job::20250904065521_job_setup, checksum: 8c3493b0"
        );
        assert!(lock.contains(&line), "{lock}");
    }
    assert_eq!(states(&project, &db), "32 applied, 2 copies");

    a_copy_cannot_run_twice(
        &project,
        &db,
        "obix::20250904065521_job_setup",
        "relation \"jobs\" already exists",
    );
}

#[test]
fn the_order_is_by_time_across_crates() {
    let project = cargo_project("m1", &enabling(&CRATES));
    project.run_alone(&["lock"]).ok();
    let lock = project.lock();
    let versions: Vec<&str> =
        ids(&lock).iter().filter_map(|id| id.split("::").nth(1)?.split('_').next()).collect();
    assert!(versions.is_sorted(), "{versions:?}");
    let setups: Vec<&str> = ids(&lock).into_iter().filter(|id| id.ends_with("_job_setup")).collect();
    let of = |module: &str| format!("{module}::20250904065521_job_setup");
    assert_eq!(setups, [of("job"), of("obix"), of("cala-ledger")]);
}

#[test]
fn enabling_by_name_is_all_that_is_needed() {
    let project = cargo_project("m1", "");
    let listed = project.run_alone(&["modules"]).ok();
    assert_eq!(listed.stdout.matches("candidate").count(), 5, "{listed}");
    project.run_alone(&["lock"]).ok();
    assert!(!project.exists("migrations-lock.yml") || ids(&project.lock()).is_empty(), "consent is needed");
    for name in CRATES {
        project.run_alone(&["modules", "enable", name]).ok().says(&format!("+    {name}:"));
    }
    let listed = project.run_alone(&["modules"]).ok().does_not_say("candidate");
    for (name, version, count) in [
        ("apalis-postgres", "1.0.0", "23"),
        ("cala-ledger", "0.33.3", "3"),
        ("job", "0.19.2", "1"),
        ("obix", "0.16.0", "2"),
        ("sqlxmq", "0.6.0", "5"),
    ] {
        let line = listed.stdout.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
        assert!(line.contains(version) && line.contains(count) && line.contains("enabled"), "{line}");
    }
    project.run_alone(&["lock"]).ok();
    let by_hand = cargo_project("m1", &enabling(&CRATES));
    by_hand.run_alone(&["lock"]).ok();
    assert_eq!(project.lock(), by_hand.lock());
}

/// Some modules first, the others later: their older migrations come last, on every database.
#[test]
fn a_module_that_comes_later_runs_last_everywhere() {
    let Some(older) = Db::postgres() else { return };
    for (first, then) in [
        (&["apalis-postgres", "sqlxmq"][..], &["cala-ledger", "job", "obix"][..]),
        (&["cala-ledger", "job", "obix"], &["apalis-postgres", "sqlxmq"]),
    ] {
        let older = older.another();
        let project = cargo_project("m1", &enabling(first));
        project.run(&older, &["migrate"]).ok();
        let before = project.lock();
        let colleague = copy_of(&project);

        for project in [&project, &colleague] {
            project.write("db-migrations.yml", enabling(&CRATES));
        }
        project.run(&older, &["migrate"]).ok().does_not_say(" late").says("schema check: passed");
        let after = project.lock();
        assert!(after.starts_with(&before), "what was locked has moved:\n{after}");
        let added = ids(&after).split_off(ids(&before).len());
        assert!(added.iter().all(|id| then.contains(&id.split("::").next().unwrap())), "{added:?}");
        nothing_is_left_to_do(&project, &older);

        // a colleague with the old lock and an empty database comes to the same lock by himself
        let empty = older.another();
        colleague.run(&empty, &["migrate"]).ok();
        assert_eq!(colleague.lock(), after);

        let fresh = older.another();
        project.run(&fresh, &["migrate", "--locked"]).ok().says("32 migrations committed");
        assert_eq!(project.lock(), after);
        for db in [&empty, &fresh] {
            assert_eq!(schema(&project, db), schema(&project, &older));
            assert_eq!(db.dump_schema(), older.dump_schema());
        }
    }
}

/// The same project on another machine.
fn copy_of(project: &Project) -> Project {
    let copy = Project::new();
    for (path, text) in project.tree() {
        copy.write(&path, text);
    }
    copy
}
