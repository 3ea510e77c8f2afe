//! What each goal means on a small lock.

use super::*;
use crate::lock::Entry;

fn id(name: &str) -> MigrationId {
    format!("app::{name}").parse().unwrap()
}

fn ids(names: &str) -> Vec<MigrationId> {
    names.split_whitespace().map(id).collect()
}

/// Names that ran, each as `name/run`.
fn history(ran: &str) -> History {
    let row = |(position, word): (usize, &str)| {
        let (name, run) = word.split_once('/').unwrap_or((word, "r1"));
        Row {
            id: id(name),
            checksum: None,
            dialect: None,
            kind: if run.starts_with("import") { RowKind::Imported } else { RowKind::Applied },
            run: run.to_owned(),
            position: i64::try_from(position).unwrap() + 1,
            executed_at: String::new(),
            execution_ms: None,
        }
    };
    History::new(ran.split_whitespace().enumerate().map(row).collect())
}

/// What a goal means where the lock has `1_a 2_b 3_c 4_d`: `up …` or `down …`, or the error.
fn choose(ran: &str, goal: &Goal) -> String {
    let locked = ids("1_a 2_b 3_c 4_d");
    let history = history(ran);
    let pending: Vec<MigrationId> = locked.iter().filter(|id| !history.contains(id)).cloned().collect();
    let lock = Lock { entries: locked.into_iter().map(|id| (id, Entry::default())).collect() };
    let held = HashSet::new();
    let choice = Choice { lock: &lock, pending: &pending, held: &held, history: &history };
    let names = |way: &str, ids: &[MigrationId]| {
        ids.iter().fold(way.to_owned(), |text, id| format!("{text} {}", id.name()))
    };
    match choice.choose(goal) {
        Ok(Chosen::Up(ids)) => names("up", &ids),
        Ok(Chosen::Down(ids)) => names("down", &ids),
        Err(fault) => fault.message,
    }
}

fn target(ran: &str, target: &str) -> String {
    choose(ran, &Goal::Target(target.parse().unwrap()))
}

#[test]
fn a_target_is_a_state() {
    for (ran, wanted, chosen) in [
        ("1_a 2_b", "latest", "up 3_c 4_d"),
        ("1_a 2_b", "current", "up"),
        ("1_a 2_b", "next", "up 3_c"),
        ("1_a 2_b", "current+2", "up 3_c 4_d"),
        ("1_a 2_b", "current+3", "3 migrations were asked for, and only 2 are pending"),
        ("1_a 2_b 3_c 4_d", "next", "up"),
        ("1_a 2_b", "prev", "down 2_b"),
        ("1_a 2_b", "current-2", "down 2_b 1_a"),
        ("1_a 2_b", "current-3", "3 migrations were asked for, and only 2 are in the history"),
        ("", "prev", "down"),
        ("", "first", "down"),
        ("1_a 2_b", "0", "down 2_b 1_a"),
        ("1_a 2_b", "d", "up 3_c 4_d"),
        ("1_a 2_b", "1", "down 2_b"),
        ("1_a 2_b", "2_b", "up"),
        // Doctrine's own cases
        ("1_a 2_b", "3_c", "up 3_c"),
        ("2_b 3_c", "3_c", "up 1_a"),
        // the order of execution counts, not that of the lock
        ("3_c 1_a 2_b", "3_c", "down 2_b 1_a"),
        ("3_c 1_a 2_b", "prev", "down 2_b"),
    ] {
        assert_eq!(target(ran, wanted), chosen, "{ran} → {wanted}");
    }
    assert!("current+".parse::<Target>().is_err());
    assert!("current-x".parse::<Target>().is_err());
}

#[test]
fn what_is_not_locked_any_more_can_be_undone() {
    assert_eq!(target("1_a 9_gone", "1_a"), "down 9_gone");
    assert_eq!(target("1_a 9_gone", "9_gone"), "up");
}

#[test]
fn a_rollback_goes_back_by_runs_or_steps() {
    let ran = "1_a/r1 2_b/r2 3_c/r2";
    for (rollback, chosen) in [
        (Rollback::LastRun, "down 3_c 2_b"),
        (Rollback::Steps(1), "down 3_c"),
        (Rollback::To("a".to_owned()), "down 3_c 2_b"),
        (Rollback::To("4_d".to_owned()), "`app::4_d` has not run here"),
        (Rollback::Run("r1".to_owned()), "down 1_a"),
        (Rollback::Run("r".to_owned()), "`r` fits the runs r1 and r2"),
        (Rollback::Run("x".to_owned()), "no migration here was run by `x`"),
        (Rollback::Run(String::new()), "no migration here was run by ``"),
    ] {
        assert_eq!(choose(ran, &Goal::Rollback(rollback)), chosen);
    }
    assert_eq!(choose("", &Goal::Rollback(Rollback::LastRun)), "down");
    let imported = choose("1_a/import 2_b/import", &Goal::Rollback(Rollback::LastRun));
    assert_eq!(imported, "the last run ran nothing: it recorded 2 rows");
}

#[test]
fn single_migrations_go_in_the_order_that_fits_them() {
    let execute = |ran, names: &[&str], way| {
        choose(ran, &Goal::Execute(names.iter().map(|name| (*name).to_owned()).collect(), way))
    };
    assert_eq!(execute("1_a", &["4_d", "2_b"], Way::Up), "up 2_b 4_d");
    assert_eq!(execute("1_a", &["1_a"], Way::Up), "`app::1_a` has run here already");
    assert_eq!(execute("3_c 1_a 2_b", &["3_c", "1_a"], Way::Down), "down 1_a 3_c");
    assert_eq!(execute("1_a", &["2_b"], Way::Down), "`app::2_b` has not run here");
}
