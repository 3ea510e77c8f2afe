//! The parts that need no database, at sizes far above what an application has.
//!
//! `cargo bench --bench pure`, or with a filter: `cargo bench --bench pure -- merge`.

#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};

use db_migrations::catalogue::Catalogue;
use db_migrations::config;
use db_migrations::discover::{Request, discover};
use db_migrations::id::{MigrationId, Namespace, Version};
use db_migrations::lock::{Document, Lock, merge};
use db_migrations::migration::{Migration, Script, Scripts};
use db_migrations::module::{Format, Module, Origin};

const MODULES: usize = 20;

/// Entry `n` of all modules together: a minute later each time, every tenth a sequential number.
fn migration(namespace: &Namespace, n: usize) -> Migration {
    let digits = if n.is_multiple_of(10) {
        format!("{:06}", n / 10)
    } else {
        let (day, minute) = (n / 1440, n % 1440);
        let (year, month, day) = (2000 + day / 336, day / 28 % 12 + 1, day % 28 + 1);
        format!("{year:04}{month:02}{day:02}{:02}{:02}00", minute / 60, minute % 60)
    };
    let id = MigrationId::new(namespace, &format!("{digits}_change_{n}")).unwrap();
    let script = Script::new(format!("ALTER TABLE t ADD COLUMN c{n} text;\n"), format!("{id}.sql"));
    let scripts = Scripts { plain: Some(script), ..Scripts::default() };
    Migration::new(id, Version::number(&digits).unwrap(), scripts)
}

/// `count` migrations in turn of 20 modules, each of which depends on the three before it and, in
/// every fiftieth migration, by `depends-on` on the migration before.
fn modules(count: usize) -> Vec<Module> {
    let namespaces: Vec<_> =
        (0..MODULES).map(|m| Namespace::new(&format!("module{m:02}")).unwrap()).collect();
    let mut modules: Vec<Module> = namespaces
        .iter()
        .enumerate()
        .map(|(m, namespace)| Module {
            namespace: namespace.clone(),
            origin: Origin::Folder,
            folder: namespace.as_str().to_owned(),
            format: Format::Native,
            depends_on: namespaces[m.saturating_sub(3)..m].iter().cloned().collect::<BTreeSet<_>>(),
            migrations: Vec::with_capacity(count / MODULES + 1),
            checks: Vec::new(),
        })
        .collect();
    let mut before: Option<MigrationId> = None;
    for n in 0..count {
        let m = n % MODULES;
        let mut found = migration(&namespaces[m], n);
        if n % 50 == 1 {
            found.depends_on.extend(before.take());
        }
        before = Some(found.id.clone());
        modules[m].migrations.push(found);
    }
    modules
}

fn catalogue(count: usize) -> Catalogue {
    Catalogue::gather(modules(count)).unwrap()
}

fn merging(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("merge");
    for count in [10_000, 100_000] {
        let catalogue = catalogue(count);
        let empty = Lock::default();
        group.bench_function(BenchmarkId::new("all new", count), |bench| {
            bench.iter(|| merge(black_box(&empty), &catalogue, None).unwrap());
        });
        let full = merge(&empty, &catalogue, None).unwrap().lock;
        assert_eq!(full.entries.len(), count);
        group.bench_function(BenchmarkId::new("nothing new", count), |bench| {
            bench.iter(|| merge(black_box(&full), &catalogue, None).unwrap());
        });
    }
    group.finish();
}

fn lock_text(criterion: &mut Criterion) {
    const COUNT: usize = 10_000;
    let mut group = criterion.benchmark_group("lock text");
    let empty = Document::parse("migrations-lock.yml", "").unwrap();
    let grown = merge(&Lock::default(), &catalogue(COUNT + 100), None).unwrap().lock;
    let mut lock = grown.clone();
    lock.entries.truncate(COUNT);
    let text = empty.edit(&lock).unwrap();
    group.bench_function(BenchmarkId::new("parse", COUNT), |bench| {
        bench.iter(|| Document::parse("migrations-lock.yml", black_box(&text)).unwrap());
    });
    let document = Document::parse("migrations-lock.yml", &text).unwrap();
    group.bench_function(BenchmarkId::new("append 100", COUNT), |bench| {
        bench.iter(|| document.edit(black_box(&grown)).unwrap());
    });
    let mut flipped = lock.clone();
    flipped.entries[COUNT / 2].skip = true;
    group.bench_function(BenchmarkId::new("flip one skip", COUNT), |bench| {
        bench.iter(|| document.edit(black_box(&flipped)).unwrap());
    });
    group.bench_function(BenchmarkId::new("nothing changed", COUNT), |bench| {
        bench.iter(|| document.edit(black_box(&lock)).unwrap());
    });
    group.finish();
}

fn write_files(root: &Path, count: usize) {
    let folder = root.join("migrations");
    std::fs::create_dir(&folder).unwrap();
    for n in 0..count {
        let mut text = String::new();
        let _ =
            writeln!(text, "CREATE TABLE t{n} (\n    id integer PRIMARY KEY,\n    name text NOT NULL\n);");
        std::fs::write(
            folder.join(format!("{:014}_create_t{n}.sql", 20_260_000_000_000_u64 + n as u64)),
            text,
        )
        .unwrap();
    }
}

fn discovery(criterion: &mut Criterion) {
    const COUNT: usize = 10_000;
    let root = tempfile::tempdir().unwrap();
    write_files(root.path(), COUNT);
    let config = config::parse("db-migrations.yml", "cargo: off\n", &|_| None).unwrap();
    let request = Request::new(root.path(), &config);
    let mut group = criterion.benchmark_group("discovery");
    group.bench_function(BenchmarkId::new("one folder", COUNT), |bench| {
        bench.iter(|| discover(black_box(&request)).unwrap());
    });
    let found = discover(&request).unwrap().modules;
    assert_eq!(found[0].migrations.len(), COUNT);
    group.bench_function(BenchmarkId::new("gather", COUNT), |bench| {
        bench.iter_batched(
            || found.clone(),
            |found| Catalogue::gather(found).unwrap(),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn settings() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(4))
}

criterion_group! { name = pure; config = settings(); targets = merging, lock_text, discovery }
criterion_main!(pure);
