//! Every moment that the sources name is reached by some run of these tests, at least 40 of them on each database.

use std::collections::BTreeSet;
use std::path::Path;

use crate::scene::{Mode, Scene};
use crate::support::database::each_database;

/// The names in the sources.
fn named() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for call in text.split("fault_point!(").skip(1) {
                let call = call.trim_start().trim_start_matches("now ");
                names.extend(
                    call.strip_prefix('"').and_then(|rest| rest.split('"').next()).map(str::to_owned),
                );
            }
        }
    }
    names.remove("name"); // in the documentation of the macro
    names
}

#[test]
fn every_moment_is_reached() {
    let mut left = named();
    assert!(left.len() >= 40, "{left:?}");
    let seen = std::sync::Mutex::new(BTreeSet::new());
    each_database(|db| {
        let mut here = BTreeSet::new();
        for (mode, count) in [
            (Mode::Whole, 1),
            (Mode::Apart, 5),
            (Mode::First, 1),
            (Mode::Split, 2),
            (Mode::Called, 1),
            (Mode::Contract, 1),
        ] {
            here.extend(Scene { mode, count }.stage(db).undisturbed(db).reached.into_keys());
        }
        assert!(here.len() >= 40, "{} reaches {}: {here:?}", db.dialect(), here.len());
        seen.lock().unwrap().append(&mut here);
    });
    let seen = seen.into_inner().unwrap();
    left.retain(|name| !seen.contains(name));
    assert!(left.is_empty(), "never reached: {left:?}");
}
