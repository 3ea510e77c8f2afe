//! All prefixes of real locks, each byte gone, doubled or changed: refused with a line, or harmless, or seen
//! by the digest that a snapshot keeps. Never another order or another skip unseen.
//!
//! Of our own each byte is changed in many ways, of the others in one, another for the next byte. Of the
//! locks of real crates some lines are taken, all with `DB_MIGRATIONS_ROUNDS`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::sync::Mutex;

use db_migrations::catalogue::Catalogue;
use db_migrations::dialect::Dialect;
use db_migrations::id::{Checksum, Namespace, Version};
use db_migrations::lock::{Document, Lock};
use db_migrations::migration::{Migration, Script, Scripts};
use db_migrations::module::{Format, Module, Origin};
use db_migrations::snapshot::Fingerprint;

use crate::support::measured::measured;
use crate::support::project::Project;

/// How the damaged texts of one lock ended.
#[derive(Debug, Default)]
struct Count {
    refused: usize,
    /// The same ids in the same order with the same skips.
    same: usize,
    /// Other ids, order or skips, and another digest.
    seen: usize,
    /// Other ids, order or skips under the same digest: must not be.
    unseen: usize,
}

impl Count {
    fn all(&self) -> usize {
        self.refused + self.same + self.seen + self.unseen
    }

    fn add(&mut self, other: &Self) {
        self.refused += other.refused;
        self.same += other.same;
        self.seen += other.seen;
        self.unseen += other.unseen;
    }
}

/// How many ways a byte is changed in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Changes {
    Many,
    One,
}

/// The bytes that stand for one.
fn others(byte: u8, at: usize, changes: Changes) -> Vec<u8> {
    let mut others = vec![byte ^ 1, byte ^ 0x20, b'\n', b'#', b' ', b'"', b'0', 0xff];
    others.retain(|other| *other != byte);
    if changes == Changes::One {
        others = vec![others[at % others.len()]];
    }
    others
}

/// A lock as a project has it after a year: comments, blank lines, skips, copies, older names.
fn grown(entries: usize) -> String {
    let mut text = String::from(db_migrations::lock::HEADER);
    text.push('\n');
    for n in 0..entries {
        let (module, sum) = (["app", "users", "shop-core"][n % 3], Checksum::of(&[u8::try_from(n).unwrap()]));
        let fields = match n % 9 {
            2 => "skip: true, ".to_owned(),
            4 => format!("skip: true, same-as: app::{:04}_step, ", n - n % 3),
            6 => format!("skip: false, replaces: [old::{n}_a, \"old::{n} b\"], "),
            7 => "skip: false, reviewed: true, ".to_owned(),
            _ => "skip: false, ".to_owned(),
        };
        match n % 7 {
            3 => text.push_str("# the vendor's index locks the table\n"),
            5 => text.push_str("\n# a new year\n\n"),
            _ => {}
        }
        if n % 11 == 8 {
            writeln!(text, "{module}::{n:04}_step:\n  skip: true\n  checksum: {sum}").unwrap();
        } else if n % 4 == 1 {
            writeln!(text, "{module}::{n:04}_step: {{ {fields}checksum: {sum} }}").unwrap();
        } else {
            writeln!(text, "{module}::{n:04}_step: {{ {} }}", fields.trim_end_matches(", ")).unwrap();
        }
    }
    text
}

/// The migrations that a lock speaks of, so that the digest is made of texts, as in a project.
fn catalogue(lock: &Lock) -> Catalogue {
    let mut modules: BTreeMap<String, Vec<Migration>> = BTreeMap::new();
    for id in lock.entries.keys() {
        let digits: String = id.name().chars().take_while(char::is_ascii_digit).collect();
        let up = Scripts { plain: Some(Script::new(id.as_str(), "x.sql")), ..Scripts::default() };
        let migration = Migration::new(id.clone(), Version::number(&digits).unwrap(), up);
        modules.entry(id.namespace().to_owned()).or_default().push(migration);
    }
    let module = |(namespace, migrations): (String, Vec<Migration>)| Module {
        namespace: Namespace::new(&namespace).unwrap(),
        origin: Origin::Folder,
        folder: namespace,
        format: Format::Native,
        depends_on: [].into(),
        migrations,
        checks: Vec::new(),
    };
    Catalogue::gather(modules.into_iter().map(module).collect()).unwrap()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The lock that the crates of `tests/real` got: its copies, and some of the others.
fn real(name: &str) -> String {
    let whole = read(&format!("tests/cases/locks/{name}.yml"));
    if std::env::var_os("DB_MIGRATIONS_ROUNDS").is_some() {
        return whole;
    }
    let lines = whole.split_inclusive('\n').enumerate();
    lines.filter(|(n, line)| n % 6 == 0 || line.contains("same-as")).map(|(_, line)| line).collect()
}

fn without_checksums(lock: &str) -> String {
    let mut text = String::new();
    for line in lock.lines() {
        let kept = line.split("checksum").next().unwrap().trim_end_matches([' ', ',']);
        let close = if kept.contains('{') { " }" } else { "" };
        writeln!(text, "{kept}{close}").unwrap();
    }
    text
}

fn damage(lock: &str, changes: Changes) -> Count {
    let whole = Document::parse("migrations-lock.yml", lock).unwrap();
    let catalogue = catalogue(whole.lock());
    let before = Fingerprint::of(whole.lock(), &catalogue, Dialect::Sqlite);
    let mut count = Count::default();
    let mut judge = |bytes: &[u8]| {
        // a file that is not UTF-8 is refused before it is parsed
        let Ok(text) = std::str::from_utf8(bytes) else { return count.refused += 1 };
        let document = match Document::parse("migrations-lock.yml", text) {
            Ok(document) => document,
            Err(faults) => {
                assert!(faults.iter().all(|fault| !fault.frames.is_empty()), "no line is named: {faults:?}");
                return count.refused += 1;
            }
        };
        let after = Fingerprint::of(document.lock(), &catalogue, Dialect::Sqlite);
        if after.entries == before.entries {
            assert_eq!(after.digest, before.digest);
            count.same += 1;
        } else if after.digest == before.digest || before.changes(&after).is_empty() {
            count.unseen += 1;
        } else {
            count.seen += 1;
        }
    };
    let bytes = lock.as_bytes();
    for at in 0..bytes.len() {
        judge(&bytes[..at]);
        let with = |middle: &[u8]| [&bytes[..at], middle, &bytes[at + 1..]].concat();
        judge(&with(&[]));
        if changes == Changes::Many {
            judge(&with(&[bytes[at], bytes[at]]));
        }
        for byte in others(bytes[at], at, changes) {
            judge(&with(&[byte]));
        }
    }
    count
}

#[test]
fn no_damage_of_a_lock_changes_order_or_skips_unseen() {
    let own = read("migrations-lock.yml");
    let locks = [
        ("our own", own.clone(), Changes::Many),
        ("one with CRLF", own.replace('\n', "\r\n"), Changes::One),
        ("one without checksums", without_checksums(&own), Changes::One),
        ("one of years", grown(50), Changes::One),
        ("one of five crates", real("postgres"), Changes::One),
        ("one with copies of variants", real("sqlite"), Changes::One),
    ];
    let total = Mutex::new(Count::default());
    std::thread::scope(|scope| {
        for (name, lock, changes) in &locks {
            let total = &total;
            scope.spawn(move || {
                let count = damage(lock, *changes);
                println!("{name}, {} bytes, {} damaged texts: {count:?}", lock.len(), count.all());
                assert_eq!(count.unseen, 0, "{name}");
                assert!(count.refused > 0 && count.same > 0 && count.seen > 0, "{name}: {count:?}");
                total.lock().unwrap().add(&count);
            });
        }
    });
    let total = total.into_inner().unwrap();
    measured(
        "lock_bytes::no_damage_of_a_lock_changes_order_or_skips_unseen",
        &format!(
            "{} texts of {} locks: {} refused, {} the same, {} seen, {} unseen",
            total.all(),
            locks.len(),
            total.refused,
            total.same,
            total.seen,
            total.unseen
        ),
    );
}

/// The same through the program, for a few that parse and mean something else.
#[test]
fn damage_that_can_be_read_is_refused_under_locked() {
    let project = Project::with_config("cargo: off\ndialects: [sqlite]\n");
    for n in 1..=3 {
        project.write(&format!("migrations/{n}_t.sql"), format!("CREATE TABLE t{n} (id int);\n"));
    }
    project.run_alone(&["lock"]).ok();
    let lock = project.lock();
    let lines: Vec<&str> = lock.lines().collect();
    let moved = [&lines[..2], &[lines[3], lines[2], lines[4]]].concat().join("\n");
    let damaged = [
        lock.replace("app::1_t: { skip: false", "app::1_t: { skip: true"),
        lock.replace("app::2_t", "#app::2_t"),
        lines[..4].join("\n"),
        moved,
        lock.replacen("app::3_t", "app::3_u", 1),
        lock.replacen("app::1_t: {", "app::1_t: # {", 1),
    ];
    let url = format!("sqlite://{}", project.join("app.db").display());
    for text in damaged {
        assert_ne!(text, lock);
        project.write("migrations-lock.yml", &text);
        project.run_at(&url, &["migrate", "--locked"]).exits(7);
        assert_ne!(project.run_alone(&["lock", "--check"]).code, 0, "{text}");
        assert!(!project.exists("app.db"), "nothing ran");
    }
    project.write("migrations-lock.yml", &lock);
    project.run_at(&url, &["migrate", "--locked"]).ok();
}
