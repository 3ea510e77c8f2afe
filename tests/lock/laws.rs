//! Laws, over generated locks and catalogues.

use db_migrations::catalogue::Catalogue;
use db_migrations::id::Checksum;
use db_migrations::lock::{Document, Entry, Lock, merge};
use db_migrations::migration::Former;
use db_migrations::module::Module;
use proptest::prelude::*;

use crate::support::{id, migration, module};

fn name() -> impl Strategy<Value = String> {
    ("[a-c]", prop_oneof!["[0-9]{1,3}_[a-z]{0,2}", "20(1|2)[0-9]0101000000_[a-z]", "[a-zä .:#{\\[]{1,4}x"])
        .prop_map(|(module, name)| format!("{module}::{}", name.trim()))
        .prop_filter("ids", |text| text.parse::<db_migrations::id::MigrationId>().is_ok())
}

fn entry() -> impl Strategy<Value = Entry> {
    (
        any::<bool>(),
        proptest::option::of(name()),
        proptest::option::of(any::<u8>()),
        proptest::option::of(any::<bool>()),
        proptest::collection::vec(proptest::collection::vec(name(), 1..4), 0..4),
    )
        .prop_map(|(skip, same_as, checksum, reviewed, replaces)| Entry {
            skip,
            same_as: same_as.map(|text| id(&text)),
            checksum: checksum.map(|byte| Checksum::of(&[byte])),
            reviewed,
            replaces: replaces.iter().map(|names| former(names)).collect(),
        })
}

fn former(names: &[String]) -> Former {
    let names: Vec<_> = names.iter().map(|name| id(name)).collect();
    Former::new(names[0].clone(), names[1..].to_vec())
}

fn any_lock() -> impl Strategy<Value = Lock> {
    proptest::collection::vec((name(), entry()), 0..12).prop_map(|entries| Lock {
        entries: entries.into_iter().map(|(text, entry)| (id(&text), entry)).collect(),
    })
}

/// Modules a, b, c (c needs b needs a when the flag is set) with generated migrations.
fn modules() -> impl Strategy<Value = Vec<Module>> {
    (proptest::collection::btree_set(name(), 0..15), any::<bool>()).prop_map(|(names, chain)| {
        let needs: [&[&str]; 3] = if chain { [&[], &["a"], &["a", "b"]] } else { [&[], &[], &[]] };
        ["a", "b", "c"]
            .into_iter()
            .zip(needs)
            .map(|(space, needs)| {
                let prefix = format!("{space}::");
                let mine = names.iter().filter(|n| n.starts_with(&prefix)).map(|n| migration(n));
                module(space, needs, mine.collect())
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(lock in any_lock()) {
        let empty = Document::parse("l", "").unwrap();
        let text = empty.edit(&lock).unwrap();
        let again = Document::parse("l", &text).unwrap();
        prop_assert!(again.lock().same(&lock));
        prop_assert_eq!(again.edit(&lock).unwrap(), text);
    }

    #[test]
    fn any_lock_can_be_edited_into_any_other(a in any_lock(), b in any_lock(), comments in any::<u16>()) {
        let plain = Document::parse("l", "").unwrap().edit(&a).unwrap();
        let mut text = String::new();
        for (i, line) in plain.lines().enumerate() {
            match comments.rotate_left(u32::try_from(i).unwrap()) % 5 {
                0 => text.push_str("# a comment\n"),
                1 => text.push_str("\n# apart\n\n"),
                _ => {}
            }
            text.push_str(line);
            text.push('\n');
        }
        let document = Document::parse("l", &text).unwrap();
        let edited = document.edit(&b).unwrap();
        prop_assert!(Document::parse("l", &edited).unwrap().lock().same(&b));
    }

    #[test]
    fn merge_is_idempotent_and_keeps_what_is_locked(lock in any_lock(), modules in modules()) {
        let catalogue = Catalogue::gather(modules).unwrap();
        let once = merge(&lock, &catalogue, None).unwrap();
        let twice = merge(&once.lock, &catalogue, None).unwrap();
        prop_assert!(once.lock.same(&twice.lock));
        prop_assert!(twice.findings.iter().all(|f| !f.rule.changes_lock()));
        prop_assert!(once.lock.entries.keys().take(lock.entries.len()).eq(lock.entries.keys()));
    }

    #[test]
    fn the_order_does_not_depend_on_the_order_of_discovery(modules in modules(), seed in any::<u64>()) {
        let mut shuffled = modules.clone();
        let mut state = seed | 1;
        let mut next = |n: usize| { state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1); usize::try_from(state >> 33).unwrap() % n };
        for module in &mut shuffled {
            for i in (1..module.migrations.len()).rev() { module.migrations.swap(i, next(i + 1)); }
        }
        for i in (1..shuffled.len()).rev() { shuffled.swap(i, next(i + 1)); }
        let text = |modules| {
            let merged = merge(&Lock::default(), &Catalogue::gather(modules).unwrap(), None).unwrap();
            Document::parse("l", "").unwrap().edit(&merged.lock).unwrap()
        };
        prop_assert_eq!(text(modules), text(shuffled));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,40}|[a:{} \n&*!#\"'\\-\\[\\],]{0,40}") {
        let _ = Document::parse("l", &text);
    }
}
