//! Merge: edges, sequential numbers, cycles, copies, and what locked entries have to say.

use db_migrations::catalogue::Catalogue;
use db_migrations::dialect::Dialect;
use db_migrations::history::History;
use db_migrations::lock::{Lock, Rule, merge};
use db_migrations::migration::Scripts;
use db_migrations::module::Module;

use crate::support::*;

fn fresh(ids: &str, depends: &[(&str, &[&str])]) -> String {
    order(&merged(&Lock::default(), &catalogue_with(ids, depends)))
}

#[test]
fn timestamps_decide_between_modules_even_against_dependencies() {
    let ids = "users::20200101000000_a users::20200301000000_b shop::20200201000000_c";
    assert_eq!(
        fresh(ids, &[("shop", &["users"])]),
        "users::20200101000000_a shop::20200201000000_c users::20200301000000_b"
    );
}

#[test]
fn sequential_numbers_wait_for_the_whole_dependency() {
    let ids = "shop::001_c shop::002_d users::001_a users::002_b";
    assert_eq!(fresh(ids, &[("shop", &["users"])]), "users::001_a users::002_b shop::001_c shop::002_d");
    assert_eq!(fresh(ids, &[]), "shop::001_c shop::002_d users::001_a users::002_b");
}

#[test]
fn a_timestamped_module_waits_for_the_sequential_part_of_a_dependency_only() {
    let ids = "users::001_a users::20300101000000_late shop::20200101000000_c";
    assert_eq!(
        fresh(ids, &[("shop", &["users"])]),
        "users::001_a shop::20200101000000_c users::20300101000000_late"
    );
}

#[test]
fn a_sequential_module_waits_for_a_timestamped_dependency() {
    let ids = "shop::001_c users::20200101000000_a users::20210101000000_b";
    assert_eq!(
        fresh(ids, &[("shop", &["users"])]),
        "users::20200101000000_a users::20210101000000_b shop::001_c"
    );
}

#[test]
fn an_explicit_depends_on_wins_over_the_dependency_between_modules() {
    // shop needs users, but users::002 wants to come after shop::001
    let mut users = module("users", &[], vec![migration("users::001_a"), migration("users::002_b")]);
    users.migrations[1].depends_on = vec![id("shop::001_c")];
    let shop = module("shop", &["users"], vec![migration("shop::001_c"), migration("shop::002_d")]);
    let catalogue = Catalogue::gather(vec![users, shop]).unwrap();
    assert_eq!(
        order(&merged(&Lock::default(), &catalogue)),
        "users::001_a shop::001_c users::002_b shop::002_d"
    );
}

#[test]
fn a_circle_is_printed() {
    let mut a = module("a", &[], vec![migration("a::1_x")]);
    a.migrations[0].depends_on = vec![id("b::1_y")];
    let mut b = module("b", &[], vec![migration("b::1_y")]);
    b.migrations[0].depends_on = vec![id("a::1_x")];
    let catalogue = Catalogue::gather(vec![a, b]).unwrap();
    let fault = merge(&Lock::default(), &catalogue, None).unwrap_err();
    let note = &fault.notes[0];
    assert!(
        note == "`a::1_x` before `b::1_y` before `a::1_x`"
            || note == "`b::1_y` before `a::1_x` before `b::1_y`"
    );
}

#[test]
fn what_is_locked_never_moves_and_new_older_ones_come_last() {
    let lock = locked("b::20210101000000_x a::20220101000000_y");
    let catalogue = catalogue("b::20210101000000_x a::20220101000000_y old::19990101000000_z");
    assert_eq!(
        order(&merged(&lock, &catalogue)),
        "b::20210101000000_x a::20220101000000_y old::19990101000000_z"
    );
}

#[test]
fn what_has_run_is_appended_first_in_the_order_in_which_it_ran() {
    let catalogue = catalogue("a::20200101000000_x a::20200102000000_y b::20200103000000_z");
    let merged =
        merge(&Lock::default(), &catalogue, Some(&history("b::20200103000000_z a::20200101000000_x")))
            .unwrap();
    assert_eq!(order(&merged), "b::20200103000000_z a::20200101000000_x a::20200102000000_y");
}

fn with_text(text: &str, sql: &str) -> db_migrations::migration::Migration {
    let mut migration = migration(text);
    migration.up = Scripts { plain: Some(script(sql)), ..Scripts::default() };
    migration
}

fn modules(list: Vec<(&str, db_migrations::migration::Migration)>) -> Catalogue {
    let mut modules: Vec<Module> = Vec::new();
    for (namespace, migration) in list {
        match modules.iter_mut().find(|m| m.namespace.as_str() == namespace) {
            Some(module) => module.migrations.push(migration),
            None => modules.push(module(namespace, &[], vec![migration])),
        }
    }
    Catalogue::gather(modules).unwrap()
}

#[test]
fn of_three_equal_copies_the_earliest_runs() {
    let name = |m: &str| with_text(&format!("{m}::20250904065521_job_setup"), "CREATE TABLE jobs (id int)");
    let catalogue = modules(vec![("obix", name("obix")), ("cala", name("cala")), ("job", name("job"))]);
    let merged = merged(&Lock::default(), &catalogue);
    let skipped: Vec<_> =
        merged.lock.entries.iter().map(|(id, e)| (id.namespace(), e.same_as.clone())).collect();
    let original = Some(id("cala::20250904065521_job_setup"));
    assert_eq!(skipped, [("cala", None), ("job", original.clone()), ("obix", original)]);
}

#[test]
fn a_locked_original_is_preferred_and_a_skipped_one_is_none() {
    let a = with_text("a::20250101000000_x", "S");
    let b = with_text("b::20250101000000_x", "S");
    let catalogue = modules(vec![("a", a), ("b", b)]);
    let merged = merged(&lock("b::20250101000000_x: { skip: false }\n"), &catalogue);
    assert_eq!(merged.lock.entries["a::20250101000000_x"].same_as, Some(id("b::20250101000000_x")));
    let merged = merge(&lock("b::20250101000000_x: { skip: true }\n"), &catalogue, None).unwrap();
    assert_eq!(merged.lock.entries["a::20250101000000_x"].same_as, None);
}

#[test]
fn the_one_with_more_dialects_runs_even_when_it_comes_later() {
    let one = with_text("a::20250101000000_x", "S");
    let mut three = migration("z::20250101000000_x");
    three.up.plain = None;
    three.up.variants.insert(Dialect::Sqlite, script("S"));
    three.up.variants.insert(Dialect::Postgres, script("P"));
    let catalogue = modules(vec![("a", one), ("z", three)]);
    let merged = merged(&Lock::default(), &catalogue);
    assert_eq!(merged.lock.entries["a::20250101000000_x"].same_as, Some(id("z::20250101000000_x")));
    assert!(!merged.lock.entries["z::20250101000000_x"].skip);
}

#[test]
fn an_edited_copy_is_named_and_runs() {
    let a = with_text("a::20250101000000_x", "S");
    let b = with_text("b::20250101000000_x", "T");
    let merged = merged(&Lock::default(), &modules(vec![("a", a), ("b", b)]));
    assert!(rules(&merged).contains("copy-differs"), "{}", rules(&merged));
    assert!(merged.lock.entries.values().all(|entry| !entry.skip));
}

#[test]
fn a_same_as_without_its_original_is_refused() {
    let catalogue = catalogue("a::1_x");
    for text in [
        "a::1_x: { skip: true, same-as: b::1_x }\n",
        "b::1_x: { skip: true }\na::1_x: { skip: true, same-as: b::1_x }\n",
    ] {
        assert!(
            merged(&lock(text), &catalogue).findings.iter().any(|f| f.rule.name() == "same-as"),
            "{text}"
        );
    }
}

#[test]
fn states_of_locked_entries() {
    let gone = locked("a::1_x b::1_y");
    let here = catalogue("a::2_z");
    assert!(rules(&merged(&gone, &here)).contains("missing:a::1_x missing:b::1_y"));
    let ran = merge(&gone, &here, Some(&history("a::1_x other::9_q"))).unwrap();
    assert!(rules(&ran).contains("orphaned:a::1_x missing:b::1_y"), "{}", rules(&ran));
    assert!(rules(&ran).contains("unknown:other::9_q"), "{}", rules(&ran));
    let skipped = merged(&lock("a::1_x: { skip: true }\n"), &here);
    assert!(rules(&skipped).contains("skipped-missing:a::1_x"));
    let after = merge(&lock("a::2_z: { skip: true }\n"), &here, Some(&history("a::2_z"))).unwrap();
    assert!(rules(&after).contains("skipped-after-run:a::2_z"));
}

#[test]
fn a_changed_text_says_whether_it_ran_and_which_dialect_changed() {
    let text = "a::1_x: { skip: false, checksum: 0000000000000000000000000000000000000000000000000000000000000000 }\n";
    let catalogue = catalogue("a::1_x");
    let message = |history: Option<&History>| {
        merge(&lock(text), &catalogue, history).unwrap().findings[0].diagnostic.message.clone()
    };
    assert!(message(None).ends_with("changed after it was locked"));
    assert!(message(Some(&history("a::1_x"))).ends_with("changed after it ran"));
    assert!(message(Some(&history("b::1_x"))).ends_with("it has not run here"));
}

#[test]
fn a_rename_is_proposed_and_the_new_name_is_not_appended() {
    let lock = locked("a::1_old");
    let merged = merged(&lock, &catalogue("a::1_new"));
    assert_eq!(rules(&merged), "rename:a::1_old");
    assert_eq!(order(&merged), "a::1_old");
}

#[test]
fn a_contract_step_comes_behind_what_it_is_linked_to() {
    let modules = |linked: &str| {
        let mut shop = module("shop", &[], vec![migration("shop::20200101000000_x")]);
        shop.migrations[0].contract_of = vec![id(linked)];
        let users = module("users", &[], vec![migration("users::20210101000000_y")]);
        Catalogue::gather(vec![shop, users]).unwrap()
    };
    let catalogue = modules("users::20210101000000_y");
    let (in_order, by_hand) =
        (merged(&Lock::default(), &catalogue), "shop::20200101000000_x users::20210101000000_y");
    assert_eq!(order(&in_order), "users::20210101000000_y shop::20200101000000_x");
    assert!(rules(&merged(&locked(by_hand), &catalogue)).contains("hand-order:shop::20200101000000_x"));
    let unknown = merged(&Lock::default(), &modules("users::7_never"));
    assert!(rules(&unknown).contains("unknown-contract:shop::20200101000000_x") && unknown.needs_hand());
}

#[test]
fn a_hand_order_against_depends_on_is_a_warning() {
    let mut shop = module("shop", &[], vec![migration("shop::1_x")]);
    shop.migrations[0].depends_on = vec![id("users::1_y"), id("users::7_never")];
    let catalogue =
        Catalogue::gather(vec![shop, module("users", &[], vec![migration("users::1_y")])]).unwrap();
    let merged = merged(&locked("shop::1_x users::1_y"), &catalogue);
    assert!(rules(&merged).contains("hand-order:shop::1_x"), "{}", rules(&merged));
    assert!(rules(&merged).contains("unknown-dependency:shop::1_x"), "{}", rules(&merged));
    assert!(!merged.needs_hand());
}

#[test]
fn an_id_that_was_replaced_is_not_given_again() {
    let lock = lock("a::1_new: { skip: false, replaces: [a::1_old] }\n");
    let merged = merged(&lock, &catalogue("a::1_new a::1_old"));
    assert!(rules(&merged).contains("reused:a::1_old"), "{}", rules(&merged));
    assert!(merged.needs_hand());
    assert_eq!(order(&merged), "a::1_new");
}

/// A catalogue with one migration that stands for others.
fn with_base(ids: &str, base: &str, replaces: &[&str]) -> Catalogue {
    let mut found = migration(base);
    found.replaces = replaces.iter().map(|former| former.parse().unwrap()).collect();
    let mut migrations: Vec<_> = ids.split_whitespace().map(migration).collect();
    migrations.push(found);
    Catalogue::gather(vec![module("a", &[], migrations)]).unwrap()
}

#[test]
fn a_base_takes_the_place_of_the_first_that_it_replaces() {
    let text = "x::1: { skip: true, same-as: a::2 }\na::1: {}\na::0: {}\na::2: {}\n\
                a::3: { replaces: [a::old] }\na::4: {}\n";
    let catalogue = with_base("a::0 a::4 a::2-late", "a::3-base", &["a::3", "a::1", "a::2"]);
    let taken = merged(&lock(text), &catalogue);
    assert_eq!(order(&taken), "x::1 a::3-base a::0 a::4 a::2-late");
    let base = &taken.lock.entries["a::3-base"];
    let formers: Vec<String> = base.replaces.iter().map(ToString::to_string).collect();
    assert_eq!((&formers.join(" ")[..], base.skip), ("a::old|a::3 a::1 a::2", false));
    let told = |rule| taken.findings.iter().find(|f| f.rule == rule).unwrap().diagnostic.clone();
    assert_eq!(
        told(Rule::Replaced).to_string(),
        "`a::3-base` takes the place of `a::1` and of 2 others, which it replaces"
    );
    assert!(told(Rule::New).notes[0].contains("it is older than `a::3-base`"), "{:?}", taken.findings);
    let again = merge(&taken.lock, &catalogue, None).unwrap();
    assert!(again.lock.same(&taken.lock), "{:?}", again.findings);
}

#[test]
fn a_base_of_which_a_part_is_skipped_waits_for_a_person() {
    let catalogue = with_base("", "a::3-base", &["a::1", "a::2", "a::3"]);
    for skip in ["skip: true", "skip: true, same-as: b::2"] {
        let before = lock(&format!("a::1: {{}}\na::2: {{ {skip} }}\na::3: {{}}\n"));
        let waits = merged(&before, &catalogue);
        assert!(rules(&waits).starts_with("mixed-base:a::3-base"), "{}", rules(&waits));
        assert!(!rules(&waits).contains("missing"), "{}", rules(&waits));
        assert!(waits.lock.same(&before) && waits.needs_hand());
    }
    let skipped = merged(&lock("a::1: { skip: true }\na::2: { skip: true }\n"), &catalogue);
    assert!(skipped.lock.entries["a::3-base"].skip, "{}", rules(&skipped));
}

#[test]
fn two_that_stand_for_the_same_wait_for_a_person() {
    let text = "a::3-one: { replaces: [a::1, a::2] }\na::4-two: { replaces: [a::2, a::4] }\n";
    let catalogue = catalogue("a::3-one a::4-two");
    let both = merged(&lock(text), &catalogue);
    assert!(rules(&both).contains("overlap:a::4-two") && both.needs_hand(), "{}", rules(&both));
    let one = merged(&lock(&text.replace("one: {", "one: { skip: true,")), &catalogue);
    assert!(!one.needs_hand(), "{}", rules(&one));
}

#[test]
fn what_stands_for_a_base_stands_for_its_parts() {
    let text = "a::2-base: { replaces: [a::1, a::2] }\na::3: {}\n";
    let mut renamed = lock(text);
    renamed.rename(&id("a::2-base"), &id("a::2-first"));
    let formers = |lock: &Lock, id: &str| {
        lock.entries[id].replaces.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(formers(&renamed, "a::2-first"), "a::1|a::2-base a::2|a::2-base");
    let catalogue = with_base("", "a::3-base", &["a::2-base", "a::3"]);
    let merged = merged(&lock(text), &catalogue);
    let whole = "a::1|a::2-base a::2|a::2-base a::3";
    assert_eq!(formers(&merged.lock, "a::3-base"), whole);
    let said = with_base("", "a::3-base", &whole.split(' ').collect::<Vec<_>>());
    assert_eq!(formers(&merge(&lock(text), &said, None).unwrap().lock, "a::3-base"), whole);
}

#[test]
fn who_depends_on_a_part_depends_on_the_base() {
    let mut shop = module("shop", &[], vec![migration("shop::1_x")]);
    shop.migrations[0].depends_on = vec![id("users::2_y")];
    let mut base = migration("users::3_base");
    base.replaces = vec![id("users::1_x").into(), id("users::2_y").into()];
    let catalogue = Catalogue::gather(vec![shop, module("users", &[], vec![base])]).unwrap();
    let merged = merged(&Lock::default(), &catalogue);
    assert_eq!(order(&merged), "users::3_base shop::1_x");
    assert!(!rules(&merged).contains("unknown-dependency"), "{}", rules(&merged));
}
