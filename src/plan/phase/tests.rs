//! Which steps run in which phase, as one line each: `e1` expands, `c1:e1` is the contract of `e1`, `d1` catches up,
//! `e3<c1` depends on `c1`; `e1@r1` ran in release r1.

use std::slice::from_ref;

use super::*;
use crate::catalogue::Catalogue;
use crate::history::{Row, RowKind, Seen};
use crate::id::{Namespace, Version};
use crate::lock::{Document, merge};
use crate::migration::{Script, Scripts};
use crate::module::{Format, Module, Origin};

fn id(name: &str) -> MigrationId {
    format!("app::{name}").parse().unwrap()
}

/// `e1`, `c1:e1` (contract of e1), `c2:` (contract without a link), `e3<c1` (expand that depends on c1).
fn catalogue(words: &[&str]) -> Catalogue {
    let migration = |(n, word): (usize, &&str)| {
        let (name, linked) = word.split_once(':').map_or((*word, None), |(name, link)| (name, Some(link)));
        let (name, needed) = name.split_once('<').map_or((name, None), |(name, on)| (name, Some(on)));
        let up = Scripts { plain: Some(Script::new("UPDATE t SET a = 1;", name)), ..Scripts::default() };
        let mut migration = Migration::new(id(name), Version::Number(n.to_string()), up);
        migration.phase = if linked.is_some() { Phase::Contract } else { Phase::Expand };
        migration.contract_of = linked.filter(|link| !link.is_empty()).map(id).into_iter().collect();
        migration.depends_on = needed.map(id).into_iter().collect();
        migration.catch_up = name.starts_with('d');
        migration
    };
    let module = Module {
        namespace: Namespace::new("app").unwrap(),
        origin: Origin::Application,
        folder: "m".to_owned(),
        format: Format::Native,
        depends_on: std::collections::BTreeSet::new(),
        migrations: words.iter().enumerate().map(migration).collect(),
        checks: Vec::new(),
    };
    Catalogue::gather(vec![module]).unwrap()
}

/// `e1@r1` ran in release r1; `e1` in one that is not known; `e1!` was imported.
fn history(words: &[&str]) -> History {
    let mut releases = Vec::new();
    let row = |(n, word): (usize, &&str)| {
        let (name, release) = word.split_once('@').map_or((*word, None), |(name, at)| (name, Some(at)));
        let kind = if name.ends_with('!') { RowKind::Imported } else { RowKind::Applied };
        releases.extend(release.map(|release| (n.to_string(), release.to_owned())));
        Row {
            id: id(name.trim_end_matches('!')),
            checksum: None,
            dialect: None,
            kind,
            run: n.to_string(),
            position: i64::try_from(n).unwrap(),
            executed_at: String::new(),
            execution_ms: None,
        }
    };
    let rows = words.iter().enumerate().map(row).collect();
    let mut history = History::new(rows);
    history.set_releases(releases);
    history
}

/// What would run, what waits and what is refused, as one line.
fn planned(all: &[&str], ran: &[&str], phases: Phases, release: Option<&str>) -> String {
    told(&plan(all, ran, Deploy { phases, release, is_empty: false }, &Goal::Latest))
}

fn plan(all: &[&str], ran: &[&str], deploy: Deploy<'_>, goal: &Goal) -> Plan {
    plan_of(all, &history(ran), deploy, goal)
}

fn plan_of(all: &[&str], history: &History, deploy: Deploy<'_>, goal: &Goal) -> Plan {
    let catalogue = catalogue(all);
    let document = Document::parse("lock", "").unwrap();
    let lock = merge(document.lock(), &catalogue, None).unwrap().lock;
    let (modes, tables, engines) = Default::default();
    let at = Circumstances {
        dialect: Dialect::Sqlite,
        late: crate::config::Reaction::Warn,
        foreign_keys: &modes,
        referenced: &tables,
        apart: false,
        unrecoverable: &engines,
        deploy: Some(deploy),
    };
    Plan::toward(goal, &lock, &catalogue, history, &at).unwrap()
}

fn told(plan: &Plan) -> String {
    let names = |ids: Vec<&MigrationId>| ids.iter().map(|id| id.name()).collect::<Vec<_>>().join(" ");
    let waits = plan.left_out.iter().filter(|one| matches!(one.why, Why::Waits(_))).map(|one| &one.id);
    let again = plan.catch_ups.iter().map(|step| &step.id);
    let mut text = format!("runs {}", names(plan.steps().map(|step| &step.id).collect()));
    for (word, ids) in [("waits", waits.collect::<Vec<_>>()), ("again", again.collect())] {
        if !ids.is_empty() {
            text = format!("{text}, {word} {}", names(ids));
        }
    }
    for refusal in &plan.refusals {
        text = format!("{text}, refused: {}", refusal.message);
    }
    text
}

const PAIR: [&str; 2] = ["e1", "c1:e1"];

#[test]
fn a_contract_step_waits_for_the_next_release() {
    assert_eq!(planned(&PAIR, &[], Phases::All, Some("r1")), "runs e1, waits c1");
    assert_eq!(planned(&PAIR, &["e1@r1"], Phases::All, Some("r1")), "runs , waits c1");
    assert_eq!(planned(&PAIR, &["e1@r1"], Phases::All, Some("r2")), "runs c1");
    assert_eq!(planned(&PAIR, &["e1@r1"], Phases::Expand, Some("r2")), "runs , waits c1");
    assert_eq!(planned(&PAIR, &["e1@r1"], Phases::Contract, Some("r2")), "runs c1");
}

#[test]
fn what_must_wait_is_refused_where_it_is_asked_for() {
    let early = "refused: `app::c1` takes away what code before it may still use";
    assert_eq!(planned(&PAIR, &["e1@r1"], Phases::Contract, Some("r1")), format!("runs c1, {early}"));
    let pending =
        "refused: 1 expand step is pending, first `app::e1`: the contract phase comes after all of them";
    assert_eq!(planned(&PAIR, &[], Phases::Contract, Some("r1")), format!("runs c1, {pending}, {early}"));
    let deploy = Deploy { phases: Phases::Expand, release: Some("r1"), is_empty: false };
    let by_name = |ran| told(&plan(&PAIR, ran, deploy, &Goal::Execute(vec!["c1".to_owned()], Way::Up)));
    assert_eq!(by_name(&["e1@r1"]), format!("runs c1, {early}"));
    assert_eq!(by_name(&["e1@r0"]), "runs c1", "what is named runs in any phase");
}

#[test]
fn a_release_that_nobody_knows_waits_until_it_is_asked_for() {
    let deploy = Deploy { phases: Phases::Contract, release: None, is_empty: false };
    for (ran, release) in [("e1", Some("r1")), ("e1@r1", None), ("e1", None)] {
        assert_eq!(planned(&PAIR, &[ran], Phases::All, release), "runs , waits c1", "{ran} {release:?}");
        let plan = plan(&PAIR, &[ran], Deploy { release, ..deploy }, &Goal::Latest);
        assert_eq!(told(&plan), "runs c1", "{ran} {release:?}");
        assert!(plan.notes[0].contains("whether that was another release is not known"), "{:?}", plan.notes);
    }
    assert_eq!(planned(&PAIR, &["e1!@r1"], Phases::All, Some("r1")), "runs c1", "imported");
}

#[test]
fn on_an_empty_database_all_runs_in_order() {
    for phases in [Phases::All, Phases::Expand, Phases::Contract] {
        let deploy = Deploy { phases, release: Some("r1"), is_empty: true };
        let plan = plan(&["e1", "c1:e1", "e2"], &[], deploy, &Goal::Latest);
        assert_eq!(told(&plan), "runs e1 c1 e2", "{phases:?}");
        assert_eq!(plan.notes.len(), usize::from(phases != Phases::All));
    }
}

#[test]
fn contract_steps_keep_their_order_and_are_not_late() {
    let all = ["e1", "c1:e1", "e2", "c2:", "c3:e2"];
    assert_eq!(planned(&all, &["e2@r0"], Phases::All, Some("r1")), "runs e1, waits c1 c2 c3");
    let deploy = Deploy { phases: Phases::All, release: Some("r2"), is_empty: false };
    let plan = plan(&all, &["e1@r1", "e2@r1"], deploy, &Goal::Latest);
    assert_eq!(told(&plan), "runs c1 c2 c3");
    assert!(plan.steps().all(|step| !step.late) && plan.warnings.is_empty(), "{:?}", plan.warnings);
    let late = self::plan(&all, &["e1@r1", "e2@r1", "c2@r1"], deploy, &Goal::Latest);
    assert_eq!(late.steps().map(|step| step.late).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn an_expand_step_that_needs_a_waiting_one_is_refused_until_that_has_run() {
    let all = ["e1", "c1:e1", "e3<c1"];
    let refused = "refused: `app::e3` cannot run before `app::c1`, on which it depends";
    assert_eq!(planned(&all, &[], Phases::All, Some("r1")), format!("runs e1, waits c1, {refused}"));
    assert_eq!(planned(&all, &["e1@r1"], Phases::Contract, Some("r2")), "runs c1");
    assert_eq!(planned(&all, &["e1@r1"], Phases::All, Some("r2")), "runs c1 e3");
    assert_eq!(planned(&all, &["e1@r1", "c1@r2"], Phases::Expand, Some("r2")), "runs e3");
}

#[test]
fn data_steps_run_again_before_the_contract_step_they_belong_to() {
    let all = ["e1", "d1<e1", "d2", "c1:e1", "c2:d2"];
    let ran = ["e1@r1", "d1@r1", "d2@r1"];
    assert_eq!(planned(&all, &ran, Phases::Contract, Some("r2")), "runs c1 c2, again d1 d2");
    let ran = ["e1@r1", "d1@r1", "d2@r1", "c1@r2"];
    assert_eq!(planned(&all, &ran, Phases::All, Some("r3")), "runs c2, again d2");
    assert_eq!(planned(&all, &["e1@r1"], Phases::Expand, Some("r1")), "runs d1 d2, waits c1 c2");
}

#[test]
fn a_contract_that_has_begun_was_caught_up_before() {
    let all = ["e1", "d1<e1", "c1:e1", "c2:e1"];
    assert_eq!(planned(&all, &["e1@r1", "d1@r1"], Phases::All, Some("r2")), "runs c1 c2, again d1");
    assert_eq!(planned(&all, &["e1@r1", "d1@r1", "c1@r2"], Phases::All, Some("r2")), "runs c2");
}

#[test]
fn a_target_that_waits_is_as_far_as_the_phase_allows() {
    let all = ["e1", "e2", "c1:e1", "e3"];
    let to = |ran: &[&str], phases, release| {
        let target = Goal::Target(crate::plan::Target::Named("c1".to_owned()));
        told(&plan(&all, ran, Deploy { phases, release: Some(release), is_empty: false }, &target))
    };
    assert_eq!(to(&["e1@r1"], Phases::All, "r1"), "runs e2, waits c1");
    assert_eq!(to(&["e1@r1", "e2@r1", "e3@r1"], Phases::Expand, "r2"), "runs , waits c1", "e3 stays");
    assert_eq!(to(&["e1@r1", "e2@r1"], Phases::All, "r2"), "runs c1");
}

#[test]
fn a_contract_step_that_nothing_keeps_waiting_is_named() {
    let notes = |all: &[&str], phases, is_empty| {
        plan(all, &["e1@r1"], Deploy { phases, release: Some("r2"), is_empty }, &Goal::Latest).notes
    };
    let told = notes(&["e1", "c1:"], Phases::All, false);
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("the contract step `app::c1` runs in this release"), "{told:?}");
    let told = notes(&["e1", "c1:", "c2:"], Phases::All, false);
    assert!(told.len() == 1 && told[0].starts_with("2 contract steps run"), "{told:?}");
    assert!(notes(&["e1", "c1:e1"], Phases::All, false).is_empty());
    assert!(notes(&["e1", "c1:"], Phases::Contract, false).is_empty(), "that is what was asked for");
    assert!(notes(&["e1", "c1:"], Phases::All, true).is_empty());
}

/// A run of a release, before which the rows of these positions were not known to it.
fn seen(run: &str, release: &str, lacks: &str) -> Seen {
    Seen { run: run.to_owned(), release: Some(release.to_owned()), lacks: lacks.parse().unwrap() }
}

#[test]
fn a_release_without_the_expand_step_makes_its_contract_wait_for_another_one() {
    let with = |runs: &[Seen], phases, release: &str| {
        let mut history = history(&["e1@r1"]); // position 0, run `0`
        history.set_seen(runs.to_vec());
        told(&plan_of(
            &PAIR,
            &history,
            Deploy { phases, release: Some(release), is_empty: false },
            &Goal::Latest,
        ))
    };
    let all = |runs: &[Seen], release: &str| with(runs, Phases::All, release);
    let back = seen("x", "r0", "0");
    assert_eq!(all(&[], "r2"), "runs c1");
    assert_eq!(all(from_ref(&back), "r2"), "runs , waits c1");
    assert!(with(from_ref(&back), Phases::Contract, "r2").contains("refused: `app::c1` takes away"));
    let again = [back.clone(), seen("y", "r2", "")];
    assert_eq!((all(&again, "r2").as_str(), all(&again, "r3").as_str()), ("runs , waits c1", "runs c1"));
    let twice = [back.clone(), seen("y", "r2", ""), seen("z", "r0", "0")];
    assert_eq!(all(&twice, "r3"), "runs , waits c1");
    assert_eq!(all(&[seen("x", "r0", "7")], "r2"), "runs c1", "it lacks something else");
    assert_eq!(all(&[back, seen("0", "r1", "")], "r2"), "runs c1", "it ran after that");
}
