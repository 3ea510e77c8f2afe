//! Modules made of texts.

use std::collections::{HashMap, HashSet};

use db_migrations::catalogue::Catalogue;
use db_migrations::config;
use db_migrations::dialect::Dialect;
use db_migrations::id::{MigrationId, Namespace, Version};
use db_migrations::lint::{Finding, Input, lint};
use db_migrations::lock::{Lock, merge};
use db_migrations::migration::{Migration, Script, Scripts, normalise};
use db_migrations::module::{Format, Module, Origin};
use db_migrations::sql::directives;

/// The way there and, behind a line of its own, the way back.
const DOWN: &str = "\n-- down\n";

pub(crate) fn migration(module: &str, n: usize, text: &str, path: &str) -> Migration {
    let (up, down) = match text.split_once(DOWN) {
        Some((up, down)) => (up, Some(down)),
        None => (text, None),
    };
    let found = directives(None, up).unwrap();
    let mut script = Script::new(normalise(up), path);
    script.no_transaction = found.no_transaction;
    script.foreign_keys = found.foreign_keys;
    let id = MigrationId::new(&Namespace::new(module).unwrap(), &format!("{n:05}_x")).unwrap();
    let scripts = |script: Script| Scripts { plain: Some(script), ..Scripts::default() };
    let mut migration = Migration::new(id, Version::number(&format!("{n:05}")).unwrap(), scripts(script));
    migration.down = down.map(|down| scripts(Script::new(normalise(down), path))).unwrap_or_default();
    migration.phase = found.phase;
    migration.contract_of = found.contract_of;
    migration.allow = found.allow;
    migration
}

pub(crate) fn module(name: &str, migrations: Vec<Migration>) -> Module {
    Module {
        namespace: Namespace::new(name).unwrap(),
        origin: if name == "app" { Origin::Application } else { Origin::Folder },
        folder: String::new(),
        format: Format::Native,
        // the application comes last
        depends_on: (name == "app").then(|| Namespace::new("other").unwrap()).into_iter().collect(),
        migrations,
        checks: Vec::new(),
    }
}

/// What is found in these migrations of all of them.
pub(crate) fn found(
    modules: Vec<Module>,
    dialect: Dialect,
    config: &config::Lint,
    wanted: &dyn Fn(&MigrationId) -> bool,
) -> Vec<Finding> {
    let catalogue = Catalogue::gather(modules).unwrap();
    let merged = merge(&Lock::default(), &catalogue, None).unwrap();
    let wanted: HashSet<MigrationId> = merged.lock.entries.keys().filter(|id| wanted(id)).cloned().collect();
    lint(&Input {
        catalogue: &catalogue,
        lock: &merged.lock,
        wanted: &wanted,
        together: true,
        old: &HashSet::new(),
        dialects: &[dialect],
        config,
        foreign_keys: &HashMap::new(),
    })
}
