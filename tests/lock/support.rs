//! Catalogues from a few words.

use std::collections::BTreeSet;

use db_migrations::catalogue::Catalogue;
use db_migrations::dialect::Dialect;
use db_migrations::history::{History, Row, RowKind};
use db_migrations::id::{MigrationId, Namespace, Version};
use db_migrations::lock::{Document, Lock, Merged, merge};
use db_migrations::migration::{Migration, Script, Scripts};
use db_migrations::module::{Format, Module, Origin};

pub(crate) fn id(text: &str) -> MigrationId {
    text.parse().unwrap()
}

pub(crate) fn script(text: &str) -> Script {
    Script::new(text, "x.sql")
}

/// A migration whose text is its id, unless it is given another.
pub(crate) fn migration(text: &str) -> Migration {
    let id = id(text);
    let digits: String = id.name().chars().take_while(char::is_ascii_digit).collect();
    let version = Version::number(&digits).unwrap_or_else(|| Version::text(id.name()));
    Migration::new(id, version, Scripts { plain: Some(script(text)), ..Scripts::default() })
}

pub(crate) fn module(namespace: &str, depends_on: &[&str], migrations: Vec<Migration>) -> Module {
    Module {
        namespace: Namespace::new(namespace).unwrap(),
        origin: Origin::Folder,
        folder: namespace.to_owned(),
        format: Format::Native,
        depends_on: depends_on.iter().map(|d| Namespace::new(d).unwrap()).collect::<BTreeSet<_>>(),
        migrations,
        checks: Vec::new(),
    }
}

/// `users::1_a users::2_b shop::1_c` → modules without dependencies.
pub(crate) fn catalogue(ids: &str) -> Catalogue {
    catalogue_with(ids, &[])
}

/// The same with `(module, what it depends on)`.
pub(crate) fn catalogue_with(ids: &str, depends: &[(&str, &[&str])]) -> Catalogue {
    let mut modules: Vec<Module> = Vec::new();
    for text in ids.split_whitespace() {
        let migration = migration(text);
        let namespace = migration.id.namespace().to_owned();
        if let Some(module) = modules.iter_mut().find(|m| m.namespace.as_str() == namespace) {
            module.migrations.push(migration);
        } else {
            let needs = depends.iter().find(|(m, _)| *m == namespace).map_or(&[][..], |(_, d)| d);
            modules.push(module(&namespace, needs, vec![migration]));
        }
    }
    Catalogue::gather(modules).unwrap()
}

pub(crate) fn history(ids: &str) -> History {
    let rows = ids.split_whitespace().enumerate().map(|(i, text)| Row {
        id: id(text),
        checksum: None,
        dialect: Some(Dialect::Sqlite),
        kind: RowKind::Applied,
        run: "r".to_owned(),
        position: i64::try_from(i).unwrap() + 1,
        executed_at: String::new(),
        execution_ms: None,
    });
    History::new(rows.collect())
}

pub(crate) fn lock(text: &str) -> Lock {
    Document::parse("migrations-lock.yml", text).unwrap().lock().clone()
}

/// A lock of these ids, in this order, without checksums.
pub(crate) fn locked(ids: &str) -> Lock {
    let lines: Vec<String> = ids.split_whitespace().map(|id| format!("{id}: {{ skip: false }}\n")).collect();
    lock(&lines.concat())
}

pub(crate) fn order(merged: &Merged) -> String {
    merged.lock.entries.keys().map(MigrationId::as_str).collect::<Vec<_>>().join(" ")
}

pub(crate) fn merged(lock: &Lock, catalogue: &Catalogue) -> Merged {
    merge(lock, catalogue, None).unwrap()
}

pub(crate) fn rules(merged: &Merged) -> String {
    merged.findings.iter().map(|f| format!("{}:{}", f.rule.name(), f.id)).collect::<Vec<_>>().join(" ")
}
