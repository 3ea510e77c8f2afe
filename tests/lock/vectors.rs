//! The 80 cases of the order rule that came with the project.

use std::collections::HashMap;

use db_migrations::catalogue::Catalogue;
use db_migrations::id::{Namespace, Version};
use db_migrations::lock::{Entry, Lock, merge};
use db_migrations::migration::{Migration, Script, Scripts};
use db_migrations::module::Module;

use crate::support::module;

#[derive(serde::Deserialize)]
struct Case {
    id: usize,
    discovered: Vec<String>,
    lock: Vec<(String, bool)>,
    executed: Vec<String>,
    expect: Expect,
}

#[derive(serde::Deserialize)]
struct Expect {
    order: Vec<String>,
    to_execute: Vec<String>,
    lock_after: Vec<(String, bool)>,
}

/// The rank of a module is the order of its first appearance: its namespace gets that as prefix.
struct Names {
    ranks: HashMap<String, usize>,
}

impl Names {
    fn new(case: &Case) -> Self {
        let mut ranks = HashMap::new();
        let locked = case.lock.iter().map(|(class, _)| class);
        for class in case.discovered.iter().chain(locked) {
            let next = ranks.len();
            ranks.entry(namespace(class).to_owned()).or_insert(next);
        }
        Self { ranks }
    }

    fn id(&self, class: &str) -> db_migrations::id::MigrationId {
        let (namespace, name) = class.rsplit_once('\\').unwrap();
        format!("{:03}-{namespace}::{name}", self.ranks[namespace]).parse().unwrap()
    }
}

fn namespace(class: &str) -> &str {
    class.rsplit_once('\\').unwrap().0
}

fn catalogue(case: &Case, names: &Names) -> Catalogue {
    let mut modules: Vec<Module> = Vec::new();
    for class in &case.discovered {
        let id = names.id(class);
        let version = Version::number(id.name().strip_prefix("Version").unwrap()).unwrap();
        let text = Scripts { plain: Some(Script::new(class.as_str(), "x")), ..Scripts::default() };
        let space = Namespace::new(id.namespace()).unwrap();
        let migration = Migration::new(id, version, text);
        match modules.iter_mut().find(|m| m.namespace == space) {
            Some(module) => module.migrations.push(migration),
            None => modules.push(module(space.as_str(), &[], vec![migration])),
        }
    }
    Catalogue::gather(modules).unwrap()
}

#[test]
fn all_eighty_cases() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../cases/lock_vectors.json")).unwrap();
    assert_eq!(cases.len(), 80);
    for case in &cases {
        let names = Names::new(case);
        let mut before = Lock::default();
        for (class, skip) in &case.lock {
            before.entries.insert(names.id(class), Entry { skip: *skip, ..Entry::default() });
        }
        let catalogue = catalogue(case, &names);
        let merged = merge(&before, &catalogue, None).unwrap();
        let after: Vec<(String, bool)> =
            merged.lock.entries.iter().map(|(id, entry)| (id.to_string(), entry.skip)).collect();
        let wanted: Vec<(String, bool)> =
            case.expect.lock_after.iter().map(|(class, skip)| (names.id(class).to_string(), *skip)).collect();
        assert_eq!(after, wanted, "lock of case {}", case.id);
        let runs: Vec<String> = merged
            .lock
            .runnable()
            .filter(|id| catalogue.get(id).is_some())
            .map(ToString::to_string)
            .collect();
        let wanted: Vec<String> = case.expect.order.iter().map(|class| names.id(class).to_string()).collect();
        assert_eq!(runs, wanted, "order of case {}", case.id);
        let pending: Vec<&String> =
            runs.iter().filter(|id| case.executed.iter().all(|e| names.id(e).as_str() != *id)).collect();
        let wanted: Vec<String> =
            case.expect.to_execute.iter().map(|class| names.id(class).to_string()).collect();
        assert_eq!(pending, wanted.iter().collect::<Vec<_>>(), "pending of case {}", case.id);
    }
}
